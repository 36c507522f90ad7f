/* SPDX-License-Identifier: BSD-2-Clause */
/* Module instances: a module, its checked parameters and its private state. */
#ifndef HB_REGISTRY_H
#define HB_REGISTRY_H

#include <honeybrid/policy.h>

/* As hb_policy_check_module(). */
int hb_instance_check_module(const struct hb_module *module, struct hb_error *err);

/* Makes an instance, given: free with hb_instance_free(). NULL with *err filled in. */
struct hb_instance *hb_instance_new(const char *name, const struct hb_module *module,
				    const struct hb_setting *settings, size_t count,
				    struct hb_error *err);
void hb_instance_free(struct hb_instance *instance);

/*
 * Lets an instance go on with what another one knows, if both have the same module, name and
 * "backup". If all their parameters are equal it is the other's whole state, unless a FILE among
 * them asks for being read again; else what is in the module's store.
 *
 * @instance  nobody else uses it yet. @from  others may use it meanwhile, and afterwards.
 */
void hb_instance_adopt(struct hb_instance *instance, struct hb_instance *from);

/* True if hb_instance_adopt() gave it a state or entries: there is nothing to read from its file. */
bool hb_instance_has_adopted(const struct hb_instance *instance);

const struct hb_module *hb_instance_module(const struct hb_instance *instance);

/* The store and the file that it is kept in; NULL where there is none. Borrowed. */
struct hb_store *hb_instance_store(const struct hb_instance *instance);
const char *hb_instance_backup(const struct hb_instance *instance);

/* A file that both use (two PATH parameters with one value), NULL if there is none. Borrowed. */
const char *hb_instance_shared_path(const struct hb_instance *a, const struct hb_instance *b);

/* Asks the module. */
enum hb_decision hb_instance_decide(const struct hb_instance *instance,
				    const struct hb_query *query);

/*
 * What hb_query.reserved points at: where the functions of a query go. Each may be NULL.
 */
struct hb_query_sink {
	void (*note)(void *ctx, const struct hb_instance *instance, const char *text);
	const uint8_t *(*stream)(void *ctx, size_t *len);
	int (*pick)(void *ctx, unsigned number);
	bool (*rests)(void *ctx, unsigned number);
	int (*divert)(void *ctx, const struct hb_endpoint *to);
	void *ctx;
	const struct hb_instance *instance;
};

#endif
