/* SPDX-License-Identifier: BSD-2-Clause */
#include "target.h"

#include "filter.h"
#include "registry.h"
#include "store_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define QUOTE_MAX 64 /* how much of a culprit an error quotes */

void hb_options_default(struct hb_options *options)
{
	*options = (struct hb_options){
		.size = sizeof(*options),
		.expiration_delay_s = 120,
		.established_timeout_s = 7440,
		.closed_delay_ms = 2000,
		.handover_timeout_ms = 5000,
		.max_flows = 1000000,
		.max_flow_buffer_bytes = 65536,
		.max_total_buffer_bytes = UINT64_C(64) << 20,
		.uplink_mask = 0xffff,
	};
}

struct hb_policy *hb_policy_new(void)
{
	struct hb_policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return NULL;
	atomic_init(&policy->refs, 1);
	hb_options_default(&policy->options);
	return policy;
}

struct hb_policy *hb_policy_ref(struct hb_policy *policy)
{
	atomic_fetch_add_explicit(&policy->refs, 1, memory_order_relaxed);
	return policy;
}

void hb_policy_unref(struct hb_policy *policy)
{
	if (!policy || atomic_fetch_sub_explicit(&policy->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < policy->target_count; i++)
		hb_target_free(policy->targets[i]);
	free(policy->targets);
	for (size_t i = 0; i < policy->instance_count; i++)
		hb_instance_free(policy->instances[i]);
	free(policy->instances);
	for (size_t i = 0; i < policy->uplink_count; i++)
		free((char *)(uintptr_t)policy->uplinks[i].name);
	free(policy->uplinks);
	free(policy->honeypots);
	free(policy);
}

static int no_memory(struct hb_error *err)
{
	return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for a policy");
}

static int check_open(const struct hb_policy *policy, struct hb_error *err)
{
	if (!policy->sealed)
		return 0;
	return hb_error_set(err, HB_ERROR_CONFIG, 0,
			    "the policy is sealed: it must be complete before");
}

int hb_policy_set_options(struct hb_policy *policy, const struct hb_options *options,
			  struct hb_error *err)
{
	const struct {
		const char *name;
		uint32_t value;
	} positive[] = {
		{ "expiration_delay", options->expiration_delay_s },
		{ "established_timeout", options->established_timeout_s },
		{ "handover_timeout", options->handover_timeout_ms },
		{ "max_flows", options->max_flows },
	};

	if (check_open(policy, err) < 0)
		return -EINVAL;
	if (options->size != sizeof(*options))
		return hb_error_set(
			err, HB_ERROR_CONFIG, 0,
			"the options are %zu bytes long: this library needs %zu, fill them "
			"with hb_options_default() first",
			options->size, sizeof(*options));
	for (size_t i = 0; i < sizeof(positive) / sizeof(*positive); i++) {
		if (positive[i].value == 0)
			return hb_error_set(err, HB_ERROR_CONFIG, 0,
					    "\"%s\" is 0: it must be at least 1", positive[i].name);
	}
	policy->options = *options;
	return 0;
}

struct hb_instance *hb_policy_find_instance(const struct hb_policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->instance_count; i++) {
		if (strcmp(hb_instance_name(policy->instances[i]), name) == 0)
			return policy->instances[i];
	}
	return NULL;
}

/* Points the error at the setting that names the path. */
static void locate(struct hb_error *err, const char *path, const struct hb_setting *settings,
		   size_t count)
{
	for (size_t i = 0; err && i < count; i++) {
		if (strcmp(settings[i].value, path) == 0) {
			err->line = settings[i].line;
			err->column = settings[i].column;
			return;
		}
	}
}

static int check_paths(const struct hb_policy *policy, const struct hb_instance *added,
		       const struct hb_setting *settings, size_t count, struct hb_error *err)
{
	for (size_t i = 0; i < policy->instance_count; i++) {
		const struct hb_instance *other = policy->instances[i];
		const char *path = hb_instance_shared_path(other, added);

		if (!path)
			continue;
		hb_error_set(err, HB_ERROR_CONFIG, 0,
			     "the file \"%.*s\" is used by the modules \"%.*s\" and \"%.*s\": each "
			     "needs its own",
			     QUOTE_MAX, path, QUOTE_MAX / 2, hb_instance_name(other), QUOTE_MAX / 2,
			     hb_instance_name(added));
		locate(err, path, settings, count);
		return -EINVAL;
	}
	return 0;
}

int hb_policy_check_module(const struct hb_module *module, struct hb_error *err)
{
	return hb_instance_check_module(module, err);
}

int hb_policy_add_instance(struct hb_policy *policy, const char *name,
			   const struct hb_module *module, const struct hb_setting *settings,
			   size_t count, struct hb_error *err)
{
	struct hb_error reason = { .code = HB_ERROR_NONE };

	if (check_open(policy, err) < 0)
		return -EINVAL;
	if (hb_policy_find_instance(policy, name))
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "a second module \"%.*s\": each needs its own name", QUOTE_MAX,
				    name);

	struct hb_instance **instances =
		reallocarray(policy->instances, policy->instance_count + 1, sizeof(*instances));

	if (!instances)
		return no_memory(err);
	policy->instances = instances;

	struct hb_instance *instance = hb_instance_new(name, module, settings, count, &reason);

	if (!instance) {
		if (err)
			*err = reason;
		return reason.code == HB_ERROR_SYSTEM ? -ENOMEM : -EINVAL;
	}
	if (check_paths(policy, instance, settings, count, err) < 0) {
		hb_instance_free(instance);
		return -EINVAL;
	}
	instances[policy->instance_count++] = instance;
	return 0;
}

static int check_uplink(const struct hb_policy *policy, const struct hb_uplink *uplink,
			struct hb_error *err)
{
	uint32_t mask = policy->options.uplink_mask;

	if (uplink->mark == 0 || (uplink->mark & ~mask))
		return hb_error_set(
			err, HB_ERROR_CONFIG, 0,
			"uplink \"%.*s\" has the mark %#x: it needs bits of uplink_mask "
			"%#x, and no others",
			QUOTE_MAX, uplink->name, (unsigned)uplink->mark, (unsigned)mask);
	for (size_t i = 0; i < policy->uplink_count; i++) {
		const struct hb_uplink *other = &policy->uplinks[i];

		if (strcmp(other->name, uplink->name) == 0)
			return hb_error_set(err, HB_ERROR_CONFIG, 0,
					    "a second uplink \"%.*s\": each needs its own name",
					    QUOTE_MAX, uplink->name);
		if (other->mark == uplink->mark)
			return hb_error_set(err, HB_ERROR_CONFIG, 0,
					    "the uplinks \"%.*s\" and \"%.*s\" have one mark: each "
					    "needs its own",
					    QUOTE_MAX / 2, other->name, QUOTE_MAX / 2,
					    uplink->name);
	}
	return 0;
}

int hb_policy_add_uplink(struct hb_policy *policy, const struct hb_uplink *uplink,
			 struct hb_error *err)
{
	struct hb_uplink *uplinks;

	if (check_open(policy, err) < 0 || check_uplink(policy, uplink, err) < 0)
		return -EINVAL;
	uplinks = reallocarray(policy->uplinks, policy->uplink_count + 1, sizeof(*uplinks));
	if (!uplinks)
		return no_memory(err);
	policy->uplinks = uplinks;

	struct hb_uplink *added = &uplinks[policy->uplink_count];

	*added = *uplink;
	added->name = strdup(uplink->name);
	if (!added->name)
		return no_memory(err);
	policy->uplink_count++;
	return 0;
}

const struct hb_uplink *hb_policy_find_uplink(const struct hb_policy *policy, uint32_t mark)
{
	uint32_t wanted = mark & policy->options.uplink_mask;

	for (size_t i = 0; i < policy->uplink_count; i++) {
		if (policy->uplinks[i].mark == wanted)
			return &policy->uplinks[i];
	}
	return NULL;
}

struct hb_target *hb_policy_add_target(struct hb_policy *policy)
{
	if (policy->sealed)
		return NULL;

	struct hb_target **targets =
		reallocarray(policy->targets, policy->target_count + 1, sizeof(*targets));

	if (!targets)
		return NULL;
	policy->targets = targets;

	struct hb_target *target = hb_target_new(policy);

	if (target) {
		targets[policy->target_count++] = target;
		target->number = (unsigned)policy->target_count;
	}
	return target;
}

static int compare_addresses(const struct hb_addr *a, const struct hb_addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int compare_honeypots(const void *a, const void *b)
{
	const struct hb_honeypot *x = a, *y = b;
	int order = compare_addresses(&x->addr, &y->addr);

	if (order == 0)
		order = (x->interface > y->interface) - (x->interface < y->interface);
	return order != 0 ? order : (x->target > y->target) - (x->target < y->target);
}

/* Lists every frontend and backend in the order of addresses and interfaces, then of targets. */
static int list_honeypots(struct hb_policy *policy)
{
	size_t count = 0;

	for (size_t i = 0; i < policy->target_count; i++)
		count += 1 + policy->targets[i]->backend_count;

	struct hb_honeypot *honeypots = calloc(count, sizeof(*honeypots));
	size_t used = 0;

	if (!honeypots)
		return -ENOMEM;
	for (size_t i = 0; i < policy->target_count; i++) {
		const struct hb_target *target = policy->targets[i];

		honeypots[used++] =
			(struct hb_honeypot){ .addr = target->frontend.addr, .target = i };
		for (unsigned j = 0; j < target->backend_count; j++) {
			const struct hb_backend *backend = &target->backends[j];

			honeypots[used++] =
				(struct hb_honeypot){ .addr = backend->endpoint.addr,
						      .interface = backend->way.interface,
						      .target = i,
						      .backend = true,
						      .clone = backend->tag ? j + 1 : 0 };
		}
	}
	qsort(honeypots, count, sizeof(*honeypots), compare_honeypots);
	policy->honeypots = honeypots;
	policy->honeypot_count = count;
	return 0;
}

/* Keeps one entry a honeypot: the first whose target has a control rule, else the first. */
static void keep_one_each(struct hb_policy *policy)
{
	struct hb_honeypot *honeypots = policy->honeypots;
	size_t kept = 0;

	for (size_t i = 1; i < policy->honeypot_count; i++) {
		if (honeypots[i].interface != honeypots[kept].interface ||
		    compare_addresses(&honeypots[i].addr, &honeypots[kept].addr) != 0) {
			honeypots[++kept] = honeypots[i];
			continue;
		}
		honeypots[kept].backend |= honeypots[i].backend;
		if (policy->targets[honeypots[kept].target]->control_rule.rule ||
		    !policy->targets[honeypots[i].target]->control_rule.rule)
			continue;
		honeypots[kept].target = honeypots[i].target;
		honeypots[kept].clone = honeypots[i].clone;
	}
	policy->honeypot_count = kept + 1;
}

static bool has_clones(const struct hb_policy *policy)
{
	for (size_t i = 0; i < policy->target_count; i++) {
		for (unsigned j = 0; j < policy->targets[i]->backend_count; j++) {
			if (policy->targets[i]->backends[j].tag)
				return true;
		}
	}
	return false;
}

int hb_policy_seal(struct hb_policy *policy, struct hb_error *err)
{
	if (check_open(policy, err) < 0)
		return -EINVAL;
	if (policy->target_count == 0)
		return hb_error_set(
			err, HB_ERROR_CONFIG, 0,
			"there is no target: at least one \"target\" section is needed");
	policy->by_place = policy->uplink_count > 0 || has_clones(policy);
	for (size_t i = 0; i < policy->target_count; i++) {
		int ret = hb_target_seal(policy->targets[i], i + 1, err);

		if (ret < 0)
			return ret;
	}
	if (list_honeypots(policy) < 0)
		return no_memory(err);
	keep_one_each(policy);
	policy->sealed = true;
	return 0;
}

bool hb_policy_is_shared(const struct hb_policy *policy)
{
	/* What others did with it before they gave it back is done. */
	return atomic_load_explicit(&policy->refs, memory_order_acquire) > 1;
}

int hb_policy_adopt(struct hb_policy *policy, struct hb_policy *from, struct hb_error *err)
{
	if (policy->loaded)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "the policy is loaded already: hb_policy_adopt() comes before");
	if (!from->loaded)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "the other policy knows nothing: hb_policy_load() it first");
	for (size_t i = 0; i < policy->instance_count; i++) {
		struct hb_instance *instance = policy->instances[i];
		struct hb_instance *known =
			hb_policy_find_instance(from, hb_instance_name(instance));

		if (known)
			hb_instance_adopt(instance, known);
	}
	return 0;
}

int hb_policy_load(struct hb_policy *policy, struct hb_error *err)
{
	for (size_t i = 0; i < policy->instance_count; i++) {
		const struct hb_instance *instance = policy->instances[i];
		struct hb_store *store = hb_instance_store(instance);
		const char *path = hb_instance_backup(instance);
		bool reads = store && path && !hb_instance_has_adopted(instance);
		int ret = reads ? hb_store_file_load(store, path, err) : 0;

		if (ret < 0)
			return ret;
	}
	policy->loaded = true;
	return 0;
}

int hb_policy_save(const struct hb_policy *policy, struct hb_time now, struct hb_error *err)
{
	int first = 0;

	if (!policy->loaded)
		return hb_error_set(err, HB_ERROR_STATE, 0,
				    "the state files were not read: hb_policy_load() comes first");
	for (size_t i = 0; i < policy->instance_count; i++) {
		struct hb_store *store = hb_instance_store(policy->instances[i]);
		const char *path = hb_instance_backup(policy->instances[i]);

		if (!store || !path)
			continue;

		int ret = hb_store_file_save(store, path, now.wall_us, first == 0 ? err : NULL);

		if (first == 0)
			first = ret;
	}
	return first;
}

const char *hb_policy_forgetful_at(const struct hb_policy *policy, size_t i)
{
	for (size_t j = 0; j < policy->instance_count; j++) {
		const struct hb_instance *instance = policy->instances[j];

		if (!hb_instance_store(instance) || hb_instance_backup(instance))
			continue;
		if (i-- == 0)
			return hb_instance_name(instance);
	}
	return NULL;
}

const struct hb_target *hb_policy_match(const struct hb_policy *policy,
					const struct hb_packet *packet)
{
	bool ipv4 = packet->ip_version == 4;

	for (size_t i = 0; i < policy->target_count; i++) {
		const struct hb_target *target = policy->targets[i];

		/* A filter like "port 80" fits both IP versions, its honeypots have one. */
		if (hb_addr_is_ipv4(&target->frontend.addr) == ipv4 &&
		    hb_filter_match(target->filter, packet))
			return target;
	}
	return NULL;
}

static bool is_here(const struct hb_policy *policy, size_t i, const struct hb_addr *addr)
{
	return i < policy->honeypot_count &&
	       compare_addresses(addr, &policy->honeypots[i].addr) == 0;
}

/* The first one of that address. */
static const struct hb_honeypot *find_honeypot(const struct hb_policy *policy,
					       const struct hb_addr *addr)
{
	size_t low = 0, high = policy->honeypot_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_addresses(addr, &policy->honeypots[middle].addr) <= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return is_here(policy, low, addr) ? &policy->honeypots[low] : NULL;
}

const struct hb_target *hb_policy_find_honeypot(const struct hb_policy *policy,
						const struct hb_addr *addr)
{
	const struct hb_honeypot *honeypot = find_honeypot(policy, addr);

	return honeypot ? policy->targets[honeypot->target] : NULL;
}

bool hb_policy_tell_clone(const struct hb_policy *policy, const struct hb_addr *addr,
			  uint32_t interface, const struct hb_target **target, unsigned *clone)
{
	const struct hb_honeypot *first = find_honeypot(policy, addr), *found = first;
	size_t i = first ? (size_t)(first - policy->honeypots) : policy->honeypot_count;
	bool told = first && (first->clone == 0 || interface == 0);

	for (; !told && is_here(policy, i, addr); i++) {
		found = &policy->honeypots[i];
		told = found->interface == interface;
	}
	if (!told)
		return false;
	*target = policy->targets[found->target];
	/* Without its interface a clone is known only if it has no other beside it. */
	*clone = interface != 0 || !is_here(policy, i + 1, addr) ? found->clone : 0;
	return true;
}

bool hb_policy_is_backend(const struct hb_policy *policy, const struct hb_addr *addr)
{
	const struct hb_honeypot *honeypot = find_honeypot(policy, addr);

	return honeypot && honeypot->backend;
}
