/* SPDX-License-Identifier: BSD-2-Clause */
#include "fate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS 1e6
#define MAX_MS 60000.0

/* SplitMix64: enough for dice, and every seed is a good one. */
static uint64_t next(struct impair_dice *dice)
{
	uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* From 0 to less than 1. */
static double share(struct impair_dice *dice)
{
	return (double)(next(dice) >> 11) * 0x1p-53;
}

struct impair_fate impair_fate_next(const struct impair_settings *settings,
				    struct impair_dice *dice)
{
	struct impair_fate fate = {
		.lost = share(dice) < settings->loss,
		.duplicated = share(dice) < settings->duplicate,
		.overtaken = share(dice) < settings->reorder,
		.corrupted = share(dice) < settings->corrupt,
		.delay_ns =
			settings->delay_ns + (uint64_t)(share(dice) * (double)settings->jitter_ns),
		.where = next(dice),
	};
	if (fate.overtaken)
		fate.delay_ns += settings->late_ns;
	return fate;
}

static bool number(const char *text, double limit, double *value)
{
	char *end;
	errno = 0;
	*value = strtod(text, &end);
	return errno == 0 && end != text && *end == '\0' && *value >= 0 && *value <= limit;
}

bool impair_settings_set(struct impair_settings *settings, const char *assignment)
{
	const struct {
		const char *name;
		double *percent;
		uint64_t *ms;
	} known[] = {
		{ "loss=", &settings->loss, NULL },
		{ "duplicate=", &settings->duplicate, NULL },
		{ "reorder=", &settings->reorder, NULL },
		{ "corrupt=", &settings->corrupt, NULL },
		{ "delay=", NULL, &settings->delay_ns },
		{ "jitter=", NULL, &settings->jitter_ns },
		{ "late=", NULL, &settings->late_ns },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t len = strlen(known[i].name);
		double value;
		if (strncmp(assignment, known[i].name, len) != 0)
			continue;
		if (!number(assignment + len, known[i].percent ? 100 : MAX_MS, &value))
			return false;
		if (known[i].percent)
			*known[i].percent = value / 100;
		else
			*known[i].ms = (uint64_t)(value * NS_PER_MS);
		return true;
	}
	return false;
}
