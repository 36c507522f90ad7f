/* SPDX-License-Identifier: BSD-2-Clause */
#include "history.h"

#include "unit.h"

#include <string.h>

static struct hb_log_record make(enum hb_event_kind kind, uint64_t id, uint64_t at_ns)
{
	struct hb_log_record record = { .kind = kind, .time = { .mono_ns = at_ns } };

	record.flow.id = id;
	record.flow.started.mono_ns = 1000;
	record.flow.last_packet.mono_ns = at_ns;
	return record;
}

static void start(struct hb_history *history, uint64_t id)
{
	struct hb_log_record record = make(HB_EVENT_FLOW_NEW, id, 1000);

	record.flow.state = HB_STATE_INIT;
	ck_assert_ptr_null(hb_history_note(history, &record));
}

static void change(struct hb_history *history, uint64_t id, uint64_t at_ns, uint64_t packets,
		   enum hb_flow_state from, enum hb_flow_state to)
{
	struct hb_log_record record = make(HB_EVENT_FLOW_STATE, id, at_ns);

	record.flow.packets = packets;
	record.flow.bytes = packets * 100;
	record.flow.state = to;
	record.from_state = from;
	ck_assert_ptr_null(hb_history_note(history, &record));
}

static const struct hb_flow_history *end(struct hb_history *history, uint64_t id, uint64_t at_ns,
					 uint64_t packets)
{
	struct hb_log_record record = make(HB_EVENT_FLOW_END, id, at_ns + 2000000);
	const struct hb_flow_history *ended;

	record.flow.last_packet.mono_ns = at_ns;
	record.flow.packets = packets;
	record.flow.bytes = packets * 100;
	ended = hb_history_note(history, &record);
	ck_assert_ptr_nonnull(ended);
	return ended;
}

static void expect_stay(const struct hb_flow_history *ended, enum hb_flow_state state,
			uint64_t duration_ns, uint64_t packets)
{
	const struct hb_stay *stay = &ended->stays[state];

	ck_assert(stay->reached);
	ck_assert_uint_eq(stay->duration_ns, duration_ns);
	ck_assert_uint_eq(stay->packets, packets);
	ck_assert_uint_eq(stay->bytes, packets * 100);
}

START_TEST(each_state_has_its_share)
{
	struct hb_history *history = hb_history_new(10);
	const struct hb_flow_history *ended;

	start(history, 1);
	start(history, 2);
	change(history, 1, 1500, 1, HB_STATE_INIT, HB_STATE_DECISION);
	change(history, 1, 3000, 4, HB_STATE_DECISION, HB_STATE_REPLAY);
	change(history, 1, 3100, 4, HB_STATE_REPLAY, HB_STATE_PROXY);
	ended = end(history, 1, 9100, 10);
	expect_stay(ended, HB_STATE_INIT, 500, 1);
	expect_stay(ended, HB_STATE_DECISION, 1500, 3);
	expect_stay(ended, HB_STATE_REPLAY, 100, 0);
	expect_stay(ended, HB_STATE_PROXY, 6000, 6);
	ck_assert(!ended->stays[HB_STATE_FORWARD].reached);
	ended = end(history, 2, 1000, 1);
	expect_stay(ended, HB_STATE_INIT, 0, 1);
	ck_assert(!ended->stays[HB_STATE_DECISION].reached);
	hb_history_free(history);
}
END_TEST

START_TEST(the_last_handover_counts)
{
	struct hb_history *history = hb_history_new(10);
	struct hb_log_record record = make(HB_EVENT_HANDOVER_FAILED, 1, 2000);
	const struct hb_flow_history *ended;

	start(history, 1);
	strcpy(record.reason, "no answer");
	record.handover.latency_us = 7;
	hb_history_note(history, &record);
	ended = end(history, 1, 3000, 1);
	ck_assert(ended->failed && !ended->handed_over);
	ck_assert_str_eq(ended->failure, "no answer");
	start(history, 2);
	record = make(HB_EVENT_HANDOVER, 2, 2000);
	record.handover.latency_us = 8;
	hb_history_note(history, &record);
	ended = end(history, 2, 3000, 1);
	ck_assert(!ended->failed && ended->handed_over);
	ck_assert_uint_eq(ended->handover.latency_us, 8);
	hb_history_free(history);
}
END_TEST

START_TEST(an_end_without_a_beginning_is_empty)
{
	struct hb_history *history = hb_history_new(10);
	const struct hb_flow_history *ended = end(history, 5, 3000, 3);

	for (int i = 0; i < HB_STATE_COUNT; i++)
		ck_assert(!ended->stays[i].reached);
	start(history, 5);
	end(history, 5, 3000, 3);
	ended = end(history, 5, 3000, 3);
	ck_assert(!ended->stays[HB_STATE_INIT].reached);
	hb_history_free(history);
}
END_TEST

START_TEST(the_oldest_gives_way)
{
	struct hb_history *history = hb_history_new(100);

	for (uint64_t id = 1; id <= 1000; id++)
		start(history, id);
	ck_assert(!end(history, 900, 3000, 3)->stays[HB_STATE_INIT].reached);
	ck_assert(end(history, 901, 3000, 3)->stays[HB_STATE_INIT].reached);
	ck_assert(end(history, 1000, 3000, 3)->stays[HB_STATE_INIT].reached);
	hb_history_free(history);
}
END_TEST

UNIT_MAIN("history", each_state_has_its_share, the_last_handover_counts,
	  an_end_without_a_beginning_is_empty, the_oldest_gives_way)
