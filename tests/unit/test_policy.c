/* SPDX-License-Identifier: BSD-2-Clause */
#include "target.h"

#include "build.h"
#include "registry.h"

#include "allocation.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct hb_setting yes = { "value", "yes", 1, 1 };

static struct hb_endpoint endpoint(const char *text)
{
	struct hb_endpoint result;

	ck_assert_int_eq(hb_endpoint_parse(text, &result), 0);
	return result;
}

static struct hb_policy *start(void)
{
	struct hb_policy *policy = hb_policy_new();

	ck_assert_int_eq(
		hb_policy_add_instance(policy, "yes", hb_module_builtin("yesno"), &yes, 1, NULL),
		0);
	return policy;
}

/* Adds a target with up to one backend, and with a control rule or not. */
static struct hb_target *add_target(struct hb_policy *policy, const char *filter,
				    const char *frontend, const char *backend, const char *control)
{
	struct hb_target *target = hb_policy_add_target(policy);
	struct hb_endpoint address = endpoint(frontend);

	ck_assert_int_eq(hb_target_set_filter(target, filter, NULL), 0);
	ck_assert_int_eq(hb_target_set_frontend(target, &address, NULL, NULL), 0);
	if (backend) {
		address = endpoint(backend);
		ck_assert_int_eq(hb_target_add_backend(target, &address, "yes", NULL), 0);
	}
	if (control)
		ck_assert_int_eq(hb_target_set_control(target, control, NULL), 0);
	return target;
}

static const struct hb_target *find(const struct hb_policy *policy, const char *address)
{
	struct hb_addr addr;

	ck_assert_int_eq(hb_addr_parse(address, &addr), 0);
	return hb_policy_find_honeypot(policy, &addr);
}

START_TEST(options_have_defaults)
{
	struct hb_options options;

	hb_options_default(&options);
	ck_assert_uint_eq(options.size, sizeof(options));
	ck_assert_uint_eq(options.expiration_delay_s, 120);
	ck_assert_uint_eq(options.established_timeout_s, 7440);
	ck_assert_uint_eq(options.closed_delay_ms, 2000);
	ck_assert_uint_eq(options.handover_timeout_ms, 5000);
	ck_assert(!options.reset_ext);
	ck_assert(!options.deny_hih_init);
	ck_assert_uint_eq(options.max_flows, 1000000);
	ck_assert_uint_eq(options.max_packet_buffer, 0);
	ck_assert_uint_eq(options.max_flow_buffer_bytes, 65536);
	ck_assert_uint_eq(options.max_total_buffer_bytes, 67108864);
}
END_TEST

START_TEST(options_are_checked)
{
	struct hb_policy *policy = hb_policy_new();
	struct hb_options options;
	struct hb_error err;

	hb_options_default(&options);
	options.max_flows = 7;
	ck_assert_int_eq(hb_policy_set_options(policy, &options, &err), 0);
	ck_assert_uint_eq(policy->options.max_flows, 7);
	options.max_flows = 0;
	ck_assert_int_eq(hb_policy_set_options(policy, &options, &err), -EINVAL);
	ck_assert_str_eq(err.message, "\"max_flows\" is 0: it must be at least 1");
	ck_assert_uint_eq(policy->options.max_flows, 7);
	options = (struct hb_options){ .size = 3 };
	ck_assert_int_eq(hb_policy_set_options(policy, &options, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "hb_options_default()"));
	hb_policy_unref(policy);
}
END_TEST

START_TEST(names_and_files_belong_to_one_instance)
{
	const struct hb_module *hash = hb_module_builtin("hash");
	const struct hb_setting backup[] = { { "expiration", "5", 4, 2 },
					     { "backup", "/var/x", 5, 6 } };
	struct hb_policy *policy = start();
	struct hb_error err;

	ck_assert_int_eq(hb_policy_add_instance(policy, "yes", hash, NULL, 0, &err), -EINVAL);
	ck_assert_str_eq(err.message, "a second module \"yes\": each needs its own name");
	ck_assert_int_eq(hb_policy_add_instance(policy, "a", hash, backup, 2, &err), 0);
	ck_assert_int_eq(hb_policy_add_instance(policy, "b", hash, backup, 2, &err), -EINVAL);
	ck_assert_str_eq(err.message, "the file \"/var/x\" is used by the modules \"a\" and \"b\": "
				      "each needs its own");
	ck_assert_int_eq(err.line, 5);
	ck_assert_int_eq(err.column, 6);
	ck_assert_uint_eq(policy->instance_count, 2);
	hb_policy_unref(policy);
}
END_TEST

START_TEST(what_makes_no_instance_says_why)
{
	struct hb_policy *policy = hb_policy_new();
	struct hb_error err;

	ck_assert_int_eq(
		hb_policy_add_instance(policy, "a", hb_module_builtin("yesno"), NULL, 0, &err),
		-EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "missing parameter \"value\""));
	ck_assert_ptr_null(hb_policy_find_instance(policy, "a"));
	hb_policy_unref(policy);
}
END_TEST

START_TEST(builtin_modules_are_in_order)
{
	const struct hb_module *module;
	size_t count = 0;

	for (; (module = hb_module_builtin_at(count)) != NULL; count++) {
		ck_assert_ptr_eq(hb_module_builtin(module->name), module);
		ck_assert_uint_eq(module->abi, HB_MODULE_ABI);
		ck_assert_ptr_nonnull(module->summary);
		if (count > 0)
			ck_assert_str_lt(hb_module_builtin_at(count - 1)->name, module->name);
	}
	ck_assert_uint_ge(count, 4);
	ck_assert_ptr_null(hb_module_builtin("nosuch"));
}
END_TEST

START_TEST(a_policy_is_sealed_once_and_for_all)
{
	struct hb_policy *policy = start();
	struct hb_options options;
	struct hb_error err;

	ck_assert_int_eq(hb_policy_seal(policy, &err), -EINVAL);
	ck_assert_str_eq(err.message,
			 "there is no target: at least one \"target\" section is needed");
	add_target(policy, "ip", "10.9.0.2", NULL, NULL);
	hb_policy_add_target(policy);
	ck_assert_int_eq(hb_policy_seal(policy, &err), -EINVAL);
	ck_assert_str_eq(err.message,
			 "target 2 has no filter: it needs one, say \"ip\" for all IPv4");
	ck_assert(!policy->sealed);
	hb_policy_unref(policy);

	policy = start();
	add_target(policy, "ip", "10.9.0.2", NULL, NULL);
	ck_assert_int_eq(hb_policy_seal(policy, &err), 0);
	ck_assert(policy->sealed);
	ck_assert_int_eq(hb_policy_seal(policy, &err), -EINVAL);
	ck_assert_str_eq(err.message, "the policy is sealed: it must be complete before");
	hb_options_default(&options);
	ck_assert_int_eq(hb_policy_set_options(policy, &options, NULL), -EINVAL);
	ck_assert_int_eq(
		hb_policy_add_instance(policy, "b", hb_module_builtin("yesno"), &yes, 1, NULL),
		-EINVAL);
	ck_assert_ptr_null(hb_policy_add_target(policy));
	hb_policy_unref(policy);
}
END_TEST

static unsigned freed;

static void count_freed(void *state)
{
	(void)state;
	freed++;
}

static enum hb_decision accept_all(void *state, const struct hb_query *query)
{
	(void)state;
	(void)query;
	return HB_DECISION_ACCEPT;
}

START_TEST(the_last_reference_frees)
{
	const struct hb_module module = {
		.abi = HB_MODULE_ABI,
		.name = "counted",
		.destroy = count_freed,
		.decide = accept_all,
	};
	struct hb_policy *policy = hb_policy_new();

	freed = 0;
	hb_policy_add_instance(policy, "a", &module, NULL, 0, NULL);
	ck_assert_ptr_eq(hb_policy_ref(policy), policy);
	hb_policy_unref(policy);
	ck_assert_uint_eq(freed, 0);
	hb_policy_unref(policy);
	ck_assert_uint_eq(freed, 1);
	hb_policy_unref(NULL);
}
END_TEST

START_TEST(the_first_filter_in_file_order_matches)
{
	struct hb_policy *policy = start();
	struct hb_target *web = add_target(policy, "tcp port 80", "10.9.0.2", NULL, NULL);
	struct hb_target *tcp = add_target(policy, "tcp", "10.9.0.3", NULL, NULL);
	struct hb_build_tcp spec = {
		.ip = { .src = endpoint("192.0.2.7:4000"),
			.dst = endpoint("10.1.0.1:80"),
			.ttl = 64 },
	};
	struct hb_packet packet;
	uint8_t buf[100];

	ck_assert_int_eq(hb_policy_seal(policy, NULL), 0);
	hb_packet_parse(buf, hb_build_tcp(buf, sizeof(buf), &spec), &packet);
	ck_assert_ptr_eq(hb_policy_match(policy, &packet), web);
	spec.ip.dst.port = 81;
	hb_packet_parse(buf, hb_build_tcp(buf, sizeof(buf), &spec), &packet);
	ck_assert_ptr_eq(hb_policy_match(policy, &packet), tcp);
	hb_packet_parse(buf, hb_build_udp(buf, sizeof(buf), &spec.ip, NULL, 0), &packet);
	ck_assert_ptr_null(hb_policy_match(policy, &packet));
	hb_policy_unref(policy);
}
END_TEST

/* "tcp" fits both, but no IPv6 packet can be made one for an IPv4 host. */
START_TEST(a_target_takes_the_version_of_its_honeypots)
{
	struct hb_policy *policy = start();
	struct hb_target *six = add_target(policy, "tcp", "2001:db8::2", NULL, NULL);
	struct hb_target *four = add_target(policy, "tcp", "10.9.0.3", NULL, NULL);
	struct hb_build_tcp spec = { .ip = { .src = endpoint("192.0.2.7:4000"),
					     .dst = endpoint("10.1.0.1:80") } };
	struct hb_packet packet;
	uint8_t buf[100];

	ck_assert_int_eq(hb_policy_seal(policy, NULL), 0);
	hb_packet_parse(buf, hb_build_tcp(buf, sizeof(buf), &spec), &packet);
	ck_assert_ptr_eq(hb_policy_match(policy, &packet), four);
	spec.ip.src = endpoint("[2001:db8:a::7]:4000");
	spec.ip.dst = endpoint("[2001:db8:d::1]:80");
	hb_packet_parse(buf, hb_build_tcp(buf, sizeof(buf), &spec), &packet);
	ck_assert_ptr_eq(hb_policy_match(policy, &packet), six);
	hb_policy_unref(policy);
}
END_TEST

START_TEST(every_honeypot_is_found)
{
	struct hb_policy *policy = start();
	struct hb_target *a = add_target(policy, "ip", "10.9.0.2:80", "10.9.0.3:81", "yes");
	struct hb_target *b = add_target(policy, "ip6", "2001:db8::2", "2001:db8::3", NULL);

	ck_assert_int_eq(hb_policy_seal(policy, NULL), 0);
	ck_assert_ptr_eq(find(policy, "10.9.0.2"), a);
	ck_assert_ptr_eq(find(policy, "10.9.0.3"), a);
	ck_assert_ptr_eq(find(policy, "2001:db8::2"), b);
	ck_assert_ptr_eq(find(policy, "2001:db8::3"), b);
	ck_assert_ptr_null(find(policy, "10.9.0.1"));
	ck_assert_ptr_null(find(policy, "10.9.0.4"));
	ck_assert_ptr_null(find(policy, "2001:db8::4"));
	ck_assert_ptr_null(find(policy, "::1"));
	ck_assert_uint_eq(policy->honeypot_count, 4);
	hb_policy_unref(policy);
}
END_TEST

START_TEST(a_shared_honeypot_has_the_first_control_rule)
{
	struct hb_policy *policy = start();
	struct hb_target *a = add_target(policy, "ip", "10.9.0.2", "10.9.0.3", NULL);
	struct hb_target *b = add_target(policy, "ip", "10.9.0.2", "10.9.0.4", "yes");
	struct hb_target *c = add_target(policy, "ip", "10.9.0.2", "10.9.0.3", "yes");

	ck_assert_int_eq(hb_policy_seal(policy, NULL), 0);
	ck_assert_ptr_eq(find(policy, "10.9.0.2"), b);
	ck_assert_ptr_eq(find(policy, "10.9.0.3"), c);
	ck_assert_ptr_eq(find(policy, "10.9.0.4"), b);
	hb_policy_unref(policy);

	policy = start();
	a = add_target(policy, "ip", "10.9.0.2", NULL, NULL);
	add_target(policy, "ip", "10.9.0.2", NULL, NULL);
	ck_assert_int_eq(hb_policy_seal(policy, NULL), 0);
	ck_assert_ptr_eq(find(policy, "10.9.0.2"), a);
	hb_policy_unref(policy);
}
END_TEST

START_TEST(many_honeypots_are_found)
{
	struct hb_policy *policy = start();
	char address[20];

	for (unsigned i = 0; i < 500; i++) {
		/* Not in the order of the addresses. */
		unsigned host = i * 7919 % 65521 + 1;

		snprintf(address, sizeof(address), "10.9.%u.%u", host >> 8, host & 0xff);
		add_target(policy, "ip", address, NULL, NULL);
	}
	ck_assert_int_eq(hb_policy_seal(policy, NULL), 0);
	for (size_t i = 0; i < policy->target_count; i++)
		ck_assert_ptr_eq(
			hb_policy_find_honeypot(policy, &policy->targets[i]->frontend.addr),
			policy->targets[i]);
	hb_policy_unref(policy);
}
END_TEST

/* Everything that a configuration does; 0 or the first error. */
static int build(struct hb_policy *policy, const struct hb_endpoint ends[3], struct hb_error *err)
{
	const struct hb_clone clone = { .tag = "one", .interface = 3 };
	const struct hb_uplink uplink = { .name = "east", .mark = 100 };
	const struct hb_setting backup = { "backup", "/var/x", 1, 1 };
	struct hb_target *target = hb_policy_add_target(policy);
	int ret = target ? 0 : -ENOMEM;

	if (ret == 0)
		ret = hb_policy_add_instance(policy, "yes", hb_module_builtin("yesno"), &yes, 1,
					     err);
	if (ret == 0)
		ret = hb_policy_add_instance(policy, "hash", hb_module_builtin("hash"), &backup, 1,
					     err);
	if (ret == 0)
		ret = hb_target_set_filter(target, "ip", err);
	if (ret == 0)
		ret = hb_target_set_frontend(target, &ends[0], "yes", err);
	if (ret == 0)
		ret = hb_target_add_backend(target, &ends[1], "yes or hash", err);
	if (ret == 0)
		ret = hb_target_add_clone(target, &clone, &ends[2], "yes", err);
	if (ret == 0)
		ret = hb_policy_add_uplink(policy, &uplink, err);
	if (ret == 0)
		ret = hb_target_set_control(target, "yes", err);
	return ret == 0 ? hb_policy_seal(policy, err) : ret;
}

START_TEST(each_allocation_may_fail)
{
	const struct hb_endpoint addresses[3] = { endpoint("10.9.0.2"), endpoint("10.9.0.3"),
						  endpoint("10.9.0.4") };
	long failures = 0;
	int ret = -ENOMEM;

	for (long i = 0; ret != 0; i++) {
		struct hb_error err = { .code = HB_ERROR_SYSTEM };

		allocation_fail_at(i);
		struct hb_policy *policy = hb_policy_new();
		ret = policy ? build(policy, addresses, &err) : -ENOMEM;
		bool failed = allocation_failed();

		ck_assert(failed == (ret != 0));
		ck_assert(ret == 0 || ret == -ENOMEM);
		ck_assert_int_eq(err.code, HB_ERROR_SYSTEM);
		hb_policy_unref(policy);
		failures += failed;
	}
	ck_assert_int_ge(failures, 27);
}
END_TEST

START_TEST(a_suggestion_needs_memory_too)
{
	struct hb_policy *policy = start();
	struct hb_target *target = hb_policy_add_target(policy);
	struct hb_error err;
	int ret;

	allocation_fail_at(2); /* the rule, its instances, the list of names */
	ret = hb_target_set_control(target, "yess", &err);
	ck_assert(allocation_failed());
	ck_assert_int_eq(ret, -ENOMEM);
	hb_policy_unref(policy);
}
END_TEST

UNIT_MAIN("policy", options_have_defaults, options_are_checked,
	  names_and_files_belong_to_one_instance, what_makes_no_instance_says_why,
	  builtin_modules_are_in_order, a_policy_is_sealed_once_and_for_all,
	  the_last_reference_frees, the_first_filter_in_file_order_matches,
	  a_target_takes_the_version_of_its_honeypots, every_honeypot_is_found,
	  a_shared_honeypot_has_the_first_control_rule, many_honeypots_are_found,
	  each_allocation_may_fail, a_suggestion_needs_memory_too)
