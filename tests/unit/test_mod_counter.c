/* SPDX-License-Identifier: BSD-2-Clause */
#include "module_fixture.h"

static enum hb_decision answer(const char *counter, uint32_t client_packets)
{
	struct hb_instance *instance = module_make("counter", "counter", counter, NULL);
	struct asked asked;
	enum hb_decision decision;

	ck_assert_ptr_nonnull(instance);
	asked_init(&asked);
	asked.flow.client_packets = client_packets;
	decision = hb_instance_decide(instance, &asked.query);
	hb_instance_free(instance);
	return decision;
}

START_TEST(packets_after_the_first_are_counted)
{
	ck_assert_int_eq(answer("2", 1), HB_DECISION_DEFER);  /* SYN */
	ck_assert_int_eq(answer("2", 2), HB_DECISION_DEFER);  /* ACK */
	ck_assert_int_eq(answer("2", 3), HB_DECISION_ACCEPT); /* request */
	ck_assert_int_eq(answer("2", UINT32_MAX), HB_DECISION_ACCEPT);
	ck_assert_int_eq(answer("1", 2), HB_DECISION_ACCEPT);
}
END_TEST

START_TEST(zero_is_the_first_packet)
{
	ck_assert_int_eq(answer("0", 1), HB_DECISION_ACCEPT);
	ck_assert_int_eq(answer("0", 0), HB_DECISION_DEFER); /* nothing came from the client yet */
}
END_TEST

START_TEST(the_number_is_needed)
{
	struct hb_error err;

	ck_assert_ptr_null(module_make("counter", NULL, NULL, &err));
	ck_assert_str_eq(err.message, "missing parameter \"counter\": \"counter\" needs it (client "
				      "packets after the first one)");
	ck_assert_ptr_null(module_make("counter", "counter", "-1", &err));
}
END_TEST

UNIT_MAIN("mod_counter", packets_after_the_first_are_counted, zero_is_the_first_packet,
	  the_number_is_needed)
