/* SPDX-License-Identifier: BSD-2-Clause */
#include "module_fixture.h"

static enum hb_decision answer(const char *value)
{
	struct hb_instance *instance = module_make("yesno", "value", value, NULL);
	struct asked asked;
	enum hb_decision decision;

	ck_assert_ptr_nonnull(instance);
	asked_init(&asked);
	decision = hb_instance_decide(instance, &asked.query);
	hb_instance_free(instance);
	return decision;
}

START_TEST(zero_is_yes)
{
	ck_assert_int_eq(answer("0"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(answer("yes"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(answer("Accept"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(answer("1"), HB_DECISION_REJECT);
	ck_assert_int_eq(answer("no"), HB_DECISION_REJECT);
	ck_assert_int_eq(answer("reject"), HB_DECISION_REJECT);
}
END_TEST

START_TEST(a_value_is_needed)
{
	struct hb_error err;

	ck_assert_ptr_null(module_make("yesno", NULL, NULL, &err));
	ck_assert_str_eq(err.message,
			 "missing parameter \"value\": \"yesno\" needs it (the answer: "
			 "yes or accept (0), no or reject (1))");
	ck_assert_ptr_null(module_make("yesno", "value", "2", &err));
	ck_assert_str_eq(err.message, "\"value\" is \"2\": it must be one of \"yes\", \"accept\", "
				      "\"no\", \"reject\" or a number from 0 to 1");
}
END_TEST

UNIT_MAIN("mod_yesno", zero_is_yes, a_value_is_needed)
