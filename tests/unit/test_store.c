/* SPDX-License-Identifier: BSD-2-Clause */
#include <honeybrid/store.h>

#include "allocation.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* What an update saw, and what it left in the value. */
struct seen {
	unsigned calls;
	bool is_new;
	uint64_t value;
};

static void count_up(void *ctx, void *value, bool is_new)
{
	struct seen *seen = ctx;
	uint64_t *number = value;

	seen->calls++;
	seen->is_new = is_new;
	seen->value = ++*number;
}

static struct hb_store *make(size_t max_entries, int64_t expiration_us)
{
	const struct hb_store_options options = {
		.size = sizeof(options),
		.value_size = sizeof(uint64_t),
		.max_entries = max_entries,
		.expiration_us = expiration_us,
		.hash_key = "sixteen bytes...",
	};
	struct hb_store *store = hb_store_new(&options);

	ck_assert_ptr_nonnull(store);
	return store;
}

/* Returns the value after the update, 1 for a new entry. */
static uint64_t update(struct hb_store *store, const char *group, const char *key, int64_t now_us)
{
	struct seen seen = { .calls = 0 };

	ck_assert_int_eq(hb_store_update(store, group, key, strlen(key), now_us, count_up, &seen),
			 0);
	ck_assert_uint_eq(seen.calls, 1);
	ck_assert(seen.is_new == (seen.value == 1));
	return seen.value;
}

START_TEST(an_entry_keeps_its_value)
{
	struct hb_store *store = make(0, 0);

	ck_assert_uint_eq(update(store, "80", "a", 1), 1);
	ck_assert_uint_eq(update(store, "80", "a", 1), 2);
	ck_assert_uint_eq(update(store, "80", "b", 1), 1);
	ck_assert_uint_eq(update(store, "80", "a", 1), 3);
	ck_assert_uint_eq(hb_store_count(store), 2);
	hb_store_free(store);
	hb_store_free(NULL);
}
END_TEST

START_TEST(groups_are_apart)
{
	struct hb_store *store = make(0, 0);

	ck_assert_uint_eq(update(store, "80", "a", 1), 1);
	ck_assert_uint_eq(update(store, "81", "a", 1), 1);
	ck_assert_uint_eq(update(store, "", "a", 1), 1);
	/* The same characters, cut elsewhere. */
	ck_assert_uint_eq(update(store, "8", "0a", 1), 1);
	ck_assert_uint_eq(update(store, "80a", "x", 1), 1);
	ck_assert_uint_eq(update(store, "80", "a", 1), 2);
	hb_store_free(store);
}
END_TEST

START_TEST(keys_are_bytes)
{
	struct hb_store *store = make(0, 0);
	struct seen seen = { .calls = 0 };

	hb_store_update(store, "g", "a\0b", 3, 1, count_up, &seen);
	ck_assert(seen.is_new);
	hb_store_update(store, "g", "a\0c", 3, 1, count_up, &seen);
	ck_assert(seen.is_new);
	hb_store_update(store, "g", "a\0", 2, 1, count_up, &seen);
	ck_assert(seen.is_new);
	hb_store_update(store, "g", "a\0b", 3, 1, count_up, &seen);
	ck_assert(!seen.is_new);
	hb_store_free(store);
}
END_TEST

START_TEST(keys_and_groups_have_bounds)
{
	static const char longest[] = "0123456789abcdef0123456789abcdef"
				      "0123456789abcdef0123456789abcdef";
	struct hb_store *store = make(0, 0);
	struct seen seen = { .calls = 0 };

	ck_assert_int_eq(hb_store_update(store, "g", longest, 65, 1, count_up, &seen), -EINVAL);
	ck_assert_int_eq(hb_store_update(store, "g", longest, 0, 1, count_up, &seen), -EINVAL);
	ck_assert_int_eq(hb_store_update(store, "0123456789012345678901234567890x", "a", 1, 1,
					 count_up, &seen),
			 -EINVAL);
	ck_assert_uint_eq(seen.calls, 0);
	ck_assert_int_eq(hb_store_update(store, "0123456789012345678901234567890", longest, 64, 1,
					 count_up, &seen),
			 0);
	ck_assert_uint_eq(seen.calls, 1);
	hb_store_free(store);
}
END_TEST

START_TEST(an_entry_expires_after_its_last_use)
{
	struct hb_store *store = make(0, 100);

	ck_assert_uint_eq(update(store, "g", "a", 1000), 1);
	ck_assert_uint_eq(update(store, "g", "a", 1099), 2);
	ck_assert_uint_eq(update(store, "g", "a", 1198), 3);
	ck_assert_uint_eq(update(store, "g", "a", 1298), 1);
	hb_store_free(store);
}
END_TEST

START_TEST(expired_entries_go_away_by_and_by)
{
	struct hb_store *store = make(0, 100);
	char key[16];

	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "old%d", i);
		update(store, "g", key, 0);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "new%d", i);
		update(store, "g", key, 100);
	}
	/* Of every shard's old ones two went with each new one. */
	ck_assert_uint_eq(hb_store_count(store), 1000);
	hb_store_free(store);
}
END_TEST

START_TEST(what_has_expired_is_new_wherever_it_lies)
{
	struct hb_store *store = make(0, 100);
	char key[16];

	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "%d", i);
		update(store, "g", key, 0);
	}
	/* Each one has others before it that are older. */
	for (int i = 199; i >= 0; i--) {
		snprintf(key, sizeof(key), "%d", i);
		ck_assert_uint_eq(update(store, "g", key, 100), 1);
	}
	hb_store_free(store);
}
END_TEST

START_TEST(a_clock_that_jumps_back_forgets_nothing)
{
	struct hb_store *store = make(0, 100);

	ck_assert_uint_eq(update(store, "g", "a", 1000), 1);
	ck_assert_uint_eq(update(store, "g", "a", 0), 2);
	ck_assert_uint_eq(update(store, "g", "a", INT64_MAX), 1);
	ck_assert_uint_eq(update(store, "g", "a", INT64_MIN), 2);
	ck_assert_uint_eq(update(store, "g", "a", INT64_MAX), 1);
	hb_store_free(store);
}
END_TEST

START_TEST(without_expiration_nothing_is_forgotten)
{
	struct hb_store *store = make(0, 0);

	ck_assert_uint_eq(update(store, "g", "a", 0), 1);
	ck_assert_uint_eq(update(store, "g", "a", INT64_MAX), 2);
	hb_store_free(store);
}
END_TEST

START_TEST(at_the_limit_the_longest_unused_makes_room)
{
	struct hb_store *store = make(3, 0);

	update(store, "g", "a", 1);
	update(store, "g", "b", 2);
	update(store, "g", "c", 3);
	update(store, "g", "a", 4);
	update(store, "g", "d", 5); /* instead of b */
	ck_assert_uint_eq(hb_store_count(store), 3);
	ck_assert_uint_eq(update(store, "g", "a", 6), 3);
	ck_assert_uint_eq(update(store, "g", "c", 6), 2);
	ck_assert_uint_eq(update(store, "g", "d", 6), 2);
	ck_assert_uint_eq(update(store, "g", "b", 6), 1); /* instead of a */
	ck_assert_uint_eq(update(store, "g", "a", 6), 1);
	ck_assert_uint_eq(hb_store_count(store), 3);
	hb_store_free(store);
}
END_TEST

START_TEST(a_large_store_keeps_its_limit)
{
	struct hb_store *store = make(5000, 0);

	for (int i = 0; i < 20000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", i);
		ck_assert_uint_eq(update(store, "g", key, i), 1);
		ck_assert_uint_eq(update(store, "g", key, i), 2);
	}
	ck_assert_uint_le(hb_store_count(store), 5000);
	ck_assert_uint_ge(hb_store_count(store), 4900);
	hb_store_free(store);
}
END_TEST

START_TEST(sizes_out_of_range_make_no_store)
{
	struct hb_store_options options = { .size = sizeof(options), .value_size = 65537 };

	ck_assert_ptr_null(hb_store_new(&options));
	options = (struct hb_store_options){ .value_size = 8 };
	ck_assert_ptr_null(hb_store_new(&options));
	options = (struct hb_store_options){ .size = sizeof(options), .value_size = 0 };
	hb_store_free(hb_store_new(&options));
}
END_TEST

START_TEST(no_memory_for_a_store)
{
	const struct hb_store_options options = { .size = sizeof(options), .value_size = 8 };
	struct hb_store *store = NULL;
	long failures = 0;

	for (long i = 0; !store; i++) {
		allocation_fail_at(i);
		store = hb_store_new(&options);
		bool failed = allocation_failed();
		ck_assert(failed == !store);
		failures += failed;
	}
	ck_assert_int_ge(failures, 3);
	hb_store_free(store);
}
END_TEST

START_TEST(no_memory_for_an_entry)
{
	struct hb_store *store = make(2, 0);
	struct seen seen = { .calls = 0 };
	int ret;

	update(store, "g", "a", 1);
	update(store, "g", "b", 1);
	allocation_fail_at(0);
	ret = hb_store_update(store, "g", "c", 1, 1, count_up, &seen);
	ck_assert(allocation_failed());
	ck_assert_int_eq(ret, -ENOMEM);
	ck_assert_uint_eq(seen.calls, 0);
	/* Nothing had to make room. */
	ck_assert_uint_eq(update(store, "g", "a", 1), 2);
	ck_assert_uint_eq(update(store, "g", "b", 1), 2);
	hb_store_free(store);
}
END_TEST

START_TEST(no_memory_for_a_larger_table)
{
	struct hb_store *store = make(1000, 0);
	unsigned failures = 0;
	char key[16];

	for (int i = 0; i < 1000; i++) {
		struct seen seen = { .calls = 0 };
		int ret;

		snprintf(key, sizeof(key), "%d", i);
		allocation_fail_at(1); /* the one behind the entry */
		ret = hb_store_update(store, "g", key, strlen(key), 1, count_up, &seen);
		failures += allocation_failed();
		ck_assert_int_eq(ret, 0);
	}
	ck_assert_uint_ge(failures, 1);
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		ck_assert_uint_eq(update(store, "g", key, 1), 2);
	}
	hb_store_free(store);
}
END_TEST

#define THREADS 4
#define ROUNDS 5000
#define KEYS 64

struct thread {
	pthread_t id;
	pthread_barrier_t *start;
	struct hb_store *store;
	unsigned number;
	uint64_t new_entries;
	uint64_t errors;
};

/* Gives other threads a chance between reading and writing. */
static void count_slowly(void *ctx, void *value, bool is_new)
{
	struct seen *seen = ctx;
	uint64_t number = *(uint64_t *)value;

	sched_yield();
	seen->calls++;
	seen->is_new = is_new;
	*(uint64_t *)value = number + 1;
}

/* All threads meet on the same keys. */
static void *work(void *arg)
{
	struct thread *thread = arg;

	pthread_barrier_wait(thread->start);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct seen seen = { .calls = 0 };
		unsigned key = i % KEYS;

		if (hb_store_update(thread->store, "shared", &key, sizeof(key), 1, count_slowly,
				    &seen) < 0 ||
		    seen.calls != 1)
			thread->errors++;
		thread->new_entries += seen.is_new;
	}
	return NULL;
}

/* Each thread adds keys of its own, which push others out. */
static void *flood(void *arg)
{
	struct thread *thread = arg;

	pthread_barrier_wait(thread->start);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct seen seen = { .calls = 0 };
		uint64_t key = (uint64_t)thread->number << 32 | i;

		if (hb_store_update(thread->store, "flood", &key, sizeof(key), i, count_up, &seen) <
			    0 ||
		    !seen.is_new)
			thread->errors++;
	}
	return NULL;
}

static uint64_t run_threads(struct hb_store *store, void *(*function)(void *))
{
	struct thread threads[THREADS];
	pthread_barrier_t start_line;
	uint64_t new_entries = 0;

	pthread_barrier_init(&start_line, NULL, THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){
			.start = &start_line,
			.store = store,
			.number = i,
		};
		ck_assert_int_eq(pthread_create(&threads[i].id, NULL, function, &threads[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i].id, NULL);
		ck_assert_uint_eq(threads[i].errors, 0);
		new_entries += threads[i].new_entries;
	}
	pthread_barrier_destroy(&start_line);
	return new_entries;
}

START_TEST(threads_lose_no_update)
{
	struct hb_store *store = make(100000, 0);

	ck_assert_uint_eq(run_threads(store, work), KEYS);
	ck_assert_uint_eq(hb_store_count(store), KEYS);
	for (unsigned key = 0; key < KEYS; key++) {
		struct seen seen;
		uint64_t rounds = ROUNDS / KEYS + (key < ROUNDS % KEYS);

		hb_store_update(store, "shared", &key, sizeof(key), 1, count_up, &seen);
		ck_assert_uint_eq(seen.value, THREADS * rounds + 1);
	}
	hb_store_free(store);
}
END_TEST

START_TEST(threads_keep_the_limit)
{
	struct hb_store *store = make(4096, 0);

	run_threads(store, flood);
	ck_assert_uint_eq(hb_store_count(store), 4096);
	hb_store_free(store);
}
END_TEST

UNIT_MAIN("store", an_entry_keeps_its_value, groups_are_apart, keys_are_bytes,
	  keys_and_groups_have_bounds, an_entry_expires_after_its_last_use,
	  expired_entries_go_away_by_and_by, what_has_expired_is_new_wherever_it_lies,
	  a_clock_that_jumps_back_forgets_nothing, without_expiration_nothing_is_forgotten,
	  at_the_limit_the_longest_unused_makes_room, a_large_store_keeps_its_limit,
	  sizes_out_of_range_make_no_store, no_memory_for_a_store, no_memory_for_an_entry,
	  no_memory_for_a_larger_table, threads_lose_no_update, threads_keep_the_limit)
