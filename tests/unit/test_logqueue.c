/* SPDX-License-Identifier: BSD-2-Clause */
#include "logqueue.h"

#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>

#define CAPACITY 8
#define ALL_KINDS ((1u << HB_EVENT_COUNT) - 1)

struct reader {
	uint64_t count, last_id;
	struct hb_log_record last;
};

static void take(void *ctx, const struct hb_log_record *record)
{
	struct reader *reader = ctx;

	unit_require(record->flow.id > reader->last_id);
	reader->last_id = record->flow.id;
	reader->last = *record;
	reader->count++;
}

static struct hb_logqueue *make(unsigned kinds)
{
	struct hb_logqueue *queue = hb_logqueue_new(CAPACITY, kinds, NULL);

	ck_assert_ptr_nonnull(queue);
	return queue;
}

static void put(struct hb_logqueue *queue, uint64_t id)
{
	struct hb_event event = { .size = sizeof(event),
				  .kind = HB_EVENT_FLOW_END,
				  .flow.id = id,
				  .trace = "",
				  .reason = "",
				  .note = "",
				  .module = "" };

	hb_logqueue_put(queue, &event);
}

static bool is_readable(const struct hb_logqueue *queue)
{
	struct pollfd fd = { .fd = hb_logqueue_fd(queue), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

START_TEST(an_event_arrives_whole)
{
	struct hb_logqueue *queue = make(ALL_KINDS);
	struct reader reader = { 0 };
	struct hb_event event = { .size = sizeof(event),
				  .kind = HB_EVENT_FLOW_STATE,
				  .time = { .mono_ns = 1, .wall_us = 2 },
				  .flow = { .id = 3, .packets = 4, .state = HB_STATE_FORWARD },
				  .from_state = HB_STATE_REPLAY,
				  .trace = "+a;-b",
				  .reason = "why",
				  .note = "what",
				  .module = "who",
				  .handover = { .latency_us = 5, .problems = 6 },
				  .tag = "which" };

	hb_logqueue_put(queue, &event);
	ck_assert_uint_eq(hb_logqueue_drain(queue, take, &reader), 1);
	ck_assert_int_eq(reader.last.kind, HB_EVENT_FLOW_STATE);
	ck_assert_uint_eq(reader.last.time.mono_ns, 1);
	ck_assert_int_eq(reader.last.time.wall_us, 2);
	ck_assert_uint_eq(reader.last.flow.packets, 4);
	ck_assert_int_eq(reader.last.flow.state, HB_STATE_FORWARD);
	ck_assert_int_eq(reader.last.from_state, HB_STATE_REPLAY);
	ck_assert_uint_eq(reader.last.handover.latency_us, 5);
	ck_assert_uint_eq(reader.last.handover.problems, 6);
	ck_assert_str_eq(reader.last.trace, "+a;-b");
	ck_assert_str_eq(reader.last.reason, "why");
	ck_assert_str_eq(reader.last.note, "what");
	ck_assert_str_eq(reader.last.module, "who");
	ck_assert_str_eq(reader.last.tag, "which");
	hb_logqueue_free(queue);
}
END_TEST

START_TEST(long_texts_are_cut)
{
	struct hb_logqueue *queue = make(ALL_KINDS);
	struct reader reader = { 0 };
	char text[1000];
	struct hb_event event = { .kind = HB_EVENT_FLOW_END,
				  .flow.id = 1,
				  .trace = text,
				  .reason = text,
				  .note = text,
				  .module = text };

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	hb_logqueue_put(queue, &event);
	hb_logqueue_drain(queue, take, &reader);
	ck_assert_uint_eq(strlen(reader.last.trace), sizeof(reader.last.trace) - 1);
	ck_assert_uint_eq(strlen(reader.last.reason), sizeof(reader.last.reason) - 1);
	ck_assert_uint_eq(strlen(reader.last.note), sizeof(reader.last.note) - 1);
	ck_assert_uint_eq(strlen(reader.last.module), sizeof(reader.last.module) - 1);
	hb_logqueue_free(queue);
}
END_TEST

START_TEST(what_is_not_wanted_is_passed_over)
{
	struct hb_logqueue *queue = make(1u << HB_EVENT_HANDOVER);
	struct reader reader = { 0 };

	put(queue, 1);
	ck_assert(!is_readable(queue));
	ck_assert_uint_eq(hb_logqueue_drain(queue, take, &reader), 0);
	ck_assert_uint_eq(hb_logqueue_lost(queue), 0);
	hb_logqueue_free(queue);
}
END_TEST

START_TEST(a_full_queue_loses_and_counts)
{
	struct hb_logqueue *queue = make(ALL_KINDS);
	struct reader reader = { 0 };

	for (uint64_t id = 1; id <= CAPACITY + 2; id++)
		put(queue, id);
	ck_assert_uint_eq(hb_logqueue_lost(queue), 3);
	ck_assert_uint_eq(hb_logqueue_drain(queue, take, &reader), CAPACITY - 1);
	ck_assert_uint_eq(reader.last_id, CAPACITY - 1);
	put(queue, 100);
	ck_assert_uint_eq(hb_logqueue_drain(queue, take, &reader), 1);
	ck_assert_uint_eq(hb_logqueue_lost(queue), 3);
	hb_logqueue_free(queue);
}
END_TEST

START_TEST(the_reader_is_woken_when_it_waits)
{
	struct hb_logqueue *queue = make(ALL_KINDS);
	struct reader reader = { 0 };

	ck_assert(!is_readable(queue));
	put(queue, 1);
	put(queue, 2);
	ck_assert(is_readable(queue));
	ck_assert_uint_eq(hb_logqueue_drain(queue, take, &reader), 2);
	ck_assert(!is_readable(queue));
	put(queue, 3);
	ck_assert(is_readable(queue));
	hb_logqueue_free(queue);
}
END_TEST

#define MANY 200000

static void *put_many(void *ctx)
{
	for (uint64_t id = 1; id <= MANY; id++)
		put(ctx, id);
	return NULL;
}

/* Two threads, and a reader that sleeps whenever it may: it must be woken for each record. */
static uint64_t read_all(struct hb_logqueue *queue, struct reader *reader)
{
	pthread_t writer;

	ck_assert_int_eq(pthread_create(&writer, NULL, put_many, queue), 0);
	while (reader->count + hb_logqueue_lost(queue) < MANY) {
		struct pollfd fd = { .fd = hb_logqueue_fd(queue), .events = POLLIN };

		ck_assert_int_eq(poll(&fd, 1, 60000), 1);
		hb_logqueue_drain(queue, take, reader);
	}
	pthread_join(writer, NULL);
	return hb_logqueue_lost(queue);
}

START_TEST(a_patient_writer_loses_nothing)
{
	struct hb_logqueue *queue = make(ALL_KINDS);
	struct reader reader = { 0 };

	hb_logqueue_set_patient(queue);
	ck_assert_uint_eq(read_all(queue, &reader), 0);
	ck_assert_uint_eq(reader.count, MANY);
	hb_logqueue_free(queue);
}
END_TEST

UNIT_MAIN("logqueue", an_event_arrives_whole, long_texts_are_cut, what_is_not_wanted_is_passed_over,
	  a_full_queue_loses_and_counts, the_reader_is_woken_when_it_waits,
	  a_patient_writer_loses_nothing)
