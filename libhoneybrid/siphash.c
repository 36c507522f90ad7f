/* SPDX-License-Identifier: BSD-2-Clause */
#include "siphash.h"

#include <endian.h>
#include <string.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void mix(struct state *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 = rotate(s->v2, 32);
}

static inline void absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	mix(s);
	mix(s);
	s->v0 ^= word;
}

static inline uint64_t load(const uint8_t *data)
{
	uint64_t word;

	memcpy(&word, data, sizeof(word));
	return le64toh(word);
}

/* The last 0 to 7 bytes, and the length's low byte on top. No memcpy() of a length that varies. */
static inline uint64_t load_tail(const uint8_t *data, size_t rest, size_t len)
{
	uint64_t word = (uint64_t)len << 56;
	unsigned shift = 0;

	if (rest & 4) {
		uint32_t part;

		memcpy(&part, data, sizeof(part));
		word |= le32toh(part);
		data += 4;
		shift = 32;
	}
	for (rest &= 3; rest > 0; rest--, shift += 8)
		word |= (uint64_t)*data++ << shift;
	return word;
}

uint64_t hb_siphash(const uint8_t key[16], const void *data, size_t len)
{
	uint64_t k0 = load(key), k1 = load(key + 8);
	struct state s = {
		.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = k1 ^ UINT64_C(0x7465646279746573),
	};
	const uint8_t *p = data;
	size_t rest = len;

	for (; rest >= 8; rest -= 8, p += 8)
		absorb(&s, load(p));
	absorb(&s, load_tail(p, rest, len));
	s.v2 ^= 0xff;
	mix(&s);
	mix(&s);
	mix(&s);
	mix(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
