/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy: module instances, targets and options, built once, then sealed and shared.
 *
 *	policy = hb_policy_new();
 *	hb_policy_add_instance(policy, "hash", hb_module_builtin("hash"), NULL, 0, &err);
 *	target = hb_policy_add_target(policy);
 *	hb_target_set_filter(target, "dst host 10.0.0.2", &err);
 *	hb_target_set_frontend(target, &frontend, NULL, &err);
 *	hb_target_add_backend(target, &backend, "hash", &err);
 *	hb_policy_seal(policy, &err);
 *
 * Building is for one thread. A sealed policy never changes and may be used by engines in any
 * number of threads; the last reference frees it, its instances and their state.
 *
 * Setters return 0 or a negative errno and fill in *err (NULL allowed), whose column points into
 * the text that was given. Text and addresses are copied.
 */
#ifndef HONEYBRID_POLICY_H
#define HONEYBRID_POLICY_H

#include <honeybrid/module.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hb_policy;
struct hb_target;

/* What applies to every flow. Fill with hb_options_default() first. */
struct hb_options {
	size_t size; /* sizeof(struct hb_options) */
	uint32_t
		expiration_delay_s; /* UDP, undecided and half-open flows end after this idle time */
	uint32_t established_timeout_s; /* established TCP flows in PROXY or FORWARD (RFC 5382) */
	uint32_t closed_delay_ms;       /* how long a closed flow is kept for late packets */
	uint32_t handover_timeout_ms;   /* for one whole handover */
	bool reset_ext;                 /* answer a refused TCP flow with RST */
	bool deny_hih_init; /* refuse what backends start, whatever the control rule says */
	/* Per engine; a source with more than a sixteenth of them makes room before others. */
	uint32_t max_flows;
	uint32_t max_packet_buffer; /* recorded client segments per undecided flow; 0: unlimited */
	uint32_t max_flow_buffer_bytes;  /* recorded or held bytes per flow */
	uint64_t max_total_buffer_bytes; /* and per engine: a quarter of it for one source */
	uint32_t uplink_mask; /* bits of a packet's mark that say where it comes from and leaves */
};

/* The defaults: 120 s, 7440 s, 2 s, 5 s, no, no, 1,000,000, unlimited, 65,536, 64 MiB, 0xffff. */
HB_API void hb_options_default(struct hb_options *options);

/* Who gets a session whose handover failed. */
enum hb_on_failure {
	HB_ON_FAILURE_FRONTEND = 0, /* the frontend goes on serving it */
	HB_ON_FAILURE_RESET,        /* the client gets a RST */
	HB_ON_FAILURE_DROP,         /* silence */
	HB_ON_FAILURE_COUNT
};

/* Makes an empty policy with the default options, given: release with hb_policy_unref(). */
HB_API struct hb_policy *hb_policy_new(void);

/* Takes one more reference. Thread: any. Returns policy. */
HB_API struct hb_policy *hb_policy_ref(struct hb_policy *policy);

/* Gives a reference back; the last one frees. NULL is fine. Thread: any. */
HB_API void hb_policy_unref(struct hb_policy *policy);

/* Sets the options; must come before hb_policy_seal(), uplink_mask counts for what is added later. */
HB_API int hb_policy_set_options(struct hb_policy *policy, const struct hb_options *options,
				 struct hb_error *err);

/*
 * Checks a module as hb_policy_add_instance() does, before anything else of it is used. Of a module
 * with another ABI number only .abi is read.
 */
HB_API int hb_policy_check_module(const struct hb_module *module, struct hb_error *err);

/* One of several networks that lead to attackers. */
struct hb_uplink {
	const char *name;  /* copied */
	uint32_t mark;     /* of packets that came from there, within uplink_mask; not 0 */
	struct hb_addr ip; /* the gateway's own address there */
};

/*
 * Adds an uplink. A session belongs to the one that its first packet came by: the same addresses and
 * ports by another one are another session, and packets to its client get the mark's bits.
 * ICMP errors of this host's own to such a client get ip as their source, if both are of one IP version.
 * Errors: a name or a mark that another has, or a mark of 0.
 */
HB_API int hb_policy_add_uplink(struct hb_policy *policy, const struct hb_uplink *uplink,
				struct hb_error *err);

/* One "key = value;" of a module section, as text. line and column come back in errors about it. */
struct hb_setting {
	const char *name;
	const char *value;
	int line, column;
};

/*
 * Makes an instance of a module under a name that rules use.
 *
 * @module    borrowed until the policy is freed.
 * @settings  count of them, without "function"; checked against the module's schema.
 * Errors: name taken or empty, what hb_policy_check_module() says, unknown, missing or repeated
 * parameter, value out of range, file already used by another instance, what the module's create()
 * says.
 */
HB_API int hb_policy_add_instance(struct hb_policy *policy, const char *name,
				  const struct hb_module *module, const struct hb_setting *settings,
				  size_t count, struct hb_error *err);

/*
 * Adds an empty target behind the others. Borrowed: it belongs to the policy. NULL: no memory, or the
 * policy is sealed.
 */
HB_API struct hb_target *hb_policy_add_target(struct hb_policy *policy);

/*
 * Sets which new flows the target takes: a libpcap expression on raw IP packets, of the IP version
 * that its frontend has. "proto tcp",
 * "proto udp", "proto icmp" (also behind "ip" and "ip6") are taken as libpcap's "proto \tcp".
 * Errors: code HB_ERROR_FILTER with libpcap's reason.
 */
HB_API int hb_target_set_filter(struct hb_target *target, const char *expression,
				struct hb_error *err);

/*
 * Sets who answers first. Port 0 keeps the attacked port. @rule NULL accepts everything.
 * Errors: set twice, a rule that does not parse or names an unknown instance.
 */
HB_API int hb_target_set_frontend(struct hb_target *target, const struct hb_endpoint *frontend,
				  const char *rule, struct hb_error *err);

/*
 * Adds a backend behind the others; they are numbered from 1. Without a rule (NULL) it gets what a
 * backpick rule picks it for.
 */
HB_API int hb_target_add_backend(struct hb_target *target, const struct hb_endpoint *backend,
				 const char *rule, struct hb_error *err);

/* A clone: a backend that shares its IP address and its hardware address with others. */
struct hb_clone {
	const char
		*tag; /* its name in events: letters, digits, '-', '_', '.'; one a clone; copied */
	uint32_t interface; /* index of the one that leads to it, and to nobody else; not 0 */
	uint32_t mark; /* of packets to it, within uplink_mask; 0: none, and no route goes by it */
};

#define HB_CLONE_TAG_MAX 31

/*
 * Adds a backend that is told from others of its address by its interface: what comes in there with
 * this address is the clone's, what goes to it has out_interface and the bits of its mark.
 * Errors: those of hb_target_add_backend(); a tag, or an address, that is used otherwise already.
 */
HB_API int hb_target_add_clone(struct hb_target *target, const struct hb_clone *clone,
			       const struct hb_endpoint *backend, const char *rule,
			       struct hb_error *err);

/*
 * Sets the rule that is asked before those of the backends: where it accepts, the backend that its
 * modules picked (hb_query_pick) gets the flow, if that one's own rule accepts too.
 * Errors as for the frontend.
 */
HB_API int hb_target_set_backpick(struct hb_target *target, const char *rule, struct hb_error *err);

/* Sets the rule for what this target's honeypots start. Errors as for the frontend. */
HB_API int hb_target_set_control(struct hb_target *target, const char *rule, struct hb_error *err);

/* Sets what happens after a failed handover; HB_ON_FAILURE_FRONTEND if never called. */
HB_API void hb_target_set_on_failure(struct hb_target *target, enum hb_on_failure on_failure);

/*
 * Checks that every target is complete (filter, frontend; addresses of one family) and makes the
 * policy immutable. Only a sealed policy can be given to an engine.
 */
HB_API int hb_policy_seal(struct hb_policy *policy, struct hb_error *err);

/*
 * For a reload: lets the instances go on with what those of another policy know, wherever name, module
 * and "backup" are equal. If all parameters are, it is the module's whole state; if some differ, or
 * one is a FILE (which the new instance has read again), it is what is in the module's store, unless
 * the way in which that stands in a state file has changed. It is shared, not copied: engines that
 * still have the other policy go on to change it. It lives as long as one of the policies.
 *
 * The order of a reload: make the new policy, save the old one, adopt, hb_policy_load() (which reads
 * the files of all others), hb_engine_set_policy(). Up to the last step the old policy is as before.
 *
 * @policy  not loaded yet, and in no engine.
 * @from    loaded; engines may run with it meanwhile.
 * Returns  0; -EINVAL with *err filled in if one of them is not as it must be.
 * Thread:  one at a time for each policy; it may not run beside hb_policy_save() of from.
 */
HB_API int hb_policy_adopt(struct hb_policy *policy, struct hb_policy *from, struct hb_error *err);

/*
 * True if somebody but the caller has a reference. Engines give theirs back with the last flow that
 * started under the policy: who wants to free it in a thread of his own waits for that.
 * Thread: any.
 */
HB_API bool hb_policy_is_shared(const struct hb_policy *policy);

/*
 * Reads what the instances knew, from the files that their parameter "backup" names. A file that is
 * not there is one without entries. Once, before any engine has the policy.
 *
 * Errors: code HB_ERROR_STATE with file and line; the policy is good for hb_policy_unref() only.
 */
HB_API int hb_policy_load(struct hb_policy *policy, struct hb_error *err);

/*
 * Writes what the instances know, each to a new file that takes the old one's place when it is
 * complete. Waits for the disk; engines may run meanwhile. hb_policy_load() must have succeeded, so
 * that no file is lost that was never read. Of several errors the first is told.
 *
 * @now    what has expired by then is left out.
 * Errors: code HB_ERROR_STATE with the file.
 * Thread: any, one at a time.
 */
HB_API int hb_policy_save(const struct hb_policy *policy, struct hb_time now, struct hb_error *err);

/*
 * The name of an instance that remembers, but has no "backup": number i of them, from 0; NULL behind
 * the last. Borrowed until the policy is freed.
 */
HB_API const char *hb_policy_forgetful_at(const struct hb_policy *policy, size_t i);

/* A built-in module by name, NULL if there is none. */
HB_API const struct hb_module *hb_module_builtin(const char *name);

/* Built-in module i, from 0, in alphabetical order; NULL behind the last. */
HB_API const struct hb_module *hb_module_builtin_at(size_t i);

#ifdef __cplusplus
}
#endif

#endif
