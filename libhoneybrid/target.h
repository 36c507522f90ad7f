/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Targets and instances as the engine reads them. Everything is constant once the policy is sealed;
 * setters are public (policy.h).
 */
#ifndef HB_TARGET_H
#define HB_TARGET_H

#include "translation.h"

#include <honeybrid/policy.h>

#include <stdatomic.h>

struct hb_instance; /* registry.h */
struct hb_filter;   /* filter.h */

/* All leaves of a target's rules are numbered through: a flow keeps two bits for each. */
#define HB_TARGET_LEAVES_MAX 32

/* A rule whose names are resolved. */
struct hb_bound_rule {
	struct hb_rule *rule;           /* NULL: no rule was given */
	struct hb_instance **instances; /* one a leaf, borrowed from the policy */
	unsigned first_leaf;            /* number of its first leaf in the target */
};

struct hb_backend {
	struct hb_endpoint endpoint;
	char *tag;                 /* of a clone; else NULL */
	struct hb_way way;         /* to a clone; else all zero */
	struct hb_bound_rule rule; /* may be none, where the target has a backpick rule */
};

struct hb_target {
	struct hb_policy *policy; /* who owns it */
	unsigned number;          /* in the policy, from 1 */
	struct hb_filter *filter;
	struct hb_endpoint frontend;
	struct hb_bound_rule frontend_rule;
	struct hb_bound_rule backpick_rule;
	struct hb_backend *backends;
	unsigned backend_count;
	struct hb_bound_rule control_rule;
	enum hb_on_failure on_failure;
	bool by_place; /* as its policy's, once sealed */
	unsigned leaf_count;
	bool has_frontend;
};

/* A frontend or backend, and the target that is asked about what it starts. */
struct hb_honeypot {
	struct hb_addr addr;
	uint32_t interface; /* of a clone; else 0 */
	size_t target;      /* place in the policy's list */
	bool backend;       /* of any target */
	unsigned clone;     /* its number among the target's backends; 0: it is none */
};

struct hb_policy {
	atomic_uint refs;
	bool sealed;
	bool loaded; /* the instances know what was in their files */
	struct hb_options options;
	struct hb_instance **instances;
	size_t instance_count;
	struct hb_target **targets; /* in file order */
	size_t target_count;
	struct hb_uplink *uplinks; /* their names are ours */
	size_t uplink_count;
	bool by_place; /* where a packet comes from counts: there are uplinks or clones */
	/* Once sealed: one entry an address and interface, in their order. */
	struct hb_honeypot *honeypots;
	size_t honeypot_count;
};

/* Makes an empty target that belongs to policy. Free with hb_target_free(). */
struct hb_target *hb_target_new(struct hb_policy *policy);
void hb_target_free(struct hb_target *target);

/*
 * Checks that a target is complete, and numbers its leaves: first the frontend's rule, then the
 * backpick rule, the backends' in file order, the control rule.
 *
 * @number  of the target, from 1, for errors.
 */
int hb_target_seal(struct hb_target *target, size_t number, struct hb_error *err);

/* The instance of that name, NULL if there is none. */
struct hb_instance *hb_policy_find_instance(const struct hb_policy *policy, const char *name);

/* The first target whose filter and IP version take the packet, or NULL. The filter sees the packet's bytes. */
const struct hb_target *hb_policy_match(const struct hb_policy *policy,
					const struct hb_packet *packet);

/*
 * If addr is the frontend or a backend of any target: the target whose control rule covers it (the
 * first in file order that has one, else the first that names the address). Else NULL.
 */
const struct hb_target *hb_policy_find_honeypot(const struct hb_policy *policy,
						const struct hb_addr *addr);

/*
 * Which honeypot of this address is behind an interface; *target is the target that covers it, and
 * *clone its number among that one's backends, 0 if it is no clone, or nobody knows which.
 * @interface  0: unknown.
 * Returns     false if the address belongs to clones, and none of them is behind the interface.
 */
bool hb_policy_tell_clone(const struct hb_policy *policy, const struct hb_addr *addr,
			  uint32_t interface, const struct hb_target **target, unsigned *clone);

/* The uplink that a mark stands for; NULL: none. */
const struct hb_uplink *hb_policy_find_uplink(const struct hb_policy *policy, uint32_t mark);

/* True if addr is a backend of any target; also if it is a frontend of another. */
bool hb_policy_is_backend(const struct hb_policy *policy, const struct hb_addr *addr);

#endif
