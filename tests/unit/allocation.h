/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lets one allocation fail. For programs that meson.build links with --wrap for malloc, calloc,
 * realloc, reallocarray and strdup; what other shared libraries allocate is not touched.
 *
 *	for (long i = 0; !done; i++) {
 *		allocation_fail_at(i);
 *		done = work();
 *		ck_assert(allocation_failed() == !done);
 *	}
 *
 * Between the two nothing of check may be called: it allocates too.
 */
#ifndef ALLOCATION_H
#define ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);

/* How many allocations go well before one fails; negative for no failure. */
static long allocations_left = -1;
static bool armed;

/* The n-th allocation from now on fails, counted from 0. */
static inline void allocation_fail_at(long n)
{
	allocations_left = n;
	armed = true;
}

/* True if the allocation came and failed. From now on none does. */
static inline bool allocation_failed(void)
{
	bool failed = armed && allocations_left < 0;

	allocations_left = -1;
	armed = false;
	return failed;
}

static inline bool fails_now(void)
{
	return allocations_left >= 0 && allocations_left-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails_now() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return fails_now() ? NULL : __real_reallocarray(old, count, size);
}

char *__wrap_strdup(const char *text)
{
	return fails_now() ? NULL : __real_strdup(text);
}

#endif
