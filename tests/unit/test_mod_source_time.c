/* SPDX-License-Identifier: BSD-2-Clause */
#include "module_fixture.h"

#define S_US INT64_C(1000000)

static struct hb_instance *instance;
static struct asked asked;
static const int64_t start_us = 1000000 * S_US;

static struct hb_instance *make(const char *allow_after, const char *deny_after,
				const char *expiration, struct hb_error *err)
{
	const struct hb_setting settings[] = {
		{ "allow_after", allow_after, 1, 1 },
		{ "deny_after", deny_after, 2, 1 },
		{ "expiration", expiration, 3, 1 },
	};

	return hb_instance_new("test", hb_module_builtin("source_time"), settings, 3, err);
}

static void start(const char *allow_after, const char *deny_after, const char *expiration)
{
	instance = make(allow_after, deny_after, expiration, NULL);
	ck_assert_ptr_nonnull(instance);
	asked_init(&asked);
}

static enum hb_decision ask_at(const char *source, int64_t us)
{
	ck_assert_int_eq(hb_addr_parse(source, &asked.flow.client.addr), 0);
	asked.query.now.wall_us = start_us + us;
	return hb_instance_decide(instance, &asked.query);
}

START_TEST(a_source_is_accepted_for_a_span)
{
	start("10", "20", "1000");
	ck_assert_int_eq(ask_at("192.0.2.7", 0), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_at("192.0.2.7", 10 * S_US - 1), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_at("192.0.2.7", 10 * S_US), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_at("192.0.2.7", 20 * S_US), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_at("192.0.2.7", 20 * S_US + 1), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_at("192.0.2.7", 999 * S_US), HB_DECISION_REJECT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(each_source_has_a_span_of_its_own)
{
	start("0", "20", "1000");
	ck_assert_int_eq(ask_at("192.0.2.7", 0), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_at("192.0.2.8", 15 * S_US), HB_DECISION_ACCEPT);
	asked.flow.client.port = 99; /* makes no other source */
	ck_assert_int_eq(ask_at("192.0.2.7", 21 * S_US), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_at("192.0.2.8", 21 * S_US), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_at("2001:db8::7", 21 * S_US), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(a_source_is_forgotten_after_its_last_flow)
{
	start("0", "20", "100");
	ck_assert_int_eq(ask_at("192.0.2.7", 0), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_at("192.0.2.7", 99 * S_US), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_at("192.0.2.7", 198 * S_US), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_at("192.0.2.7", 298 * S_US), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(twenty_minutes_if_nothing_is_said)
{
	instance = module_make("source_time", NULL, NULL, NULL);
	asked_init(&asked);
	ck_assert_int_eq(ask_at("192.0.2.7", 0), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_at("192.0.2.7", 1200 * S_US), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_at("192.0.2.7", 1200 * S_US + 1), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_at("192.0.2.7", 1200 * S_US + 86400 * S_US), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_at("192.0.2.7", 1200 * S_US + 172801 * S_US), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(a_clock_that_is_set_back_begins_the_span_again)
{
	start("10", "20", "1000");
	ck_assert_int_eq(ask_at("192.0.2.7", 0), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_at("192.0.2.7", -500 * S_US), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_at("192.0.2.7", -485 * S_US), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(an_empty_span_is_refused)
{
	struct hb_error err = { .code = HB_ERROR_NONE };

	ck_assert_ptr_null(make("20", "20", "100", &err));
	ck_assert_int_eq(err.code, HB_ERROR_CONFIG);
	ck_assert_str_eq(err.message,
			 "\"deny_after\" is 20: it must be above \"allow_after\", which is 20");
	ck_assert_ptr_null(make("1200", "30", "100", &err));
	instance = make("19", "20", "100", &err);
	ck_assert_ptr_nonnull(instance);
	hb_instance_free(instance);
}
END_TEST

START_TEST(the_answer_is_the_flows)
{
	ck_assert_uint_eq(hb_module_builtin("source_time")->flags, HB_MODULE_KEEPS_ANSWER);
}
END_TEST

UNIT_MAIN("mod_source_time", a_source_is_accepted_for_a_span, each_source_has_a_span_of_its_own,
	  a_source_is_forgotten_after_its_last_flow, twenty_minutes_if_nothing_is_said,
	  a_clock_that_is_set_back_begins_the_span_again, an_empty_span_is_refused,
	  the_answer_is_the_flows)
