/* SPDX-License-Identifier: BSD-2-Clause */
#include "target.h"

#include "registry.h"

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct hb_policy *policy;
static struct hb_target *target;
static struct hb_error err;

static void add(const char *name)
{
	const struct hb_setting setting = { "value", "yes", 1, 1 };

	ck_assert_int_eq(
		hb_policy_add_instance(policy, name, hb_module_builtin("yesno"), &setting, 1, &err),
		0);
}

/* A policy with the modules "yes" and "other", and an empty target. */
static void start(void)
{
	policy = hb_policy_new();
	add("yes");
	add("other");
	target = hb_policy_add_target(policy);
	memset(&err, 0, sizeof(err));
}

/* And one that picks. */
static void add_random(void)
{
	ck_assert_int_eq(hb_policy_add_instance(policy, "any", hb_module_builtin("backpick_random"),
						NULL, 0, &err),
			 0);
}

static struct hb_endpoint endpoint(const char *text)
{
	struct hb_endpoint result;

	ck_assert_int_eq(hb_endpoint_parse(text, &result), 0);
	return result;
}

static int set_frontend(const char *address, const char *rule)
{
	const struct hb_endpoint frontend = endpoint(address);

	return hb_target_set_frontend(target, &frontend, rule, &err);
}

static int add_backend(const char *address, const char *rule)
{
	const struct hb_endpoint backend = endpoint(address);

	return hb_target_add_backend(target, &backend, rule, &err);
}

static void assert_error(int ret, int column, const char *message)
{
	ck_assert_int_eq(ret, -EINVAL);
	ck_assert_str_eq(err.message, message);
	ck_assert_int_eq(err.column, column);
	ck_assert_int_eq(err.code, HB_ERROR_CONFIG);
}

START_TEST(what_is_set_is_there)
{
	start();
	ck_assert_int_eq(hb_target_set_filter(target, "tcp port 80", &err), 0);
	ck_assert_int_eq(add_backend("10.9.0.3", "other"), 0);
	ck_assert_int_eq(set_frontend("10.9.0.2:8080", "yes"), 0);
	ck_assert_int_eq(add_backend("10.9.0.4", "not (yes or other)"), 0);
	ck_assert_int_eq(hb_target_set_control(target, "yes", &err), 0);
	hb_target_set_on_failure(target, HB_ON_FAILURE_RESET);

	ck_assert_uint_eq(target->frontend.port, 8080);
	ck_assert_uint_eq(target->backend_count, 2);
	ck_assert_uint_eq(target->leaf_count, 5);
	ck_assert_int_eq(target->on_failure, HB_ON_FAILURE_RESET);
	ck_assert_str_eq(hb_instance_name(target->backends[0].rule.instances[0]), "other");
	ck_assert_str_eq(hb_instance_name(target->backends[1].rule.instances[0]), "yes");
	ck_assert_str_eq(hb_instance_name(target->backends[1].rule.instances[1]), "other");
	hb_policy_unref(policy);
}
END_TEST

START_TEST(leaves_are_numbered_through)
{
	start();
	hb_target_set_control(target, "yes", NULL);
	add_backend("10.9.0.3", "yes and other");
	add_backend("10.9.0.4", "yes");
	set_frontend("10.9.0.2", "yes or other or yes");
	ck_assert_int_eq(hb_target_set_filter(target, "ip", &err), 0);
	ck_assert_int_eq(hb_target_seal(target, 1, &err), 0);
	ck_assert_uint_eq(target->frontend_rule.first_leaf, 0);
	ck_assert_uint_eq(target->backends[0].rule.first_leaf, 3);
	ck_assert_uint_eq(target->backends[1].rule.first_leaf, 5);
	ck_assert_uint_eq(target->control_rule.first_leaf, 6);
	ck_assert_uint_eq(target->leaf_count, 7);
	hb_policy_unref(policy);
}
END_TEST

START_TEST(a_frontend_without_rule_has_no_leaf)
{
	start();
	ck_assert_int_eq(set_frontend("10.9.0.2", NULL), 0);
	add_backend("10.9.0.3", "yes");
	hb_target_set_filter(target, "ip", NULL);
	ck_assert_int_eq(hb_target_seal(target, 1, &err), 0);
	ck_assert_ptr_null(target->frontend_rule.rule);
	ck_assert_uint_eq(target->backends[0].rule.first_leaf, 0);
	hb_policy_unref(policy);
}
END_TEST

START_TEST(errors_in_rules_have_their_column)
{
	start();
	assert_error(set_frontend("10.9.0.2", "yes or othr"), 8,
		     "unknown module \"othr\": did you mean \"other\"?");
	assert_error(add_backend("10.9.0.3", "yes and hash"), 9,
		     "unknown module \"hash\": a \"module\" section must define it");
	assert_error(hb_target_set_control(target, "yes yes", &err), 5,
		     "unexpected \"yes\": \"and\" or \"or\" must stand between two modules");
	/* Nothing was set. */
	ck_assert_int_eq(set_frontend("10.9.0.2", "yes"), 0);
	ck_assert_int_eq(add_backend("10.9.0.3", "yes"), 0);
	ck_assert_int_eq(hb_target_set_control(target, "yes", &err), 0);
	ck_assert_uint_eq(target->leaf_count, 3);
	ck_assert_uint_eq(target->backend_count, 1);
	hb_policy_unref(policy);
}
END_TEST

START_TEST(one_filter_one_frontend_one_control_rule)
{
	start();
	hb_target_set_filter(target, "ip", NULL);
	set_frontend("10.9.0.2", NULL);
	hb_target_set_control(target, "yes", NULL);
	assert_error(hb_target_set_filter(target, "tcp", &err), 0,
		     "a second filter \"tcp\": a target has one");
	assert_error(set_frontend("10.9.0.5:80", NULL), 0,
		     "a second frontend \"10.9.0.5:80\": a target has one");
	assert_error(hb_target_set_control(target, "other", &err), 0,
		     "a second control rule \"other\": a target has one");
	hb_policy_unref(policy);
}
END_TEST

START_TEST(a_filter_that_does_not_compile_is_not_set)
{
	start();
	ck_assert_int_eq(hb_target_set_filter(target, "tcp prt", &err), -EINVAL);
	ck_assert_int_eq(err.code, HB_ERROR_FILTER);
	ck_assert_int_eq(hb_target_set_filter(target, "tcp", &err), 0);
	hb_policy_unref(policy);
}
END_TEST

START_TEST(a_backend_needs_a_rule_or_the_target_a_backpick)
{
	start();
	add_random();
	assert_error(add_backend("10.9.0.3", ""), 1, "the rule is empty: expected a module name");
	ck_assert_int_eq(add_backend("10.9.0.3", NULL), 0);
	ck_assert_int_eq(hb_target_set_filter(target, "ip", &err), 0);
	ck_assert_int_eq(set_frontend("10.9.0.2", NULL), 0);
	assert_error(hb_policy_seal(policy, &err), 0,
		     "backend \"10.9.0.3\" of target 1 has no rule: it needs one that says which "
		     "flows it gets, or the target a backpick rule");
	ck_assert_int_eq(hb_target_set_backpick(target, "yes and any", &err), 0);
	ck_assert_int_eq(hb_policy_seal(policy, &err), 0);
	hb_policy_unref(policy);
}
END_TEST

START_TEST(a_backpick_rule_needs_who_picks)
{
	start();
	add_random();
	ck_assert_int_eq(hb_target_set_filter(target, "ip", &err), 0);
	ck_assert_int_eq(set_frontend("10.9.0.2", NULL), 0);
	ck_assert_int_eq(add_backend("10.9.0.3", "yes"), 0);
	assert_error(hb_target_set_backpick(target, "yes or anny", &err), 8,
		     "unknown module \"anny\": did you mean \"any\"?");
	ck_assert_int_eq(hb_target_set_backpick(target, "yes or other", &err), 0);
	assert_error(hb_target_set_backpick(target, "any", &err), 0,
		     "a second backpick rule \"any\": a target has one");
	assert_error(hb_policy_seal(policy, &err), 0,
		     "the backpick rule of target 1 picks no backend: it needs a module that does, "
		     "backpick_random say");
	hb_policy_unref(policy);
}
END_TEST

START_TEST(other_rules_have_no_use_for_a_pick)
{
	const char *message = "\"any\" picks a backend: it belongs in a backpick rule";

	start();
	add_random();
	assert_error(set_frontend("10.9.0.2", "yes and any"), 9, message);
	assert_error(add_backend("10.9.0.3", "any"), 1, message);
	assert_error(hb_target_set_control(target, "not any", &err), 5, message);

	const struct hb_setting server = { "ip", "10.8.0.53", 1, 1 };

	ck_assert_int_eq(hb_policy_add_instance(policy, "dns", hb_module_builtin("dns_control"),
						&server, 1, &err),
			 0);
	message = "\"dns\" leads packets to somebody else: it belongs in a control rule";
	assert_error(set_frontend("10.9.0.2", "dns"), 1, message);
	assert_error(add_backend("10.9.0.3", "yes or dns"), 8, message);
	assert_error(hb_target_set_backpick(target, "any and dns", &err), 9, message);
	ck_assert_int_eq(hb_target_set_control(target, "dns or yes", &err), 0);
	hb_policy_unref(policy);
}
END_TEST

/* In the order in which they are asked. */
START_TEST(leaves_of_a_backpick_come_before_those_of_backends)
{
	start();
	add_random();
	ck_assert_int_eq(hb_target_set_control(target, "yes", &err), 0);
	ck_assert_int_eq(add_backend("10.9.0.3", "yes or other"), 0);
	ck_assert_int_eq(add_backend("10.9.0.4", NULL), 0);
	ck_assert_int_eq(hb_target_set_backpick(target, "yes and any and other", &err), 0);
	ck_assert_int_eq(set_frontend("10.9.0.2", "yes"), 0);
	ck_assert_int_eq(hb_target_set_filter(target, "ip", &err), 0);
	ck_assert_int_eq(hb_policy_seal(policy, &err), 0);
	ck_assert_uint_eq(target->frontend_rule.first_leaf, 0);
	ck_assert_uint_eq(target->backpick_rule.first_leaf, 1);
	ck_assert_uint_eq(target->backends[0].rule.first_leaf, 4);
	ck_assert_uint_eq(target->control_rule.first_leaf, 6);
	hb_policy_unref(policy);
}
END_TEST

START_TEST(frontend_and_backends_are_of_one_family)
{
	const char *message = "frontend \"10.9.0.2\" and backend \"2001:db8::3\" are of different "
			      "families: both must be IPv4, or both IPv6";

	start();
	set_frontend("10.9.0.2", NULL);
	assert_error(add_backend("2001:db8::3", "yes"), 0, message);
	hb_policy_unref(policy);
	start();
	add_backend("2001:db8::3", "yes");
	assert_error(set_frontend("10.9.0.2", NULL), 0, message);
	ck_assert_int_eq(set_frontend("2001:db8::2", NULL), 0);
	hb_policy_unref(policy);
}
END_TEST

START_TEST(a_backend_is_not_the_frontend)
{
	start();
	set_frontend("10.9.0.2:80", NULL);
	assert_error(add_backend("10.9.0.2:80", "yes"), 0,
		     "\"10.9.0.2:80\" is frontend and backend: a backend must be another host or "
		     "port");
	ck_assert_int_eq(add_backend("10.9.0.2:81", "yes"), 0);
	hb_policy_unref(policy);
	start();
	add_backend("10.9.0.2", "yes");
	assert_error(
		set_frontend("10.9.0.2", NULL), 0,
		"\"10.9.0.2\" is frontend and backend: a backend must be another host or port");
	hb_policy_unref(policy);
}
END_TEST

START_TEST(a_honeypot_is_one_host)
{
	static const char *const wrong[] = { "0.0.0.0", "224.0.0.1", "255.255.255.255",
					     "::", "ff02::1" };

	start();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		char message[100];

		snprintf(message, sizeof(message),
			 "\"%s\" cannot be a honeypot: it must be the address of one host",
			 wrong[i]);
		assert_error(set_frontend(wrong[i], NULL), 0, message);
		assert_error(add_backend(wrong[i], "yes"), 0, message);
	}
	ck_assert_int_eq(set_frontend("223.255.255.255", NULL), 0);
	hb_policy_unref(policy);
}
END_TEST

START_TEST(the_rules_of_a_target_have_a_limit)
{
	char rule[4 * HB_TARGET_LEAVES_MAX + 40] = "other";
	char message[100];

	start();
	for (int i = 2; i < HB_TARGET_LEAVES_MAX; i++)
		strcat(rule, i % 2 ? " or x" : " or y");
	add("x");
	add("y");
	ck_assert_int_eq(add_backend("10.9.0.3", rule), 0);
	snprintf(message, sizeof(message),
		 "\"yes\" is one module too many: the rules of a target have room for %d together",
		 HB_TARGET_LEAVES_MAX);
	assert_error(hb_target_set_control(target, "other and yes", &err), 11, message);
	ck_assert_int_eq(hb_target_set_control(target, "other", &err), 0);
	assert_error(add_backend("10.9.0.4", "yes"), 1, message);
	hb_policy_unref(policy);
}
END_TEST

START_TEST(what_is_missing_is_said_at_the_end)
{
	start();
	assert_error(hb_target_seal(target, 3, &err), 0,
		     "target 3 has no filter: it needs one, say \"ip\" for all IPv4");
	hb_target_set_filter(target, "ip", NULL);
	assert_error(hb_target_seal(target, 3, &err), 0,
		     "target 3 has no frontend: it needs one that answers first");
	hb_policy_unref(policy);
}
END_TEST

START_TEST(a_sealed_target_does_not_change)
{
	const char *message = "the policy is sealed: a target must be complete before";

	start();
	hb_target_set_filter(target, "ip", NULL);
	set_frontend("10.9.0.2", NULL);
	ck_assert_int_eq(hb_policy_seal(policy, &err), 0);
	assert_error(hb_target_set_filter(target, "ip", &err), 0, message);
	assert_error(set_frontend("10.9.0.2", NULL), 0, message);
	assert_error(add_backend("10.9.0.3", "yes"), 0, message);
	assert_error(hb_target_set_control(target, "yes", &err), 0, message);
	hb_target_set_on_failure(target, HB_ON_FAILURE_DROP);
	ck_assert_int_eq(target->on_failure, HB_ON_FAILURE_FRONTEND);
	hb_policy_unref(policy);
}
END_TEST

UNIT_MAIN("target", what_is_set_is_there, leaves_are_numbered_through,
	  a_frontend_without_rule_has_no_leaf, errors_in_rules_have_their_column,
	  one_filter_one_frontend_one_control_rule, a_filter_that_does_not_compile_is_not_set,
	  a_backend_needs_a_rule_or_the_target_a_backpick, a_backpick_rule_needs_who_picks,
	  other_rules_have_no_use_for_a_pick, leaves_of_a_backpick_come_before_those_of_backends,
	  frontend_and_backends_are_of_one_family, a_backend_is_not_the_frontend,
	  a_honeypot_is_one_host, the_rules_of_a_target_have_a_limit,
	  what_is_missing_is_said_at_the_end, a_sealed_target_does_not_change)
