/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens to a packet on the wire: told by the dice, and these by the seed. */
#ifndef IMPAIR_FATE_H
#define IMPAIR_FATE_H

#include <stdbool.h>
#include <stdint.h>

/* What one direction of the wire does. Shares are of packets, from 0 to 1. */
struct impair_settings {
	double loss, duplicate, reorder, corrupt;
	uint64_t delay_ns, jitter_ns; /* every packet is late by delay to delay + jitter */
	uint64_t late_ns;             /* by this much more, if it is to be overtaken */
};

struct impair_dice {
	uint64_t state;
};

struct impair_fate {
	bool lost, duplicated, overtaken, corrupted;
	uint64_t delay_ns;
	uint64_t where; /* which byte is corrupted: modulo the length */
};

/* Sets "loss=1" and the like. Returns false if there is no such setting, or no such value. */
bool impair_settings_set(struct impair_settings *settings, const char *assignment);

/*
 * Throws the dice for the next packet: always as often, so the fate of the n-th packet depends on
 * the seed alone.
 */
struct impair_fate impair_fate_next(const struct impair_settings *settings,
				    struct impair_dice *dice);

#endif
