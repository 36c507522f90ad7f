/* SPDX-License-Identifier: BSD-2-Clause */
/* Random numbers from one seed (SplitMix64): the same on every machine. */
#ifndef RNG_H
#define RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Uniform from low to high, both included. */
static inline uint32_t rng_range(struct rng *rng, uint32_t low, uint32_t high)
{
	return low + (uint32_t)(rng_next(rng) % ((uint64_t)high - low + 1));
}

static inline bool rng_percent(struct rng *rng, uint32_t percent)
{
	return rng_range(rng, 0, 99) < percent;
}

/* A generator of its own, so that one part's use of numbers does not shift another's. */
static inline struct rng rng_fork(struct rng *rng)
{
	return (struct rng){ rng_next(rng) };
}

#endif
