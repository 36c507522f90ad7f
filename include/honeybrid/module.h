/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing a decision module.
 *
 * A module is one constant struct hb_module: a name, the parameters that it takes, and functions.
 * Each "module" section of a configuration makes an instance of one. The library checks the
 * section's parameters against the schema, so a module never parses text:
 *
 *	static enum hb_decision decide(void *state, const struct hb_query *query) { … }
 *
 *	static const struct hb_param params[] = {
 *		{ .name = "value", .type = HB_PARAM_INTEGER, .required = true, .min = 1, .max = 100 },
 *		{ .name = NULL },
 *	};
 *
 *	HB_MODULE(example, .summary = "accepts one flow in value", .params = params,
 *		  .create = create, .destroy = destroy, .decide = decide)
 *
 * Thread-safety: create() and destroy() run in one thread; decide() may run in several at once for
 * the same instance, so what it changes lives in a store (store.h) or is atomic.
 */
#ifndef HONEYBRID_MODULE_H
#define HONEYBRID_MODULE_H

#include <honeybrid/flow.h>
#include <honeybrid/packet.h>
#include <honeybrid/rule.h>
#include <honeybrid/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows whenever a module that was built against older headers would break. */
#define HB_MODULE_ABI 1

enum hb_param_type {
	HB_PARAM_NONE = 0,
	HB_PARAM_INTEGER, /* decimal, min to max */
	HB_PARAM_WORD,    /* one of .words, or the decimal number that a word stands for */
	HB_PARAM_STRING,
	HB_PARAM_PATH,     /* a file, absolute; two instances may not name the same one */
	HB_PARAM_FILE,     /* a file that is only read, absolute; see hb_instance_read_lines() */
	HB_PARAM_BYTES,    /* text, with \xHH for any byte and \\ for a backslash; not empty */
	HB_PARAM_ENDPOINT, /* an address, IPv4 or IPv6, with a port or without */
	HB_PARAM_IGNORED,  /* taken from old configurations, with a warning: help says why */
	HB_PARAM_COUNT
};

/* A word that stands for a number; a table of them ends with a NULL word. */
struct hb_param_word {
	const char *word;
	int64_t value;
};

/* One parameter; a table of them ends with a NULL name. */
struct hb_param {
	const char *name;
	enum hb_param_type type;
	bool required;
	int64_t min, max;                  /* INTEGER and WORD: the range, both ends included */
	int64_t default_integer;           /* INTEGER and WORD, where not required */
	const char *default_text;          /* all others, where not required; may be NULL */
	const struct hb_param_word *words; /* WORD only */
	const char *help;                  /* one line, no full stop */
};

struct hb_instance; /* one module section, its parameters checked */

/* The name in the section's head. Borrowed until the instance is gone. */
HB_API const char *hb_instance_name(const struct hb_instance *instance);

/* The value of an INTEGER or WORD parameter, or its default. A name not in the schema gives 0. */
HB_API int64_t hb_instance_integer(const struct hb_instance *instance, const char *param);

/* The value of a STRING, PATH or FILE parameter, or its default (may be NULL). Borrowed. */
HB_API const char *hb_instance_text(const struct hb_instance *instance, const char *param);

/*
 * The value of an ENDPOINT parameter, or its default, its port 0 where none was given. False if there
 * is neither; then *endpoint is left alone.
 */
HB_API bool hb_instance_endpoint(const struct hb_instance *instance, const char *param,
				 struct hb_endpoint *endpoint);

/* The value of a BYTES parameter, or its default (may be NULL), escapes resolved. Borrowed. */
HB_API const uint8_t *hb_instance_bytes(const struct hb_instance *instance, const char *param,
					size_t *len);

/*
 * Takes a line of a file, without its end, comment ("#") and white space around it; never an empty
 * one. May change it.
 * Returns  0, or a negative errno with *err filled in.
 */
typedef int hb_line_take(void *ctx, char *line, struct hb_error *err);

/*
 * Reads the file that a FILE parameter names; for create(), since it waits for the disk.
 *
 * @take    called for each line, with ctx. Its error ends the reading.
 * Returns  0, or a negative errno with *err filled in: the file, and where take() failed the line.
 */
HB_API int hb_instance_read_lines(const struct hb_instance *instance, const char *param,
				  hb_line_take *take, void *ctx, struct hb_error *err);

/* Sixteen random bytes that differ from instance to instance: for a store's hash_key. Borrowed. */
HB_API const uint8_t *hb_instance_random_key(const struct hb_instance *instance);

/*
 * Makes the store of a module that remembers: with the instance's random key, entries that expire
 * after its INTEGER parameter "expiration", in seconds, and a layout for its state file.
 *
 * Returns  a store, given: free with hb_store_free(); NULL with *err filled in.
 */
HB_API struct hb_store *hb_instance_new_store(const struct hb_instance *instance, size_t value_size,
					      const struct hb_store_layout *layout,
					      struct hb_error *err);

/*
 * What decide() is asked. Read-only, and valid for the call only.
 */
struct hb_query {
	size_t size; /* sizeof(struct hb_query) of the library: later versions may add fields */
	const struct hb_packet *packet;
	enum hb_direction direction;
	const struct hb_flow_info *flow; /* the current packet is already counted */
	struct hb_time now;
	uint64_t flow_random; /* uniform; the same whenever this leaf is asked about this flow */
	unsigned backend; /* number of the backend whose rule is asked, from 1; 0 for other rules */
	unsigned backend_count;
	void *reserved;            /* the library's own */
	enum hb_decision previous; /* what this leaf last answered about this flow; DEFER if it was
				      never asked */
};

/*
 * The client's stream so far, in order, this packet's part of it included: a backend's rule is asked
 * on a TCP session. In other rules, and where there is no stream, it is the packet's payload.
 *
 * @len     gets how many bytes there are; 0 for none.
 * Returns  the bytes, borrowed for the call of decide().
 */
HB_API const uint8_t *hb_query_stream(const struct hb_query *query, size_t *len);

/*
 * Says something about the flow for the log (an event of kind HB_EVENT_MODULE_NOTE). The text is
 * cut at 200 bytes.
 */
HB_API void hb_query_note(const struct hb_query *query, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Picks the backend that gets the flow, if the whole rule accepts; of several picks the last one
 * counts. In a backpick rule only.
 *
 * @number  from 1 to query->backend_count.
 * Returns  0; -EINVAL if there is no such backend, or another rule is asked.
 */
HB_API int hb_query_pick(const struct hb_query *query, unsigned number);

/*
 * True if a backend could not be reached lately and is left alone: sessions that it is picked for
 * wait until it may be tried again. False for a number that no backend has.
 */
HB_API bool hb_query_backend_rests(const struct hb_query *query, unsigned number);

/*
 * Leads what a honeypot starts to somebody else, if the whole rule accepts: all that it sends on this
 * flow goes there, and what comes back seems to come from whom it wrote to. For TCP and UDP, in a
 * control rule, from the flow's first packet on; a flow that is led to somebody stays so.
 *
 * @to      borrowed for as long as the instance lives; port 0 stands for the one that was written to.
 * Returns  0; -EINVAL where this cannot be: other rules and protocols, an address of the other IP
 *          version, a flow that got out undiverted.
 */
HB_API int hb_query_divert(const struct hb_query *query, const struct hb_endpoint *to);

/* The answer is kept for the flow: the module judges flows, not packets. */
#define HB_MODULE_KEEPS_ANSWER 0x1u
/* The module calls hb_query_pick(): it belongs in a backpick rule, which needs one that does. */
#define HB_MODULE_PICKS 0x2u
/* The module calls hb_query_divert(): it belongs in a control rule. */
#define HB_MODULE_DIVERTS 0x4u

struct hb_module {
	uint32_t abi; /* HB_MODULE_ABI; must stay the first field for ever */
	const char *name;
	uint32_t flags;
	const char *summary; /* one line, no full stop */
	const struct hb_param *params;
	/*
	 * Makes an instance's private state. May be NULL: then state is NULL.
	 * @state   where to put it.
	 * Returns  0, or a negative errno with *err filled in; then destroy() is not called.
	 */
	int (*create)(const struct hb_instance *instance, void **state, struct hb_error *err);
	/* Frees what create() made. May be NULL. */
	void (*destroy)(void *state);
	/* Judges one packet of a flow. Never NULL. Thread: several at once. */
	enum hb_decision (*decide)(void *state, const struct hb_query *query);
	/*
	 * The store in an instance's state, which must have a layout. It is kept in the file that the
	 * PATH parameter "backup" names, see hb_policy_load(). NULL: there is nothing to keep.
	 */
	struct hb_store *(*store)(void *state);
};

/*
 * Defines the module and its one public symbol, hb_module_<id>: data, found by honeybridd when the
 * module is a shared object, and by the library's table when it is built in. The rest names the
 * fields from flags on; in C++ (20 or later) in the order of the struct.
 */
#ifdef __cplusplus
#define HB_MODULE_LINKAGE extern "C"
#else
#define HB_MODULE_LINKAGE extern
#endif
#define HB_MODULE(id, ...)                                                                         \
	HB_MODULE_LINKAGE HB_API const struct hb_module hb_module_##id;                            \
	const struct hb_module hb_module_##id = { .abi = HB_MODULE_ABI, .name = #id, __VA_ARGS__ };

#ifdef __cplusplus
}
#endif

#endif
