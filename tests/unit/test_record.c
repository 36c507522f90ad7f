/* SPDX-License-Identifier: BSD-2-Clause */
#include "record.h"

#include "allocation.h"
#include "unit.h"

#include <string.h>

#define BASE UINT32_C(1001)

/* A record, and the budget that it draws on. */
struct fixture {
	struct hb_budget budget;
	struct hb_record *record;
};

static struct fixture fixture_at(uint32_t base)
{
	struct fixture f = { .budget = { .max_total_bytes = 1 << 20, .max_each_bytes = 1 << 16 } };

	f.record = hb_record_new(&f.budget, base);
	ck_assert_ptr_nonnull(f.record);
	return f;
}

static void done(struct fixture *f)
{
	hb_record_free(f->record, &f->budget);
	ck_assert_uint_eq(f->budget.used_bytes, 0);
}

/* What a record takes without early pieces. */
static size_t in_use(const struct fixture *f)
{
	return sizeof(*f->record) + f->record->stream.cap +
	       f->record->turn_cap * sizeof(*f->record->turns);
}

/* From BASE + at. */
static void take(struct fixture *f, uint32_t at, const char *text, uint32_t ack)
{
	hb_record_tcp(f->record, &f->budget, f->record->stream.base + at, (const uint8_t *)text,
		      strlen(text), ack);
}

static void check_stream(const struct fixture *f, const char *text)
{
	size_t len;
	const uint8_t *bytes = hb_stream_at(&f->record->stream, f->record->stream.base, &len);

	ck_assert(!f->record->given_up);
	ck_assert_uint_eq(len, strlen(text));
	if (len > 0)
		ck_assert_mem_eq(bytes, text, len);
}

static void check_turn(const struct fixture *f, uint32_t i, uint32_t end, uint32_t ack)
{
	ck_assert_uint_lt(i, f->record->turn_count);
	ck_assert_uint_eq(f->record->turns[i].end, f->record->stream.base + end);
	ck_assert_uint_eq(f->record->turns[i].ack, ack);
}

START_TEST(nothing_is_no_record)
{
	struct fixture f = fixture_at(BASE);

	take(&f, 0, "", 5000);
	ck_assert_uint_eq(f.record->segments, 0);
	ck_assert_uint_eq(f.record->turn_count, 0);
	check_stream(&f, "");
	done(&f);
	hb_record_free(NULL, &f.budget);
}
END_TEST

START_TEST(turns_are_told_by_the_ack)
{
	struct fixture f = fixture_at(BASE);

	take(&f, 0, "US", 5001);
	take(&f, 2, "ER a", 5001);
	take(&f, 6, "PASS b", 5009);
	take(&f, 12, "id", 5020);
	check_stream(&f, "USER aPASS bid");
	ck_assert_uint_eq(f.record->turn_count, 3);
	ck_assert_uint_eq(f.record->segments, 4);
	check_turn(&f, 0, 6, 5001);
	check_turn(&f, 1, 12, 5009);
	check_turn(&f, 2, 14, 5020);
	done(&f);
}
END_TEST

/* It was sent before the client saw more: no new turn, and the last one's ACK stands. */
START_TEST(an_older_ack_belongs_to_the_last_turn)
{
	struct fixture f = fixture_at(BASE);

	take(&f, 0, "a", 5009);
	take(&f, 1, "b", 5001);
	ck_assert_uint_eq(f.record->turn_count, 1);
	check_turn(&f, 0, 2, 5009);
	done(&f);
}
END_TEST

START_TEST(acks_wrap)
{
	struct fixture f = fixture_at(BASE);

	take(&f, 0, "a", UINT32_MAX - 1);
	take(&f, 1, "b", 4);
	take(&f, 2, "c", UINT32_MAX);
	ck_assert_uint_eq(f.record->turn_count, 2);
	check_turn(&f, 0, 1, UINT32_MAX - 1);
	check_turn(&f, 1, 3, 4);
	done(&f);
}
END_TEST

START_TEST(there_may_be_many_turns)
{
	struct fixture f = fixture_at(BASE);

	for (uint32_t i = 0; i < 1000; i++)
		take(&f, i, "x", 5000 + i);
	ck_assert_uint_eq(f.record->turn_count, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		check_turn(&f, i, i + 1, 5000 + i);
	done(&f);
}
END_TEST

START_TEST(the_first_copy_counts)
{
	struct fixture f = fixture_at(BASE);

	take(&f, 0, "hello", 5001);
	take(&f, 0, "HELLO", 5001);    /* all known */
	take(&f, 0, "HELLO", 5009);    /* though the client has seen more: no new turn */
	take(&f, 3, "LO there", 5001); /* some of it */
	check_stream(&f, "hello there");
	take(&f, (uint32_t)-3, "xyzHELLO there!", 5001); /* from before the start */
	check_stream(&f, "hello there!");
	ck_assert_uint_eq(f.record->segments, 5);
	ck_assert_uint_eq(f.record->turn_count, 1);
	done(&f);
}
END_TEST

/* The client will not repeat what the frontend said it has. */
START_TEST(early_pieces_join)
{
	struct fixture f = fixture_at(UINT32_MAX - 4);

	take(&f, 0, "one ", 5001);
	take(&f, 12, "four ", 5001);
	take(&f, 8, "3rd ", 5001);
	check_stream(&f, "one ");
	ck_assert_uint_gt(f.budget.used_bytes, in_use(&f));
	take(&f, 4, "two ", 5001);
	check_stream(&f, "one two 3rd four ");
	ck_assert_ptr_null(f.record->early);
	ck_assert_uint_eq(f.budget.used_bytes, in_use(&f));
	ck_assert_uint_eq(f.record->turn_count, 1);
	check_turn(&f, 0, 17, 5001);
	done(&f);
}
END_TEST

START_TEST(a_hole_stays_a_hole)
{
	struct fixture f = fixture_at(BASE);

	take(&f, 0, "a", 5001);
	take(&f, 2, "c", 5001);
	take(&f, 4, "e", 5001);
	take(&f, 1, "b", 5001);
	check_stream(&f, "abc");
	ck_assert_ptr_nonnull(f.record->early);
	ck_assert_uint_eq(hb_record_join_early(f.record, &f.budget), 0);
	check_turn(&f, 0, 3, 5001);
	done(&f);
}
END_TEST

START_TEST(early_pieces_may_overlap)
{
	struct fixture f = fixture_at(BASE);

	take(&f, 3, "def", 5001);
	take(&f, 3, "def", 5001);
	take(&f, 3, "de", 5001);
	take(&f, 4, "efgh", 5001);
	take(&f, 0, "abcd", 5001);
	check_stream(&f, "abcdefgh");
	ck_assert_ptr_null(f.record->early);
	done(&f);
}
END_TEST

/* Segments of a text in any order, repeated at will: the record is the text. */
START_TEST(order_does_not_matter)
{
	static const char text[] = "Pack my box with five dozen liquor jugs, and then some more.";
	uint64_t random = 1;

	for (unsigned round = 0; round < 2000; round++) {
		struct fixture f = fixture_at((uint32_t)unit_random(&random));
		size_t all = sizeof(text) - 1;

		for (unsigned i = 0; f.record->stream.len < all; i++) {
			size_t at = unit_random_below(&random, all);
			size_t len = 1 + unit_random_below(&random, all - at);

			if (i > 50)
				at = f.record->stream.len;
			if (len > all - at)
				len = all - at;
			hb_record_tcp(f.record, &f.budget, f.record->stream.base + (uint32_t)at,
				      (const uint8_t *)text + at, len, 5001);
			unit_require(!f.record->given_up);
		}
		unit_require(memcmp(f.record->stream.data, text, all) == 0);
		unit_require(f.record->turns[0].end == hb_stream_end(&f.record->stream));
		hb_record_free(f.record, &f.budget);
		unit_require(f.budget.used_bytes == 0);
	}
}
END_TEST

static void check_given_up(struct fixture *f)
{
	ck_assert(f->record->given_up);
	ck_assert_uint_eq(f->budget.used_bytes, sizeof(*f->record));
	ck_assert_uint_eq(f->record->turn_count, 0);
	ck_assert_ptr_null(f->record->early);
	/* Nothing brings it back. */
	take(f, 0, "more", 1);
	hb_record_udp(f->record, &f->budget, (const uint8_t *)"more", 4);
	hb_record_udp_answer(f->record, 4);
	ck_assert_uint_eq(f->budget.used_bytes, sizeof(*f->record));
	ck_assert_uint_eq(f->record->turn_count, 0);
}

START_TEST(at_its_limit_a_record_is_given_up)
{
	struct fixture f = fixture_at(BASE);

	f.budget.max_each_bytes = 100;
	for (uint32_t at = 0; at < 100; at += 10)
		take(&f, at, "0123456789", 5001);
	ck_assert(!f.record->given_up);
	take(&f, 100, "x", 5001);
	check_given_up(&f);
	done(&f);
}
END_TEST

START_TEST(at_the_limit_of_all_a_record_is_given_up)
{
	struct fixture f = fixture_at(BASE), other;

	take(&f, 0, "hello", 5001);
	/* Room for another one, but not for its first step. */
	f.budget.max_total_bytes = f.budget.used_bytes + sizeof(*f.record) + 300;
	other = f;
	other.record = hb_record_new(&other.budget, BASE);
	ck_assert_ptr_nonnull(other.record);
	take(&other, 0, "hello", 5001);
	ck_assert(other.record->given_up);
	hb_record_free(other.record, &other.budget);
	ck_assert_uint_eq(other.budget.used_bytes, f.budget.used_bytes);
	check_stream(&f, "hello");
	f.budget.max_total_bytes = f.budget.used_bytes + sizeof(*f.record) - 1;
	ck_assert_ptr_null(hb_record_new(&f.budget, BASE));
	done(&f);
}
END_TEST

START_TEST(early_pieces_have_limits)
{
	struct fixture f = fixture_at(BASE);

	f.budget.max_each_bytes = 1000;
	take(&f, 1000, "x", 5001); /* would never fit */
	check_given_up(&f);
	done(&f);
	f = fixture_at(BASE);
	f.budget.max_total_bytes = f.budget.used_bytes + 3;
	take(&f, 10, "four", 5001);
	check_given_up(&f);
	done(&f);
	f = fixture_at(BASE);
	for (uint32_t i = 1; i < 10000 && !f.record->given_up; i++)
		take(&f, 2 * i, "x", 5001); /* holes everywhere */
	ck_assert_uint_le(f.budget.used_bytes, sizeof(*f.record) + f.budget.max_each_bytes);
	done(&f);
}
END_TEST

START_TEST(a_joined_piece_without_room_is_no_loss_unseen)
{
	struct fixture f = fixture_at(BASE);

	take(&f, 4, "late", 5001);
	for (uint32_t at = 8; at < 100; at += 4)
		take(&f, at, "more", 5001);
	f.budget.max_each_bytes = 96; /* a reload */
	take(&f, 0, "four", 5001);
	check_given_up(&f);
	done(&f);
}
END_TEST

static void take_udp(struct fixture *f, const char *text)
{
	hb_record_udp(f->record, &f->budget, (const uint8_t *)text, strlen(text));
}

static void check_datagram(const struct fixture *f, uint32_t i, const char *text)
{
	size_t len;
	const uint8_t *bytes = hb_record_datagram(f->record, i, &len);

	ck_assert_uint_eq(len, strlen(text));
	if (len > 0)
		ck_assert_mem_eq(bytes, text, len);
}

START_TEST(datagrams_stay_apart)
{
	struct fixture f = fixture_at(0);

	hb_record_udp_answer(f.record, 100); /* to nothing */
	take_udp(&f, "");
	take_udp(&f, "one");
	hb_record_udp_answer(f.record, 10);
	hb_record_udp_answer(f.record, 20);
	take_udp(&f, "");
	hb_record_udp_answer(f.record, 0);
	take_udp(&f, "two");
	ck_assert_uint_eq(f.record->turn_count, 4);
	ck_assert_uint_eq(f.record->segments, 4);
	check_datagram(&f, 0, "");
	check_datagram(&f, 1, "one");
	check_datagram(&f, 2, "");
	check_datagram(&f, 3, "two");
	ck_assert_uint_eq(f.record->turns[0].answers, 0);
	ck_assert_uint_eq(f.record->turns[1].answers, 2);
	ck_assert_uint_eq(f.record->turns[1].answer_bytes, 30);
	ck_assert_uint_eq(f.record->turns[2].answers, 1);
	ck_assert_uint_eq(f.record->turns[2].answer_bytes, 0);
	ck_assert_uint_eq(f.record->turns[3].answers, 0);
	done(&f);
}
END_TEST

START_TEST(no_memory_for_a_record)
{
	struct hb_budget budget = { .max_total_bytes = 1 << 20 };
	struct hb_record *record;

	allocation_fail_at(0);
	record = hb_record_new(&budget, 0);
	ck_assert(allocation_failed());
	ck_assert_ptr_null(record);
	ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

/* A datagram of a byte takes its turn's memory as well: that counts. */
START_TEST(turns_count_against_the_budget)
{
	struct fixture f = fixture_at(0);

	ck_assert_uint_eq(f.budget.used_bytes, sizeof(*f.record));
	for (uint32_t i = 0; i < 3000; i++)
		take_udp(&f, "x");
	ck_assert_uint_eq(f.record->turn_count, 3000);
	ck_assert_uint_ge(f.budget.used_bytes, 3000 * sizeof(struct hb_turn));
	ck_assert_uint_eq(f.budget.used_bytes, in_use(&f));
	while (!f.record->given_up) { /* the limit of each */
		unit_require(f.record->turn_count * sizeof(struct hb_turn) <=
			     f.budget.max_each_bytes);
		take_udp(&f, "x");
	}
	check_given_up(&f);
	done(&f);
}
END_TEST

START_TEST(turns_stay_within_the_limit_of_all)
{
	struct fixture f = fixture_at(0);

	f.budget.max_total_bytes = 10000;
	for (uint32_t i = 0; !f.record->given_up; i++) {
		unit_require(i < 1000);
		unit_require(in_use(&f) <= 10000);
		take_udp(&f, "");
	}
	check_given_up(&f);
	done(&f);
}
END_TEST

START_TEST(a_dialogue_may_have_too_many_turns)
{
	struct fixture f = fixture_at(0);

	f.budget.max_each_bytes = 1 << 19; /* no other limit */
	for (uint32_t i = 0; i < 4096; i++)
		take_udp(&f, "x");
	ck_assert(!f.record->given_up);
	ck_assert_uint_eq(f.record->turn_count, 4096);
	take_udp(&f, "x");
	check_given_up(&f);
	done(&f);
}
END_TEST

/* Each failing allocation gives the record up, and nothing is left behind. */
START_TEST(no_memory_for_a_piece)
{
	unsigned failures = 0;
	bool all = false;

	for (long n = 0; !all; n++) {
		struct fixture f = fixture_at(BASE);

		allocation_fail_at(n);
		for (uint32_t i = 0; i < 40; i++)
			take(&f, i * 20, "0123456789abcdefghij", 5000 + i);
		take(&f, 900, "early", 6000);
		take(&f, 800, "still earlier", 6000);
		all = !allocation_failed();
		failures += !all;
		ck_assert(f.record->given_up == !all);
		if (f.record->given_up)
			check_given_up(&f);
		done(&f);
	}
	ck_assert_uint_ge(failures, 5);
}
END_TEST

static void check_preview(struct fixture *f, uint32_t at, const char *text, const char *expected)
{
	size_t before = f->record->stream.len, len;
	const uint8_t *bytes = hb_record_preview(f->record, &f->budget, f->record->stream.base + at,
						 (const uint8_t *)text, strlen(text), &len);

	ck_assert_uint_eq(len, strlen(expected));
	if (len > 0)
		ck_assert_mem_eq(bytes, expected, len);
	ck_assert_uint_eq(f->record->stream.len, before);
}

START_TEST(a_preview_is_what_will_be)
{
	struct fixture f = fixture_at(BASE);

	check_preview(&f, 0, "", "");
	check_preview(&f, 0, "abc", "abc");
	take(&f, 0, "abc", 1);
	check_preview(&f, 3, "", "abc");
	check_preview(&f, 3, "def", "abcdef");
	check_preview(&f, 0, "ABCdef", "abcdef"); /* the first copy of a byte counts */
	check_preview(&f, 0, "AB", "abc");
	check_preview(&f, 4, "ef", "abc"); /* a hole before it */
	take(&f, 3, "def", 1);
	check_stream(&f, "abcdef");
	done(&f);
}
END_TEST

/* What came early follows when the hole is filled. */
START_TEST(a_preview_joins_early_pieces)
{
	struct fixture f = fixture_at(BASE);

	take(&f, 0, "ab", 1);
	take(&f, 3, "de", 1);
	take(&f, 4, "efg", 1);
	take(&f, 9, "j", 1);
	check_preview(&f, 2, "", "ab");
	check_preview(&f, 2, "c", "abcdefg");
	check_preview(&f, 2, "cdefgh", "abcdefgh");
	check_preview(&f, 2, "cdefghi", "abcdefghij");
	take(&f, 2, "c", 1);
	check_stream(&f, "abcdefg");
	check_preview(&f, 7, "hi", "abcdefghij");
	done(&f);
}
END_TEST

START_TEST(a_record_that_was_given_up_shows_nothing)
{
	struct fixture f = fixture_at(BASE);

	take(&f, 0, "ab", 1);
	hb_record_give_up(f.record, &f.budget);
	check_preview(&f, 2, "cd", "");
	done(&f);
}
END_TEST

/* What is behind the stream is news, in order, each once. */
START_TEST(urgent_marks_are_found)
{
	struct fixture f = fixture_at(BASE);
	uint32_t mark = 0;

	take(&f, 0, "abc", 1);
	hb_record_urgent(f.record, BASE, 3); /* "c": taken already */
	hb_record_urgent(f.record, BASE + 3, 0);
	ck_assert(!hb_record_find_urgent(f.record, BASE, BASE + 100, &mark));
	hb_record_urgent(f.record, BASE + 3, 8);
	hb_record_urgent(f.record, BASE + 3, 2);
	hb_record_urgent(f.record, BASE + 4, 1); /* the same */
	ck_assert_uint_eq(f.record->urgent_count, 2);
	ck_assert(hb_record_find_urgent(f.record, BASE, BASE + 100, &mark));
	ck_assert_uint_eq(mark, BASE + 4);
	ck_assert(!hb_record_find_urgent(f.record, BASE, BASE + 4, &mark));
	ck_assert(hb_record_find_urgent(f.record, BASE + 5, BASE + 11, &mark));
	ck_assert_uint_eq(mark, BASE + 10);
	done(&f);
}
END_TEST

/* With more of them the session is not replayed. */
START_TEST(urgent_marks_have_a_limit)
{
	struct fixture f = fixture_at(BASE);

	for (uint16_t i = 1; i <= HB_URGENT_MAX; i++)
		hb_record_urgent(f.record, BASE, i);
	ck_assert_uint_eq(f.record->urgent_count, HB_URGENT_MAX);
	take(&f, 0, "a", 1);
	check_stream(&f, "a");
	hb_record_urgent(f.record, BASE, 100);
	take(&f, 1, "b", 1);
	ck_assert(f.record->given_up);
	done(&f);
}
END_TEST

UNIT_MAIN("record", urgent_marks_are_found, urgent_marks_have_a_limit, a_preview_is_what_will_be,
	  a_preview_joins_early_pieces, a_record_that_was_given_up_shows_nothing,
	  nothing_is_no_record, turns_are_told_by_the_ack, an_older_ack_belongs_to_the_last_turn,
	  acks_wrap, there_may_be_many_turns, the_first_copy_counts, early_pieces_join,
	  a_hole_stays_a_hole, early_pieces_may_overlap, order_does_not_matter,
	  at_its_limit_a_record_is_given_up, at_the_limit_of_all_a_record_is_given_up,
	  early_pieces_have_limits, a_joined_piece_without_room_is_no_loss_unseen,
	  datagrams_stay_apart, no_memory_for_a_record, turns_count_against_the_budget,
	  turns_stay_within_the_limit_of_all, a_dialogue_may_have_too_many_turns,
	  no_memory_for_a_piece)
