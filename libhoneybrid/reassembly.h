/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes whole packets of fragments (RFC 791, 3.2; RFC 8200, 4.5) as a current Linux host does: a
 * piece that overlaps others spoils its packet (RFC 5722); one that brings nothing but what is there
 * is passed over, and what was there first counts. What is incomplete is bounded in memory, in
 * number and in time; the oldest gives way.
 */
#ifndef HB_REASSEMBLY_H
#define HB_REASSEMBLY_H

#include "wheel.h"

#include <honeybrid/packet.h>

#define HB_REASSEMBLY_BUCKETS 256

struct hb_puzzle; /* the pieces of one packet */

struct hb_reassembly {
	struct hb_wheel *wheel;
	uint8_t key[16];
	struct hb_timer timer; /* armed for the oldest puzzle while there is one */
	struct hb_puzzle *buckets[HB_REASSEMBLY_BUCKETS];
	struct hb_puzzle *oldest, *newest;
	size_t count, used_bytes;
	uint64_t lost; /* packets that were given up */
	uint8_t *buf;  /* the last whole packet; NULL before the first */
};

/* A packet put together. */
struct hb_whole {
	struct hb_datagram dgram; /* its bytes are borrowed until the next piece comes */
	uint32_t id;
	size_t piece_bytes; /* how long its longest piece was, with the IP header */
};

/* @wheel  borrowed, for the wait. @key  for hashing, since attackers choose what is hashed. */
void hb_reassembly_init(struct hb_reassembly *reassembly, struct hb_wheel *wheel,
			const uint8_t key[16]);

/* Gives up all that is incomplete. */
void hb_reassembly_forget(struct hb_reassembly *reassembly);

/* The same, and gives all memory back. */
void hb_reassembly_fini(struct hb_reassembly *reassembly);

/*
 * Takes a piece: a packet with is_fragment.
 *
 * Returns true if it was the last that was missing: *whole is filled in then. Its checksum is as the
 *         sender computed it, its mark and interface are those of the piece that came first.
 */
bool hb_reassembly_add(struct hb_reassembly *reassembly, const struct hb_datagram *dgram,
		       const struct hb_packet *packet, uint64_t now_ns, struct hb_whole *whole);

/* The timer fired: gives up what has waited too long. */
void hb_reassembly_expire(struct hb_reassembly *reassembly, uint64_t now_ns);

#endif
