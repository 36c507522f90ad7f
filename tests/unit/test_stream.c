/* SPDX-License-Identifier: BSD-2-Clause */
#include "stream.h"

#include "allocation.h"
#include "unit.h"

#include <string.h>

static struct hb_budget roomy(void)
{
	return (struct hb_budget){ .max_total_bytes = 1 << 20, .max_each_bytes = 1 << 20 };
}

static size_t append(struct hb_stream *stream, struct hb_budget *budget, const char *text)
{
	return hb_stream_append(stream, budget, (const uint8_t *)text, strlen(text));
}

START_TEST(bytes_come_back_by_their_number)
{
	struct hb_budget budget = roomy();
	struct hb_stream stream;
	size_t len;

	hb_stream_init(&stream, 1000);
	ck_assert_uint_eq(hb_stream_end(&stream), 1000);
	ck_assert_ptr_null(hb_stream_at(&stream, 1000, &len));
	ck_assert_uint_eq(append(&stream, &budget, "hello "), 6);
	ck_assert_uint_eq(append(&stream, &budget, "world"), 5);
	ck_assert_uint_eq(hb_stream_end(&stream), 1011);
	ck_assert_mem_eq(hb_stream_at(&stream, 1000, &len), "hello world", 11);
	ck_assert_uint_eq(len, 11);
	ck_assert_mem_eq(hb_stream_at(&stream, 1010, &len), "d", 1);
	ck_assert_uint_eq(len, 1);
	ck_assert_ptr_null(hb_stream_at(&stream, 1011, &len));
	ck_assert_uint_eq(len, 0);
	ck_assert_ptr_null(hb_stream_at(&stream, 999, &len));
	ck_assert_uint_eq(len, 0);
	hb_stream_fini(&stream, &budget);
	ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

START_TEST(numbers_wrap)
{
	struct hb_budget budget = roomy();
	struct hb_stream stream;
	size_t len;

	hb_stream_init(&stream, UINT32_MAX - 2);
	ck_assert_uint_eq(append(&stream, &budget, "abcdef"), 6);
	ck_assert_uint_eq(hb_stream_end(&stream), 3);
	ck_assert_mem_eq(hb_stream_at(&stream, UINT32_MAX, &len), "cdef", 4);
	ck_assert_uint_eq(len, 4);
	ck_assert_mem_eq(hb_stream_at(&stream, 2, &len), "f", 1);
	ck_assert_ptr_null(hb_stream_at(&stream, 3, &len));
	ck_assert_ptr_null(hb_stream_at(&stream, UINT32_MAX - 3, &len));
	hb_stream_fini(&stream, &budget);
}
END_TEST

START_TEST(nothing_costs_nothing)
{
	struct hb_budget budget = roomy();
	struct hb_stream stream;

	hb_stream_init(&stream, 7);
	ck_assert_uint_eq(hb_stream_append(&stream, &budget, NULL, 0), 0);
	ck_assert_uint_eq(budget.used_bytes, 0);
	ck_assert_ptr_null(stream.data);
	hb_stream_fini(&stream, &budget);
	ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

/* Every byte of memory is counted, and there are few steps. */
START_TEST(growth_is_counted)
{
	struct hb_budget budget = roomy();
	struct hb_stream stream;
	size_t last = 0, steps = 0;

	hb_stream_init(&stream, 0);
	for (unsigned i = 0; i < 100000; i++) {
		uint8_t byte = (uint8_t)(i * 31);

		unit_require(hb_stream_append(&stream, &budget, &byte, 1) == 1);
		unit_require(budget.used_bytes == stream.cap);
		unit_require(stream.cap >= stream.len);
		steps += stream.cap != last;
		last = stream.cap;
	}
	ck_assert_uint_lt(steps, 20);
	for (unsigned i = 0; i < 100000; i++)
		unit_require(stream.data[i] == (uint8_t)(i * 31));
	hb_stream_fini(&stream, &budget);
	ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

START_TEST(each_has_its_limit)
{
	struct hb_budget budget = { .max_total_bytes = 1 << 20, .max_each_bytes = 1000 };
	struct hb_stream stream;
	uint8_t bytes[600] = { 1 };

	hb_stream_init(&stream, 0);
	ck_assert_uint_eq(hb_stream_append(&stream, &budget, bytes, 600), 600);
	ck_assert_uint_eq(hb_stream_append(&stream, &budget, bytes, 600), 400);
	ck_assert_uint_eq(hb_stream_append(&stream, &budget, bytes, 600), 0);
	ck_assert_uint_eq(stream.len, 1000);
	ck_assert_uint_eq(budget.used_bytes, 1000);
	hb_stream_fini(&stream, &budget);
	ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

START_TEST(all_have_one_limit)
{
	struct hb_budget budget = { .max_total_bytes = 1000, .max_each_bytes = 600 };
	struct hb_stream a, b;
	uint8_t bytes[600] = { 1 };

	hb_stream_init(&a, 0);
	hb_stream_init(&b, 0);
	ck_assert_uint_eq(hb_stream_append(&a, &budget, bytes, 600), 600);
	ck_assert_uint_lt(hb_stream_append(&b, &budget, bytes, 600), 600);
	ck_assert_uint_le(budget.used_bytes, 1000);
	hb_stream_fini(&a, &budget);
	hb_stream_fini(&b, &budget);
	ck_assert_uint_eq(budget.used_bytes, 0);
	ck_assert_uint_eq(hb_stream_append(&b, &budget, bytes, 600), 600);
	hb_stream_fini(&b, &budget);
}
END_TEST

/* A reload may set limits that are exceeded already. */
START_TEST(limits_may_fall)
{
	struct hb_budget budget = roomy();
	struct hb_stream stream;
	uint8_t bytes[600] = { 1 };
	size_t cap;

	hb_stream_init(&stream, 0);
	ck_assert_uint_eq(hb_stream_append(&stream, &budget, bytes, 600), 600);
	cap = stream.cap;
	budget.max_each_bytes = 100;
	budget.max_total_bytes = 100;
	ck_assert_uint_le(hb_stream_append(&stream, &budget, bytes, 600), cap - 600);
	ck_assert_uint_eq(budget.used_bytes, cap);
	hb_stream_fini(&stream, &budget);
	ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

START_TEST(no_memory_to_grow)
{
	struct hb_budget budget = roomy();
	struct hb_stream stream;
	uint8_t bytes[600] = { 1 };
	size_t appended;

	hb_stream_init(&stream, 0);
	allocation_fail_at(0);
	appended = hb_stream_append(&stream, &budget, bytes, 600);
	ck_assert(allocation_failed());
	ck_assert_uint_eq(appended, 0);
	ck_assert_uint_eq(budget.used_bytes, 0);
	ck_assert_uint_eq(hb_stream_append(&stream, &budget, bytes, 600), 600);
	allocation_fail_at(0);
	appended = hb_stream_append(&stream, &budget, bytes, 600);
	ck_assert(allocation_failed());
	ck_assert_uint_eq(stream.len, 600 + appended); /* what there was room for */
	ck_assert_uint_eq(budget.used_bytes, stream.cap);
	hb_stream_fini(&stream, &budget);
	ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

START_TEST(a_preview_takes_nothing)
{
	struct hb_budget budget = roomy();
	struct hb_stream stream;
	size_t len;

	hb_stream_init(&stream, 1000);
	ck_assert_uint_eq(append(&stream, &budget, "abc"), 3);
	ck_assert_uint_eq(hb_stream_preview(&stream, &budget, 0, (const uint8_t *)"de", 2), 2);
	ck_assert_uint_eq(hb_stream_preview(&stream, &budget, 2, (const uint8_t *)"fg", 2), 2);
	ck_assert_mem_eq(stream.data, "abcdefg", 7);
	ck_assert_uint_eq(hb_stream_end(&stream), 1003);
	ck_assert_ptr_null(hb_stream_at(&stream, 1003, &len));
	ck_assert_uint_eq(append(&stream, &budget, "xyz"), 3);
	ck_assert_mem_eq(stream.data, "abcxyz", 6);
	hb_stream_fini(&stream, &budget);
	ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

START_TEST(a_preview_keeps_to_the_budget)
{
	struct hb_budget budget = { .max_total_bytes = 300, .max_each_bytes = 300 };
	uint8_t bytes[400] = { 0 };
	struct hb_stream stream;

	hb_stream_init(&stream, 1000);
	ck_assert_uint_eq(hb_stream_preview(&stream, &budget, 0, bytes, 200), 200);
	ck_assert_uint_eq(hb_stream_preview(&stream, &budget, 200, bytes, 200), 100);
	ck_assert_uint_eq(hb_stream_preview(&stream, &budget, 300, bytes, 1), 0);
	ck_assert_uint_eq(budget.used_bytes, 300);
	hb_stream_fini(&stream, &budget);
	ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

UNIT_MAIN("stream", a_preview_takes_nothing, a_preview_keeps_to_the_budget,
	  bytes_come_back_by_their_number, numbers_wrap, nothing_costs_nothing, growth_is_counted,
	  each_has_its_limit, all_have_one_limit, limits_may_fall, no_memory_to_grow)
