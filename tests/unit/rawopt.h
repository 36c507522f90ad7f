/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP options byte by byte, at any offset: what a stack would not write, but may get. */
#ifndef RAWOPT_H
#define RAWOPT_H

#include "build.h"
#include "bytes.h"
#include "checksum.h"
#include "unit.h"

#include <string.h>

#define RAWOPT_MAX 40

/* A run of options under construction. */
struct rawopt {
	uint8_t at[RAWOPT_MAX];
	size_t len;
};

static inline void rawopt_nop(struct rawopt *options)
{
	if (options->len < RAWOPT_MAX)
		options->at[options->len++] = 1;
}

static inline bool rawopt_has_room(const struct rawopt *options, size_t len)
{
	return options->len + len <= RAWOPT_MAX;
}

static inline void rawopt_timestamp(struct rawopt *options, uint32_t tsval, uint32_t tsecr)
{
	uint8_t *at = options->at + options->len;

	if (!rawopt_has_room(options, 10))
		return;
	at[0] = 8;
	at[1] = 10;
	hb_put_be32(at + 2, tsval);
	hb_put_be32(at + 6, tsecr);
	options->len += 10;
}

/* count blocks of 100 bytes with holes of 100 bytes between them. */
static inline void rawopt_sack(struct rawopt *options, uint32_t from, unsigned count)
{
	uint8_t *at = options->at + options->len;

	if (!rawopt_has_room(options, 2 + 8 * count))
		return;
	at[0] = 5;
	at[1] = (uint8_t)(2 + 8 * count);
	for (unsigned i = 0; i < count; i++) {
		hb_put_be32(at + 2 + 8 * i, from + 200 * i);
		hb_put_be32(at + 6 + 8 * i, from + 200 * i + 100);
	}
	options->len += 2 + 8 * count;
}

static inline void rawopt_other(struct rawopt *options, uint8_t kind, uint8_t len)
{
	uint8_t *at = options->at + options->len;

	if (!rawopt_has_room(options, len))
		return;
	memset(at, 0x5a, len);
	at[0] = kind;
	at[1] = len;
	options->len += len;
}

static inline void rawopt_pad(struct rawopt *options)
{
	while (options->len % 4 != 0)
		options->at[options->len++] = 1;
}

/* Puts options between a TCP header without any and its payload. Returns the new length. */
static inline size_t rawopt_insert(uint8_t *data, size_t len, const struct rawopt *options)
{
	struct hb_packet packet;
	size_t at;

	unit_require(options->len % 4 == 0);
	unit_require(hb_packet_parse(data, len, &packet) == 0);
	at = packet.l4_offset + 20u;
	unit_require(at == packet.payload_offset);
	memmove(data + at + options->len, data + at, len - at);
	memcpy(data + at, options->at, options->len);
	data[packet.l4_offset + 12] = (uint8_t)((20 + options->len) / 4 << 4);
	len += options->len;
	if (packet.ip_version == 4) {
		hb_put_be16(data + 2, (uint16_t)len);
		hb_checksum_fill_ipv4(data, packet.l4_offset);
	} else {
		hb_put_be16(data + 4, (uint16_t)(len - 40));
	}
	unit_require(hb_packet_parse(data, len, &packet) == 0);
	hb_checksum_fill_l4(data, &packet);
	return len;
}

/* Some of everything, in any order. */
static inline void rawopt_random(struct rawopt *options, uint64_t *random, uint32_t near)
{
	options->len = 0;
	for (uint64_t n = unit_random_below(random, 6); n > 0; n--) {
		switch (unit_random_below(random, 4)) {
		case 0:
			rawopt_timestamp(options, (uint32_t)unit_random(random),
					 (uint32_t)unit_random(random));
			break;
		case 1:
			rawopt_sack(options, near, 1 + (unsigned)unit_random_below(random, 3));
			break;
		case 2:
			rawopt_other(options, 254, 3);
			break;
		default:
			rawopt_nop(options);
		}
	}
	rawopt_pad(options);
}

#endif
