/* SPDX-License-Identifier: BSD-2-Clause */
#include "module_fixture.h"

#define S_US INT64_C(1000000)

static struct hb_instance *instance;
static struct asked asked;

static void start(const char *expiration, const char *max_packet)
{
	const struct hb_setting settings[] = {
		{ "expiration", expiration, 1, 1 },
		{ "max_packet", max_packet, 1, 1 },
	};

	instance = hb_instance_new("test", hb_module_builtin("control"), settings, 2, NULL);
	ck_assert_ptr_nonnull(instance);
	asked_init(&asked);
	asked.query.now.wall_us = 1000000 * S_US;
}

static bool passes(const char *source)
{
	enum hb_decision decision;

	ck_assert_int_eq(hb_addr_parse(source, &asked.flow.client.addr), 0);
	decision = hb_instance_decide(instance, &asked.query);
	ck_assert_int_ne(decision, HB_DECISION_DEFER);
	return decision == HB_DECISION_ACCEPT;
}

static unsigned count_passing(const char *source, unsigned packets)
{
	unsigned count = 0;

	for (unsigned i = 0; i < packets; i++)
		count += passes(source);
	return count;
}

START_TEST(so_many_packets_pass_in_a_window)
{
	start("10", "3");
	ck_assert(passes("10.9.0.3"));
	asked.query.now.wall_us += 9 * S_US;
	ck_assert_uint_eq(count_passing("10.9.0.3", 5), 2);
	hb_instance_free(instance);
}
END_TEST

START_TEST(the_window_is_fixed_from_its_first_packet)
{
	start("10", "3");
	ck_assert(passes("10.9.0.3"));
	asked.query.now.wall_us += 9 * S_US;
	ck_assert(passes("10.9.0.3"));
	asked.query.now.wall_us += S_US - 1;
	ck_assert_uint_eq(count_passing("10.9.0.3", 2), 1);
	asked.query.now.wall_us += 1; /* the first one was ten seconds ago */
	ck_assert_uint_eq(count_passing("10.9.0.3", 9), 3);
	hb_instance_free(instance);
}
END_TEST

START_TEST(what_is_refused_does_not_count)
{
	start("10", "1");
	ck_assert(passes("10.9.0.3"));
	for (int i = 0; i < 9; i++) {
		asked.query.now.wall_us += S_US;
		ck_assert(!passes("10.9.0.3"));
	}
	asked.query.now.wall_us += S_US;
	ck_assert(passes("10.9.0.3"));
	ck_assert(!passes("10.9.0.3"));
	hb_instance_free(instance);
}
END_TEST

START_TEST(each_honeypot_has_its_own_count)
{
	start("10", "2");
	ck_assert_uint_eq(count_passing("10.9.0.3", 3), 2);
	ck_assert_uint_eq(count_passing("10.9.0.2", 3), 2);
	ck_assert_uint_eq(count_passing("2001:db8::3", 3), 2);
	hb_instance_free(instance);
}
END_TEST

START_TEST(flows_of_a_honeypot_count_together)
{
	start("10", "2");
	asked.flow.id = 1;
	ck_assert(passes("10.9.0.3"));
	asked.flow.id = 2;
	asked.flow.client.port = 99;
	asked.flow.attacked.port = 53;
	ck_assert(passes("10.9.0.3"));
	ck_assert(!passes("10.9.0.3"));
	hb_instance_free(instance);
}
END_TEST

START_TEST(none_is_a_number)
{
	start("10", "0");
	ck_assert_uint_eq(count_passing("10.9.0.3", 3), 0);
	hb_instance_free(instance);
}
END_TEST

START_TEST(a_thousand_in_ten_minutes_if_nothing_is_said)
{
	instance = module_make("control", NULL, NULL, NULL);
	ck_assert_ptr_nonnull(instance);
	asked_init(&asked);
	ck_assert_uint_eq(count_passing("10.9.0.3", 1500), 1000);
	asked.query.now.wall_us += 600 * S_US - 1;
	ck_assert(!passes("10.9.0.3"));
	asked.query.now.wall_us += 1;
	ck_assert(passes("10.9.0.3"));
	hb_instance_free(instance);
}
END_TEST

START_TEST(a_clock_that_is_set_back_lets_nothing_more_out)
{
	start("10", "2");
	ck_assert(passes("10.9.0.3"));
	asked.query.now.wall_us -= 5000 * S_US;
	ck_assert_uint_eq(count_passing("10.9.0.3", 3), 1);
	asked.query.now.wall_us += 5 * S_US;
	ck_assert(!passes("10.9.0.3"));
	asked.query.now.wall_us += 5 * S_US; /* and nobody waits for 5000 seconds */
	ck_assert_uint_eq(count_passing("10.9.0.3", 3), 2);
	hb_instance_free(instance);
}
END_TEST

UNIT_MAIN("mod_control", so_many_packets_pass_in_a_window,
	  the_window_is_fixed_from_its_first_packet, what_is_refused_does_not_count,
	  each_honeypot_has_its_own_count, flows_of_a_honeypot_count_together, none_is_a_number,
	  a_thousand_in_ten_minutes_if_nothing_is_said,
	  a_clock_that_is_set_back_lets_nothing_more_out)
