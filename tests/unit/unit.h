/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every unit test has in common. A test file is its tests, and at its end
 *
 *	UNIT_MAIN("seq", before_is_modular, distance_wraps)
 *
 * which names them all: one that is forgotten there is an unused variable, and does not compile.
 */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <stdint.h>
#include <stdlib.h>

/* Enough for the slowest one under a sanitizer. */
#define UNIT_TIMEOUT_S 120

static inline int unit_run(const char *name, const TTest *const tests[], size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define UNIT_MAIN(name, ...)                                                                       \
	int main(void)                                                                             \
	{                                                                                          \
		const TTest *const tests[] = { __VA_ARGS__ };                                      \
		return unit_run(name, tests, sizeof(tests) / sizeof(*tests));                      \
	}

/*
 * ck_assert() for inner loops: that one tells the runner of each success, too, by a system call.
 */
#define unit_require(cond)                                                                         \
	do {                                                                                       \
		if (!(cond))                                                                       \
			ck_abort_msg("%s does not hold", #cond);                                   \
	} while (0)

/* The same numbers at each run: a failure can be seen again. Start *state with any number. */
static inline uint64_t unit_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Uniform enough for tests: 0 to limit - 1. */
static inline uint64_t unit_random_below(uint64_t *state, uint64_t limit)
{
	return unit_random(state) % limit;
}

static inline void unit_random_fill(uint64_t *state, void *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)unit_random(state);
}

#endif
