/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP sequence numbers: 32 bits, modular (RFC 9293, 3.4). The only place that compares them;
 * timestamps (RFC 7323, 5.2) follow the same arithmetic.
 */
#ifndef HB_SEQ_H
#define HB_SEQ_H

#include <stdbool.h>
#include <stdint.h>

/* True if a comes before b; right while they are less than 2^31 apart. */
static inline bool hb_seq_before(uint32_t a, uint32_t b)
{
	return ((a - b) & UINT32_C(0x80000000)) != 0;
}

static inline bool hb_seq_after(uint32_t a, uint32_t b)
{
	return hb_seq_before(b, a);
}

static inline bool hb_seq_at_or_before(uint32_t a, uint32_t b)
{
	return !hb_seq_before(b, a);
}

static inline bool hb_seq_at_or_after(uint32_t a, uint32_t b)
{
	return !hb_seq_before(a, b);
}

/* How many numbers lie between from and to, for a from that is not after to. */
static inline uint32_t hb_seq_distance(uint32_t from, uint32_t to)
{
	return to - from;
}

static inline uint32_t hb_seq_max(uint32_t a, uint32_t b)
{
	return hb_seq_before(a, b) ? b : a;
}

static inline uint32_t hb_seq_min(uint32_t a, uint32_t b)
{
	return hb_seq_before(a, b) ? a : b;
}

#endif
