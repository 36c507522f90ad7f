/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Module instances.
 *
 * The random key comes from the crypto library when the instance is made, not from the engine's
 * seed: it only has to be unknown to attackers, and instances are shared by engines with different
 * seeds. A module's answers never depend on it.
 *
 * After a reload two instances may have one state. It belongs to the one that made it, whose
 * parameters it may point to; so that one stays until all who have adopted the state are gone.
 */
#include "registry.h"

#include "param.h"
#include "store.h"

#include <openssl/rand.h>

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANDOM_KEY_SIZE 16
#define US_PER_S INT64_C(1000000)
#define NOTE_SIZE 201 /* 200 bytes and the zero */
#define QUOTE_MAX 64  /* how much of a culprit an error quotes */

struct hb_instance {
	const struct hb_module *module;
	char *name;
	void *state;
	struct hb_instance *owner; /* of the state; NULL: this instance */
	bool has_adopted;
	atomic_uint refs; /* its policy's, and one for each instance that has its state */
	uint8_t random_key[RANDOM_KEY_SIZE];
	size_t value_count;
	struct hb_param_value values[]; /* in the schema's order */
};

static int check_name(const char *name, struct hb_error *err)
{
	if (hb_rule_name_ok(name))
		return 0;
	return hb_error_set(err, HB_ERROR_CONFIG, 0,
			    "\"%.*s\" cannot name a module: it must be made of letters, digits, "
			    "\"_\", \"-\" and \".\", and not be \"and\", \"or\" or \"not\"",
			    QUOTE_MAX, name);
}

int hb_instance_check_module(const struct hb_module *module, struct hb_error *err)
{
	if (!module)
		return hb_error_set(
			err, HB_ERROR_CONFIG, 0,
			"there is no such module: hb_module_builtin() knows the built-in ones");
	/* Of another ABI nothing but the number may be read. */
	if (module->abi != HB_MODULE_ABI)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "the module has ABI %u: this library needs %u, build it again",
				    module->abi, (unsigned)HB_MODULE_ABI);
	if (!module->name || module->name[0] == '\0' || !module->decide)
		return hb_error_set(
			err, HB_ERROR_CONFIG, 0,
			"the module \"%.*s\" is incomplete: it needs a name and decide()",
			QUOTE_MAX, module->name ? module->name : "");
	return hb_param_check_schema(module, err);
}

static int create_state(struct hb_instance *instance, struct hb_error *err)
{
	const struct hb_module *module = instance->module;
	struct hb_error reason = { .code = HB_ERROR_NONE };

	if (!module->create)
		return 0;

	int ret = module->create(instance, &instance->state, &reason);

	if (ret >= 0)
		return 0;
	instance->state = NULL;
	if (reason.code == HB_ERROR_NONE)
		return hb_error_set(err, ret == -ENOMEM ? HB_ERROR_SYSTEM : HB_ERROR_CONFIG, 0,
				    "module \"%.*s\": \"%s\" cannot start: %s", QUOTE_MAX,
				    instance->name, module->name, strerror(-ret));
	if (err)
		*err = reason;
	return ret;
}

/* After an error the instance has no state, but may have values and a name to free. */
static int fill(struct hb_instance *instance, const char *name, const struct hb_setting *settings,
		size_t count, struct hb_error *err)
{
	int ret = hb_param_check(instance->module, settings, count, instance->values, err);

	if (ret < 0)
		return ret;
	instance->name = strdup(name);
	if (!instance->name)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%.*s\"",
				    QUOTE_MAX, name);
	if (RAND_bytes(instance->random_key, RANDOM_KEY_SIZE) != 1)
		return hb_error_set(
			err, HB_ERROR_SYSTEM, 0,
			"no random numbers for module \"%.*s\": the crypto library has none",
			QUOTE_MAX, name);
	return create_state(instance, err);
}

static void free_without_state(struct hb_instance *instance)
{
	hb_param_clear(instance->values, instance->value_count);
	free(instance->name);
	free(instance);
}

struct hb_instance *hb_instance_new(const char *name, const struct hb_module *module,
				    const struct hb_setting *settings, size_t count,
				    struct hb_error *err)
{
	if (check_name(name, err) < 0 || hb_instance_check_module(module, err) < 0)
		return NULL;

	size_t values = hb_param_count(module->params);
	struct hb_instance *instance =
		calloc(1, sizeof(*instance) + values * sizeof(instance->values[0]));

	if (!instance) {
		hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%.*s\"", QUOTE_MAX,
			     name);
		return NULL;
	}
	atomic_init(&instance->refs, 1);
	instance->module = module;
	instance->value_count = values;
	if (fill(instance, name, settings, count, err) < 0) {
		free_without_state(instance);
		return NULL;
	}
	return instance;
}

static void drop_state(struct hb_instance *instance)
{
	if (instance->owner)
		hb_instance_free(instance->owner);
	else if (instance->module->destroy)
		instance->module->destroy(instance->state);
}

void hb_instance_free(struct hb_instance *instance)
{
	if (!instance || atomic_fetch_sub_explicit(&instance->refs, 1, memory_order_acq_rel) > 1)
		return;
	drop_state(instance);
	free_without_state(instance);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_value(const struct hb_param_value *a, const struct hb_param_value *b)
{
	if (a->integer != b->integer || a->len != b->len)
		return false;
	if (a->len > 0)
		return memcmp(a->text, b->text, a->len) == 0;
	return same_text(a->text, b->text);
}

/* Of one module: another file's, even of the same name, may understand the state differently. */
static bool can_share_state(const struct hb_instance *a, const struct hb_instance *b)
{
	if (a->module != b->module)
		return false;
	for (size_t i = 0; i < a->value_count; i++) {
		if (a->module->params[i].type == HB_PARAM_FILE ||
		    !same_value(&a->values[i], &b->values[i]))
			return false;
	}
	return true;
}

void hb_instance_adopt(struct hb_instance *instance, struct hb_instance *from)
{
	struct hb_store *store = hb_instance_store(instance), *entries = hb_instance_store(from);

	if (strcmp(instance->name, from->name) != 0 ||
	    strcmp(instance->module->name, from->module->name) != 0 ||
	    !same_text(hb_instance_backup(instance), hb_instance_backup(from)))
		return;
	if (can_share_state(instance, from)) {
		struct hb_instance *owner = from->owner ? from->owner : from;

		atomic_fetch_add_explicit(&owner->refs, 1, memory_order_relaxed);
		drop_state(instance);
		instance->owner = owner;
		instance->state = owner->state;
		instance->has_adopted = true;
	} else if (store && entries) {
		instance->has_adopted = hb_store_adopt(store, entries);
	}
}

bool hb_instance_has_adopted(const struct hb_instance *instance)
{
	return instance->has_adopted;
}

const struct hb_module *hb_instance_module(const struct hb_instance *instance)
{
	return instance->module;
}

const char *hb_instance_name(const struct hb_instance *instance)
{
	return instance->name;
}

static const struct hb_param_value *find_value(const struct hb_instance *instance,
					       const char *param)
{
	for (size_t i = 0; i < instance->value_count; i++) {
		if (strcmp(instance->module->params[i].name, param) == 0)
			return &instance->values[i];
	}
	return NULL;
}

int64_t hb_instance_integer(const struct hb_instance *instance, const char *param)
{
	const struct hb_param_value *value = find_value(instance, param);

	return value ? value->integer : 0;
}

const char *hb_instance_text(const struct hb_instance *instance, const char *param)
{
	const struct hb_param_value *value = find_value(instance, param);

	return value ? value->text : NULL;
}

bool hb_instance_endpoint(const struct hb_instance *instance, const char *param,
			  struct hb_endpoint *endpoint)
{
	const struct hb_param_value *value = find_value(instance, param);

	if (!value || !value->text)
		return false;
	*endpoint = value->endpoint;
	return true;
}

const uint8_t *hb_instance_bytes(const struct hb_instance *instance, const char *param, size_t *len)
{
	const struct hb_param_value *value = find_value(instance, param);

	*len = value ? value->len : 0;
	return value ? (const uint8_t *)value->text : NULL;
}

const uint8_t *hb_instance_random_key(const struct hb_instance *instance)
{
	return instance->random_key;
}

struct hb_store *hb_instance_new_store(const struct hb_instance *instance, size_t value_size,
				       const struct hb_store_layout *layout, struct hb_error *err)
{
	struct hb_store_options options = {
		.size = sizeof(options),
		.value_size = value_size,
		.expiration_us = hb_instance_integer(instance, "expiration") * US_PER_S,
		.layout = layout,
	};

	memcpy(options.hash_key, instance->random_key, sizeof(options.hash_key));

	struct hb_store *store = hb_store_new(&options);

	if (!store)
		hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%.*s\"", QUOTE_MAX,
			     instance->name);
	return store;
}

struct hb_store *hb_instance_store(const struct hb_instance *instance)
{
	return instance->module->store ? instance->module->store(instance->state) : NULL;
}

const char *hb_instance_backup(const struct hb_instance *instance)
{
	return hb_instance_text(instance, "backup");
}

/* The value of parameter i if it is a path, else NULL. */
static const char *path_at(const struct hb_instance *instance, size_t i)
{
	return instance->module->params[i].type == HB_PARAM_PATH ? instance->values[i].text : NULL;
}

const char *hb_instance_shared_path(const struct hb_instance *a, const struct hb_instance *b)
{
	for (size_t i = 0; i < a->value_count; i++) {
		const char *path = path_at(a, i);

		for (size_t j = 0; path && j < b->value_count; j++) {
			const char *other = path_at(b, j);

			if (other && strcmp(path, other) == 0)
				return path;
		}
	}
	return NULL;
}

enum hb_decision hb_instance_decide(const struct hb_instance *instance,
				    const struct hb_query *query)
{
	enum hb_decision decision = instance->module->decide(instance->state, query);

	/* A module is not our code: what is no answer says nothing about the flow. */
	return decision < HB_DECISION_COUNT ? decision : HB_DECISION_DEFER;
}

const uint8_t *hb_query_stream(const struct hb_query *query, size_t *len)
{
	const struct hb_query_sink *sink = query->reserved;

	if (sink && sink->stream)
		return sink->stream(sink->ctx, len);
	*len = query->packet->payload_len;
	return query->packet->data + query->packet->payload_offset;
}

int hb_query_pick(const struct hb_query *query, unsigned number)
{
	const struct hb_query_sink *sink = query->reserved;

	return sink && sink->pick ? sink->pick(sink->ctx, number) : -EINVAL;
}

bool hb_query_backend_rests(const struct hb_query *query, unsigned number)
{
	const struct hb_query_sink *sink = query->reserved;

	return sink && sink->rests && sink->rests(sink->ctx, number);
}

int hb_query_divert(const struct hb_query *query, const struct hb_endpoint *to)
{
	const struct hb_query_sink *sink = query->reserved;

	return sink && sink->divert ? sink->divert(sink->ctx, to) : -EINVAL;
}

void hb_query_note(const struct hb_query *query, const char *format, ...)
{
	const struct hb_query_sink *sink = query->reserved;
	char text[NOTE_SIZE];
	va_list args;

	if (!sink || !sink->note)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	sink->note(sink->ctx, sink->instance, text);
}
