/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits and counts of a datagram flow's handover; dialogues are in tests/script. */
#include "handover.h"

#include "rig.h"

static void open_with(struct rig *rig, const char *rule)
{
	rig_backend(rig_open(rig), RIG_BACKEND, rule);
	rig_start(rig);
}

static enum hb_verdict ask(struct rig *rig, const char *text)
{
	return rig_udp(rig, RIG_CLIENT, RIG_ATTACKED, text);
}

static void check_sent(const struct rig *rig, unsigned n, const char *to, const char *text)
{
	const struct hb_packet *packet = rig_sent(rig, n);
	struct hb_addr addr = rig_addr(to);

	ck_assert(hb_addr_equal(&packet->dst, &addr));
	ck_assert_uint_eq(packet->protocol, HB_PROTO_UDP);
	ck_assert_uint_eq(packet->payload_len, strlen(text));
	ck_assert_mem_eq(packet->data + packet->payload_offset, text, strlen(text));
}

/* Three datagrams, of which the frontend answered two. */
static void open_dialogue(struct rig *rig)
{
	open_with(rig, "third");
	ask(rig, "one");
	rig_udp(rig, RIG_FRONTEND, RIG_CLIENT, "1");
	rig_udp(rig, RIG_FRONTEND, RIG_CLIENT, "1, too");
	ask(rig, "two");
	ask(rig, "three");
	rig_udp(rig, RIG_FRONTEND, RIG_CLIENT, "3");
	ck_assert_int_eq(ask(rig, "four"), HB_DROP);
	ck_assert_int_eq(rig->state, HB_STATE_REPLAY);
}

START_TEST(answers_are_awaited_one_by_one)
{
	struct rig rig;

	open_dialogue(&rig);
	ck_assert_uint_eq(rig.sent_count, 1);
	check_sent(&rig, 0, RIG_BACKEND, "one");
	ck_assert_int_eq(rig_udp(&rig, RIG_BACKEND, RIG_CLIENT, "a"), HB_DROP);
	ck_assert_uint_eq(rig.sent_count, 1);
	ck_assert_int_eq(rig_udp(&rig, RIG_BACKEND, RIG_CLIENT, "bc"), HB_DROP);
	check_sent(&rig, 1, RIG_BACKEND, "two"); /* was never answered: nothing to wait for */
	check_sent(&rig, 0, RIG_BACKEND, "three");
	ck_assert_int_eq(ask(&rig, "five"), HB_DROP);
	ck_assert_int_eq(rig_udp(&rig, RIG_FRONTEND, RIG_CLIENT, "late"), HB_DROP);
	ck_assert_int_eq(rig_udp(&rig, RIG_BACKEND, RIG_CLIENT, "def"), HB_DROP);
	check_sent(&rig, 1, RIG_BACKEND, "four");
	check_sent(&rig, 0, RIG_BACKEND, "five");
	ck_assert_int_eq(rig.state, HB_STATE_FORWARD);
	ck_assert_uint_eq(rig.last[HB_EVENT_HANDOVER].handover.turns, 3);
	ck_assert_uint_eq(rig.last[HB_EVENT_HANDOVER].handover.replayed_bytes, 11);
	ck_assert_uint_eq(rig.last[HB_EVENT_HANDOVER].handover.discarded_bytes, 6);
	ck_assert_uint_eq(rig.last[HB_EVENT_HANDOVER].handover.recorded_bytes, 8);
	ck_assert_int_eq(ask(&rig, "six"), HB_ACCEPT_MODIFIED);
	ck_assert_int_eq(rig_udp(&rig, RIG_BACKEND, RIG_CLIENT, "6"), HB_ACCEPT_MODIFIED);
	ck_assert_int_eq(rig_udp(&rig, RIG_FRONTEND, RIG_CLIENT, "too late"), HB_DROP);
	rig_close(&rig);
}
END_TEST

/* An answer that does not come is waited for a while. */
START_TEST(a_missing_answer_is_not_awaited_for_ever)
{
	struct rig rig;

	open_dialogue(&rig);
	rig_udp(&rig, RIG_BACKEND, RIG_CLIENT, "a"); /* and not the second */
	rig_advance(&rig, 299 * RIG_MS);
	ck_assert_uint_eq(rig.sent_count, 1);
	rig_advance(&rig, RIG_MS);
	check_sent(&rig, 0, RIG_BACKEND, "three");
	rig_advance(&rig, 300 * RIG_MS);
	check_sent(&rig, 0, RIG_BACKEND, "four");
	ck_assert_int_eq(rig.state, HB_STATE_FORWARD);
	rig_close(&rig);
}
END_TEST

START_TEST(held_datagrams_have_a_limit)
{
	struct rig rig;
	unsigned sent;

	rig_backend(rig_open(&rig), RIG_BACKEND, "third");
	rig.options.max_flow_buffer_bytes = 1000;
	rig_start(&rig);
	for (unsigned i = 0; i < 3; i++)
		ask(&rig, "x");
	rig_udp(&rig, RIG_FRONTEND, RIG_CLIENT, "y"); /* so that there is something to await */
	for (unsigned i = 0; i < 500; i++)
		ck_assert_int_eq(ask(&rig, "0123456789"), HB_DROP);
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	ck_assert_uint_le(rig_counters(&rig).buffered_bytes, 2000);
	sent = rig.sent_count;
	rig_udp(&rig, RIG_BACKEND, RIG_CLIENT, "y");
	ck_assert_int_eq(rig.state, HB_STATE_FORWARD);
	ck_assert_uint_gt(rig.sent_count - sent, 10);
	ck_assert_uint_le(rig.sent_count - sent, 100);
	ck_assert_uint_eq(rig_counters(&rig).buffered_bytes, 0);
	rig_close(&rig);
}
END_TEST

/* Undone: the frontend gets what was held, in order. */
START_TEST(what_is_held_goes_back)
{
	struct rig rig;

	open_with(&rig, "third");
	for (unsigned i = 0; i < 3; i++)
		ask(&rig, "x");
	rig_udp(&rig, RIG_FRONTEND, RIG_CLIENT, "y");
	ask(&rig, "four");
	ask(&rig, "five");
	rig_advance(&rig, RIG_SECOND);
	ck_assert_int_eq(rig.state, HB_STATE_PROXY);
	ck_assert_str_eq(rig.reason, "backend 10.9.0.3:80 does not answer");
	check_sent(&rig, 1, RIG_FRONTEND, "four");
	check_sent(&rig, 0, RIG_FRONTEND, "five");
	ck_assert_uint_eq(rig_counters(&rig).buffered_bytes, 0);
	ck_assert_int_eq(ask(&rig, "six"), HB_ACCEPT_MODIFIED);
	rig_close(&rig);
}
END_TEST

START_TEST(a_first_datagram_may_trigger)
{
	struct rig rig;

	open_with(&rig, "yes");
	ck_assert_int_eq(ask(&rig, "one"), HB_DROP);
	check_sent(&rig, 0, RIG_BACKEND, "one");
	ck_assert_int_eq(rig_udp(&rig, RIG_BACKEND, RIG_CLIENT, "1"), HB_ACCEPT_MODIFIED);
	ck_assert_int_eq(rig.state, HB_STATE_FORWARD);
	rig_close(&rig);
}
END_TEST

/* Nothing is said in an empty one, but it is one. */
START_TEST(an_empty_datagram_is_held)
{
	struct rig rig;

	open_with(&rig, "yes");
	ck_assert_int_eq(ask(&rig, ""), HB_DROP);
	check_sent(&rig, 0, RIG_BACKEND, "");
	rig_udp(&rig, RIG_BACKEND, RIG_CLIENT, "1");
	ck_assert_int_eq(rig.state, HB_STATE_FORWARD);
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("handover_udp", answers_are_awaited_one_by_one, a_missing_answer_is_not_awaited_for_ever,
	  held_datagrams_have_a_limit, what_is_held_goes_back, a_first_datagram_may_trigger,
	  an_empty_datagram_is_held)
