/* SPDX-License-Identifier: BSD-2-Clause */
#include "module_fixture.h"

#define DAY_US INT64_C(86400000000)

static struct hb_instance *instance;
static struct asked asked;

static void start(const char *expiration)
{
	instance = module_make("source", expiration ? "expiration" : NULL, expiration, NULL);
	ck_assert_ptr_nonnull(instance);
	asked_init(&asked);
	asked.query.now.wall_us = 1000 * DAY_US;
}

/* Asks about a flow, with its number, of a source. */
static enum hb_decision ask(const char *source, uint64_t flow)
{
	ck_assert_int_eq(hb_addr_parse(source, &asked.flow.client.addr), 0);
	asked.flow.id = flow;
	asked.flow.started.mono_ns = flow * 1000;
	return hb_instance_decide(instance, &asked.query);
}

START_TEST(only_the_first_flow_is_accepted)
{
	start(NULL);
	ck_assert_int_eq(ask("192.0.2.7", 1), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask("192.0.2.7", 2), HB_DECISION_REJECT);
	ck_assert_int_eq(ask("192.0.2.8", 3), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask("2001:db8::7", 4), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask("2001:db8::7", 5), HB_DECISION_REJECT);
	ck_assert_int_eq(ask("192.0.2.7", 6), HB_DECISION_REJECT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(the_port_makes_no_other_source)
{
	start(NULL);
	asked.flow.client.port = 40000;
	ck_assert_int_eq(ask("192.0.2.7", 1), HB_DECISION_ACCEPT);
	asked.flow.client.port = 40001;
	asked.flow.attacked.port = 22;
	ck_assert_int_eq(ask("192.0.2.7", 2), HB_DECISION_REJECT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(the_flow_that_was_first_stays_accepted)
{
	start(NULL);
	ck_assert_int_eq(ask("192.0.2.7", 1), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask("192.0.2.7", 2), HB_DECISION_REJECT);
	ck_assert_int_eq(ask("192.0.2.7", 1), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask("192.0.2.7", 2), HB_DECISION_REJECT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(a_flow_of_the_same_number_but_later_is_another)
{
	start(NULL);
	ck_assert_int_eq(ask("192.0.2.7", 1), HB_DECISION_ACCEPT);
	asked.flow.started.mono_ns += 1;
	ck_assert_int_eq(hb_instance_decide(instance, &asked.query), HB_DECISION_REJECT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(a_source_is_forgotten_after_its_last_flow)
{
	start("10");
	ck_assert_int_eq(ask("192.0.2.7", 1), HB_DECISION_ACCEPT);
	asked.query.now.wall_us += 9999999;
	ck_assert_int_eq(ask("192.0.2.7", 2), HB_DECISION_REJECT);
	asked.query.now.wall_us += 9999999;
	ck_assert_int_eq(ask("192.0.2.7", 3), HB_DECISION_REJECT);
	asked.query.now.wall_us += 10000000;
	ck_assert_int_eq(ask("192.0.2.7", 4), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(a_day_if_nothing_is_said)
{
	start(NULL);
	ck_assert_int_eq(ask("192.0.2.7", 1), HB_DECISION_ACCEPT);
	asked.query.now.wall_us += DAY_US - 1;
	ck_assert_int_eq(ask("192.0.2.7", 2), HB_DECISION_REJECT);
	asked.query.now.wall_us += DAY_US;
	ck_assert_int_eq(ask("192.0.2.7", 3), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(the_answer_is_the_flows)
{
	ck_assert_uint_eq(hb_module_builtin("source")->flags, HB_MODULE_KEEPS_ANSWER);
}
END_TEST

UNIT_MAIN("mod_source", only_the_first_flow_is_accepted, the_port_makes_no_other_source,
	  the_flow_that_was_first_stays_accepted, a_flow_of_the_same_number_but_later_is_another,
	  a_source_is_forgotten_after_its_last_flow, a_day_if_nothing_is_said,
	  the_answer_is_the_flows)
