/* SPDX-License-Identifier: BSD-2-Clause */
#include "module_fixture.h"

/* How many of so many flows are accepted. */
static unsigned accepted(const char *value, unsigned flows)
{
	struct hb_instance *instance = module_make("random", "value", value, NULL);
	struct asked asked;
	uint64_t random = 11;
	unsigned count = 0;

	ck_assert_ptr_nonnull(instance);
	asked_init(&asked);
	for (unsigned i = 0; i < flows; i++) {
		enum hb_decision decision;

		asked.query.flow_random = unit_random(&random);
		decision = hb_instance_decide(instance, &asked.query);
		ck_assert(decision == HB_DECISION_ACCEPT || decision == HB_DECISION_REJECT);
		ck_assert_int_eq(hb_instance_decide(instance, &asked.query), decision);
		count += decision == HB_DECISION_ACCEPT;
	}
	hb_instance_free(instance);
	return count;
}

START_TEST(one_always_accepts)
{
	ck_assert_uint_eq(accepted("1", 10000), 10000);
}
END_TEST

START_TEST(one_in_so_many_is_accepted)
{
	/* Six standard deviations of the binomial distribution on both sides. */
	ck_assert_uint_ge(accepted("2", 10000), 4700);
	ck_assert_uint_le(accepted("2", 10000), 5300);
	ck_assert_uint_ge(accepted("10", 10000), 820);
	ck_assert_uint_le(accepted("10", 10000), 1180);
	ck_assert_uint_le(accepted("1000000000", 10000), 1);
}
END_TEST

START_TEST(the_answer_is_the_flows)
{
	ck_assert_uint_eq(hb_module_builtin("random")->flags, HB_MODULE_KEEPS_ANSWER);
}
END_TEST

START_TEST(the_value_is_at_least_one)
{
	struct hb_error err;

	ck_assert_ptr_null(module_make("random", "value", "0", &err));
	ck_assert_str_eq(err.message,
			 "\"value\" is \"0\": it must be a whole number from 1 to 1000000000");
	ck_assert_ptr_null(module_make("random", NULL, NULL, &err));
}
END_TEST

UNIT_MAIN("mod_random", one_always_accepts, one_in_so_many_is_accepted, the_answer_is_the_flows,
	  the_value_is_at_least_one)
