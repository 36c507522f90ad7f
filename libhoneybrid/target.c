/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Targets: what a person wrote is checked as soon as enough of it is known, in whatever order the
 * setters are called, so that an error can point at the statement that is wrong. Only what is
 * missing has to wait for the policy to be sealed.
 */
#include "target.h"

#include "filter.h"
#include "registry.h"
#include "suggest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define QUOTE_MAX 64 /* how much of a culprit an error quotes */

struct hb_target *hb_target_new(struct hb_policy *policy)
{
	struct hb_target *target = calloc(1, sizeof(*target));

	if (target)
		target->policy = policy;
	return target;
}

static void unbind(struct hb_bound_rule *bound)
{
	hb_rule_free(bound->rule);
	free(bound->instances);
	*bound = (struct hb_bound_rule){ 0 };
}

void hb_target_free(struct hb_target *target)
{
	if (!target)
		return;
	hb_filter_free(target->filter);
	unbind(&target->frontend_rule);
	unbind(&target->backpick_rule);
	for (unsigned i = 0; i < target->backend_count; i++) {
		unbind(&target->backends[i].rule);
		free(target->backends[i].tag);
	}
	free(target->backends);
	unbind(&target->control_rule);
	free(target);
}

static int no_memory(struct hb_error *err)
{
	return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for a target");
}

static int check_open(const struct hb_target *target, struct hb_error *err)
{
	if (!target->policy->sealed)
		return 0;
	return hb_error_set(err, HB_ERROR_CONFIG, 0,
			    "the policy is sealed: a target must be complete before");
}

static int refuse_name(const struct hb_policy *policy, const struct hb_rule *rule, size_t leaf,
		       struct hb_error *err)
{
	const char *name = hb_rule_leaf_name(rule, leaf);
	int column = hb_rule_leaf_column(rule, leaf);
	const char **names = calloc(policy->instance_count + 1, sizeof(*names));

	if (!names)
		return no_memory(err);
	for (size_t i = 0; i < policy->instance_count; i++)
		names[i] = hb_instance_name(policy->instances[i]);

	const char *near = hb_suggest(name, names, policy->instance_count);

	free(names);
	if (near)
		return hb_error_set(err, HB_ERROR_CONFIG, column,
				    "unknown module \"%.*s\": did you mean \"%.*s\"?", QUOTE_MAX,
				    name, QUOTE_MAX, near);
	return hb_error_set(err, HB_ERROR_CONFIG, column,
			    "unknown module \"%.*s\": a \"module\" section must define it",
			    QUOTE_MAX, name);
}

/* Some modules do what only some rules know to use. */
static int check_use(const struct hb_bound_rule *bound, size_t leaf, unsigned uses,
		     struct hb_error *err)
{
	const struct {
		unsigned flag;
		const char *what;
	} all[] = {
		{ HB_MODULE_PICKS, "picks a backend: it belongs in a backpick rule" },
		{ HB_MODULE_DIVERTS,
		  "leads packets to somebody else: it belongs in a control rule" },
	};
	unsigned flags = hb_instance_module(bound->instances[leaf])->flags;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (flags & all[i].flag & ~uses)
			return hb_error_set(err, HB_ERROR_CONFIG,
					    hb_rule_leaf_column(bound->rule, leaf), "\"%.*s\" %s",
					    QUOTE_MAX, hb_rule_leaf_name(bound->rule, leaf),
					    all[i].what);
	}
	return 0;
}

/* @uses  HB_MODULE_PICKS, HB_MODULE_DIVERTS: what the rule knows to use. */
static int resolve(const struct hb_policy *policy, struct hb_bound_rule *bound, unsigned uses,
		   struct hb_error *err)
{
	size_t count = hb_rule_leaf_count(bound->rule);

	bound->instances = calloc(count, sizeof(*bound->instances));
	if (!bound->instances)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		bound->instances[i] =
			hb_policy_find_instance(policy, hb_rule_leaf_name(bound->rule, i));
		if (!bound->instances[i])
			return refuse_name(policy, bound->rule, i, err);
		if (check_use(bound, i, uses, err) < 0)
			return -EINVAL;
	}
	return 0;
}

static int check_leaves(const struct hb_target *target, const struct hb_rule *rule,
			struct hb_error *err)
{
	size_t room = HB_TARGET_LEAVES_MAX - target->leaf_count;

	if (hb_rule_leaf_count(rule) <= room)
		return 0;
	return hb_error_set(err, HB_ERROR_CONFIG, hb_rule_leaf_column(rule, room),
			    "\"%.*s\" is one module too many: the rules of a target have room for "
			    "%d together",
			    QUOTE_MAX, hb_rule_leaf_name(rule, room), HB_TARGET_LEAVES_MAX);
}

/* Parses a rule and finds its instances. After an error *bound is empty. */
static int bind_rule(struct hb_target *target, const char *text, unsigned uses,
		     struct hb_bound_rule *bound, struct hb_error *err)
{
	struct hb_error reason = { .code = HB_ERROR_NONE };
	struct hb_bound_rule result = { .rule = hb_rule_parse(text, &reason) };

	if (!result.rule) {
		if (err)
			*err = reason;
		return reason.code == HB_ERROR_SYSTEM ? -ENOMEM : -EINVAL;
	}

	int ret = check_leaves(target, result.rule, err);

	if (ret == 0)
		ret = resolve(target->policy, &result, uses, err);
	if (ret < 0) {
		unbind(&result);
		return ret;
	}
	target->leaf_count += (unsigned)hb_rule_leaf_count(result.rule);
	*bound = result;
	return 0;
}

static bool is_one_host(const struct hb_addr *addr)
{
	static const struct hb_addr unspecified_ipv6;
	const uint8_t *bytes = addr->bytes;

	/* IPv4: neither 0.0.0.0/8 nor multicast, reserved and broadcast, 224.0.0.0 and up. */
	if (hb_addr_is_ipv4(addr))
		return bytes[12] != 0 && bytes[12] < 224;
	return bytes[0] != 0xff && !hb_addr_equal(addr, &unspecified_ipv6);
}

static int check_endpoint(const struct hb_endpoint *endpoint, struct hb_error *err)
{
	char text[HB_ADDR_TEXT_SIZE];

	if (is_one_host(&endpoint->addr))
		return 0;
	return hb_error_set(err, HB_ERROR_CONFIG, 0,
			    "\"%s\" cannot be a honeypot: it must be the address of one host",
			    hb_addr_format(&endpoint->addr, text));
}

/* Checks what can only be said of a frontend and a backend together. */
static int check_pair(const struct hb_endpoint *frontend, const struct hb_endpoint *backend,
		      struct hb_error *err)
{
	char front[HB_ENDPOINT_TEXT_SIZE], back[HB_ENDPOINT_TEXT_SIZE];

	hb_endpoint_format(frontend, front);
	hb_endpoint_format(backend, back);
	if (hb_addr_is_ipv4(&frontend->addr) != hb_addr_is_ipv4(&backend->addr))
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "frontend \"%s\" and backend \"%s\" are of different families: "
				    "both must be IPv4, or both IPv6",
				    front, back);
	if (hb_addr_equal(&frontend->addr, &backend->addr) && frontend->port == backend->port)
		return hb_error_set(
			err, HB_ERROR_CONFIG, 0,
			"\"%s\" is frontend and backend: a backend must be another host "
			"or port",
			front);
	return 0;
}

static bool is_clone(const struct hb_backend *backend)
{
	return backend->tag != NULL;
}

/* What has this address in a target: a clone of it, something that is none. */
static void find_uses(const struct hb_target *target, const struct hb_addr *addr, bool *clone,
		      bool *plain)
{
	if (target->has_frontend && hb_addr_equal(&target->frontend.addr, addr))
		*plain = true;
	for (unsigned i = 0; i < target->backend_count; i++) {
		const struct hb_backend *backend = &target->backends[i];
		if (hb_addr_equal(&backend->endpoint.addr, addr))
			*(is_clone(backend) ? clone : plain) = true;
	}
}

enum use { USE_PLAIN = 0, USE_CLONE };

/* Only its interface tells a clone: all that have its address need one. */
static int check_uses(const struct hb_target *target, const struct hb_endpoint *endpoint,
		      enum use use, struct hb_error *err)
{
	const struct hb_policy *policy = target->policy;
	bool clone = false, plain = false;
	char text[HB_ADDR_TEXT_SIZE];

	for (size_t i = 0; i < policy->target_count; i++)
		find_uses(policy->targets[i], &endpoint->addr, &clone, &plain);
	if (use == USE_CLONE ? !plain : !clone)
		return 0;
	return hb_error_set(err, HB_ERROR_CONFIG, 0,
			    "\"%s\" is the address of a clone and of a honeypot without an "
			    "interface: where one is a clone all are",
			    hb_addr_format(&endpoint->addr, text));
}

int hb_target_set_filter(struct hb_target *target, const char *expression, struct hb_error *err)
{
	struct hb_error reason = { .code = HB_ERROR_NONE };

	if (check_open(target, err) < 0)
		return -EINVAL;
	if (target->filter)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "a second filter \"%.*s\": a target has one", QUOTE_MAX,
				    expression);
	target->filter = hb_filter_compile(expression, &reason);
	if (target->filter)
		return 0;
	if (err)
		*err = reason;
	return reason.code == HB_ERROR_SYSTEM ? -ENOMEM : -EINVAL;
}

int hb_target_set_frontend(struct hb_target *target, const struct hb_endpoint *frontend,
			   const char *rule, struct hb_error *err)
{
	char text[HB_ENDPOINT_TEXT_SIZE];

	if (check_open(target, err) < 0 || check_endpoint(frontend, err) < 0)
		return -EINVAL;
	if (target->has_frontend)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "a second frontend \"%s\": a target has one",
				    hb_endpoint_format(frontend, text));
	for (unsigned i = 0; i < target->backend_count; i++) {
		if (check_pair(frontend, &target->backends[i].endpoint, err) < 0)
			return -EINVAL;
	}
	if (check_uses(target, frontend, USE_PLAIN, err) < 0)
		return -EINVAL;

	int ret = rule ? bind_rule(target, rule, 0, &target->frontend_rule, err) : 0;

	if (ret < 0)
		return ret;
	target->frontend = *frontend;
	target->has_frontend = true;
	return 0;
}

static int check_backend(const struct hb_target *target, const struct hb_endpoint *backend,
			 enum use use, struct hb_error *err)
{
	if (check_open(target, err) < 0 || check_endpoint(backend, err) < 0)
		return -EINVAL;
	if (target->has_frontend && check_pair(&target->frontend, backend, err) < 0)
		return -EINVAL;
	return check_uses(target, backend, use, err);
}

/* Adds one that was checked. NULL with *ret otherwise. */
static struct hb_backend *append_backend(struct hb_target *target,
					 const struct hb_endpoint *backend, const char *rule,
					 int *ret, struct hb_error *err)
{
	struct hb_backend *backends =
		reallocarray(target->backends, target->backend_count + 1, sizeof(*backends));

	if (!backends) {
		*ret = no_memory(err);
		return NULL;
	}
	target->backends = backends;

	struct hb_backend *added = &backends[target->backend_count];

	*added = (struct hb_backend){ .endpoint = *backend };
	*ret = rule ? bind_rule(target, rule, 0, &added->rule, err) : 0;
	if (*ret < 0)
		return NULL;
	target->backend_count++;
	return added;
}

int hb_target_add_backend(struct hb_target *target, const struct hb_endpoint *backend,
			  const char *rule, struct hb_error *err)
{
	int ret = check_backend(target, backend, USE_PLAIN, err);

	if (ret == 0)
		append_backend(target, backend, rule, &ret, err);
	return ret;
}

static bool is_tag(const char *tag)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";
	size_t len = strlen(tag);

	return len > 0 && len <= HB_CLONE_TAG_MAX && strspn(tag, letters) == len;
}

/* A tag is the name of one clone, in whatever targets that is. */
static int check_tag(const struct hb_target *target, const struct hb_clone *clone,
		     const struct hb_endpoint *endpoint, struct hb_error *err)
{
	const struct hb_policy *policy = target->policy;

	if (!is_tag(clone->tag))
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "\"%.*s\" cannot be a tag: expected up to %d letters, digits, "
				    "'-', '_', '.'",
				    QUOTE_MAX, clone->tag, HB_CLONE_TAG_MAX);
	for (size_t i = 0; i < policy->target_count; i++) {
		const struct hb_target *other = policy->targets[i];

		for (unsigned j = 0; j < other->backend_count; j++) {
			const struct hb_backend *backend = &other->backends[j];

			if (!is_clone(backend) || strcmp(backend->tag, clone->tag) != 0 ||
			    (backend->way.interface == clone->interface &&
			     hb_addr_equal(&backend->endpoint.addr, &endpoint->addr)))
				continue;
			return hb_error_set(err, HB_ERROR_CONFIG, 0,
					    "the tag \"%s\" has another clone: each needs its own",
					    clone->tag);
		}
	}
	return 0;
}

static int check_clone(const struct hb_target *target, const struct hb_clone *clone,
		       struct hb_error *err)
{
	uint32_t mask = target->policy->options.uplink_mask;

	if (clone->interface == 0)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "clone \"%s\" has interface 0: it needs one that leads to it",
				    clone->tag);
	if (clone->mark & ~mask)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "clone \"%s\" has the mark %#x: it must have no bits beside "
				    "uplink_mask %#x",
				    clone->tag, (unsigned)clone->mark, (unsigned)mask);
	return 0;
}

int hb_target_add_clone(struct hb_target *target, const struct hb_clone *clone,
			const struct hb_endpoint *backend, const char *rule, struct hb_error *err)
{
	struct hb_backend *added;
	char *tag;
	int ret = -EINVAL;

	if (check_backend(target, backend, USE_CLONE, err) < 0 ||
	    check_tag(target, clone, backend, err) < 0 || check_clone(target, clone, err) < 0)
		return -EINVAL;
	tag = strdup(clone->tag);
	if (!tag)
		return no_memory(err);
	added = append_backend(target, backend, rule, &ret, err);
	if (!added) {
		free(tag);
		return ret;
	}
	added->tag = tag;
	added->way = (struct hb_way){ clone->interface, clone->mark };
	return 0;
}

int hb_target_set_backpick(struct hb_target *target, const char *rule, struct hb_error *err)
{
	if (check_open(target, err) < 0)
		return -EINVAL;
	if (target->backpick_rule.rule)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "a second backpick rule \"%.*s\": a target has one", QUOTE_MAX,
				    rule);
	return bind_rule(target, rule, HB_MODULE_PICKS, &target->backpick_rule, err);
}

int hb_target_set_control(struct hb_target *target, const char *rule, struct hb_error *err)
{
	if (check_open(target, err) < 0)
		return -EINVAL;
	if (target->control_rule.rule)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "a second control rule \"%.*s\": a target has one", QUOTE_MAX,
				    rule);
	return bind_rule(target, rule, HB_MODULE_DIVERTS, &target->control_rule, err);
}

void hb_target_set_on_failure(struct hb_target *target, enum hb_on_failure on_failure)
{
	if (!target->policy->sealed && on_failure < HB_ON_FAILURE_COUNT)
		target->on_failure = on_failure;
}

static unsigned number_leaves(struct hb_bound_rule *bound, unsigned first)
{
	bound->first_leaf = first;
	return first + (bound->rule ? (unsigned)hb_rule_leaf_count(bound->rule) : 0);
}

/* Who would get a flow? */
static int check_backends(const struct hb_target *target, size_t number, struct hb_error *err)
{
	const struct hb_bound_rule *backpick = &target->backpick_rule;
	size_t leaves = backpick->rule ? hb_rule_leaf_count(backpick->rule) : 0;
	bool picks = false;
	char text[HB_ENDPOINT_TEXT_SIZE];

	for (size_t i = 0; i < leaves; i++)
		picks |= hb_instance_module(backpick->instances[i])->flags & HB_MODULE_PICKS;
	if (backpick->rule && !picks)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "the backpick rule of target %zu picks no backend: it needs a "
				    "module that does, backpick_random say",
				    number);
	for (unsigned i = 0; i < target->backend_count && !picks; i++) {
		if (!target->backends[i].rule.rule)
			return hb_error_set(
				err, HB_ERROR_CONFIG, 0,
				"backend \"%s\" of target %zu has no rule: it needs one that "
				"says which flows it gets, or the target a backpick rule",
				hb_endpoint_format(&target->backends[i].endpoint, text), number);
	}
	return 0;
}

int hb_target_seal(struct hb_target *target, size_t number, struct hb_error *err)
{
	if (!target->filter)
		return hb_error_set(
			err, HB_ERROR_CONFIG, 0,
			"target %zu has no filter: it needs one, say \"ip\" for all IPv4", number);
	if (!target->has_frontend)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "target %zu has no frontend: it needs one that answers first",
				    number);

	if (check_backends(target, number, err) < 0)
		return -EINVAL;

	unsigned next = number_leaves(&target->frontend_rule, 0);

	next = number_leaves(&target->backpick_rule, next);
	for (unsigned i = 0; i < target->backend_count; i++)
		next = number_leaves(&target->backends[i].rule, next);
	number_leaves(&target->control_rule, next);
	target->by_place = target->policy->by_place;
	return 0;
}
