/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pieces are kept as they came, each in memory of its own, so that a tiny piece from the far end of
 * a packet costs no more than a tiny piece. All wait for the same time, so the order in which
 * puzzles began is the order in which they expire, and one timer serves all.
 */
#include "reassembly.h"

#include "bytes.h"
#include "checksum.h"
#include "siphash.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_NS (30 * UINT64_C(1000000000)) /* net.ipv4.ipfrag_time of Linux */
#define MAX_BYTES (4 << 20)                 /* net.ipv4.ipfrag_high_thresh */
#define MAX_PUZZLES 4096
#define MAX_PIECES 256 /* of one packet: 64 KiB over a link of 300 bytes */
#define PACKET_MAX 65535
#define SLACK 64 /* for options that may be added in place */

enum {
	IPV4_TOS = 1,
	IPV4_LENGTH = 2,
	IPV4_FRAGMENT = 6,
	IPV4_DONT_FRAGMENT = 0x4000,
	IPV6_HEADER = 40,
	IPV6_LENGTH = 4,
	IPV6_FRAGMENT_HEADER = 8,
};

/* ECN field (RFC 3168, 5). */
enum {
	ECN_MASK = 3,
	ECN_NONE = 0,
	ECN_CE = 3,
};

struct piece {
	struct piece *next; /* by offset */
	size_t start, end;
	uint8_t data[];
};

struct hb_puzzle {
	struct hb_puzzle *chain; /* in the bucket */
	struct hb_puzzle *older, *newer;
	struct piece *pieces;
	size_t piece_count, bytes; /* bytes: of the packet that are there */
	size_t used_bytes;         /* memory */
	size_t end;                /* of the packet; 0 while the last piece is missing */
	size_t piece_bytes;        /* how long the longest piece was */
	uint64_t since_ns;
	uint32_t bucket;
	struct hb_addr src, dst;
	uint32_t id, in_interface, mark;
	uint8_t ip_version, protocol; /* IPv4 only: another protocol counts identifications anew */
	uint8_t ecn;                  /* which of the four code points were seen, a bit each */
	bool spoilt;                  /* stays, so that what is still to come is no new puzzle */
	bool tracked;
	uint16_t head_len, link; /* of the first piece: what is before the fragment's data, and see
				    hb_packet.fragment_link_offset */
	uint8_t *head;
};

void hb_reassembly_init(struct hb_reassembly *reassembly, struct hb_wheel *wheel,
			const uint8_t key[16])
{
	*reassembly = (struct hb_reassembly){ .wheel = wheel };
	memcpy(reassembly->key, key, sizeof(reassembly->key));
}

/* Frees the pieces; the puzzle itself stays. */
static void empty(struct hb_reassembly *reassembly, struct hb_puzzle *puzzle)
{
	while (puzzle->pieces != NULL) {
		struct piece *piece = puzzle->pieces;
		puzzle->pieces = piece->next;
		free(piece);
	}
	free(puzzle->head);
	puzzle->head = NULL;
	reassembly->used_bytes -= puzzle->used_bytes;
	puzzle->used_bytes = 0;
}

static void remove_puzzle(struct hb_reassembly *reassembly, struct hb_puzzle *puzzle)
{
	struct hb_puzzle **link = &reassembly->buckets[puzzle->bucket];
	while (*link != puzzle)
		link = &(*link)->chain;
	*link = puzzle->chain;
	if (puzzle->older != NULL)
		puzzle->older->newer = puzzle->newer;
	else
		reassembly->oldest = puzzle->newer;
	if (puzzle->newer != NULL)
		puzzle->newer->older = puzzle->older;
	else
		reassembly->newest = puzzle->older;
	empty(reassembly, puzzle);
	if (--reassembly->count == 0)
		hb_wheel_cancel(reassembly->wheel, &reassembly->timer);
	free(puzzle);
}

static void give_up_oldest(struct hb_reassembly *reassembly)
{
	if (!reassembly->oldest->spoilt)
		reassembly->lost++;
	remove_puzzle(reassembly, reassembly->oldest);
}

void hb_reassembly_forget(struct hb_reassembly *reassembly)
{
	while (reassembly->oldest != NULL)
		give_up_oldest(reassembly);
}

void hb_reassembly_fini(struct hb_reassembly *reassembly)
{
	hb_reassembly_forget(reassembly);
	free(reassembly->buf);
	reassembly->buf = NULL;
}

static uint32_t bucket_of(const struct hb_reassembly *reassembly, const struct hb_datagram *dgram,
			  const struct hb_packet *packet)
{
	uint8_t input[40];
	memcpy(input, packet->src.bytes, 16);
	memcpy(input + 16, packet->dst.bytes, 16);
	hb_put_be32(input + 32, packet->fragment_id);
	hb_put_be32(input + 36, dgram->in_interface);
	return (uint32_t)(hb_siphash(reassembly->key, input, sizeof(input)) %
			  HB_REASSEMBLY_BUCKETS);
}

static bool belongs(const struct hb_puzzle *puzzle, const struct hb_datagram *dgram,
		    const struct hb_packet *packet)
{
	return puzzle->id == packet->fragment_id && puzzle->in_interface == dgram->in_interface &&
	       puzzle->ip_version == packet->ip_version &&
	       (puzzle->ip_version == 6 || puzzle->protocol == packet->protocol) &&
	       hb_addr_equal(&puzzle->src, &packet->src) &&
	       hb_addr_equal(&puzzle->dst, &packet->dst);
}

static struct hb_puzzle *new_puzzle(struct hb_reassembly *reassembly, uint32_t bucket,
				    const struct hb_datagram *dgram, const struct hb_packet *packet)
{
	struct hb_puzzle *puzzle = malloc(sizeof(*puzzle));
	if (puzzle == NULL)
		return NULL;
	*puzzle = (struct hb_puzzle){
		.chain = reassembly->buckets[bucket],
		.older = reassembly->newest,
		.used_bytes = sizeof(*puzzle),
		.bucket = bucket,
		.src = packet->src,
		.dst = packet->dst,
		.id = packet->fragment_id,
		.in_interface = dgram->in_interface,
		.mark = dgram->mark,
		.ip_version = packet->ip_version,
		.protocol = packet->protocol,
		.tracked = dgram->tracked,
	};
	reassembly->buckets[bucket] = puzzle;
	if (reassembly->newest != NULL)
		reassembly->newest->newer = puzzle;
	else
		reassembly->oldest = puzzle;
	reassembly->newest = puzzle;
	reassembly->count++;
	reassembly->used_bytes += sizeof(*puzzle);
	return puzzle;
}

/* The puzzle that the piece belongs to, or a new one. NULL: no memory. */
static struct hb_puzzle *find(struct hb_reassembly *reassembly, const struct hb_datagram *dgram,
			      const struct hb_packet *packet, uint64_t now_ns)
{
	uint32_t bucket = bucket_of(reassembly, dgram, packet);
	for (struct hb_puzzle *puzzle = reassembly->buckets[bucket]; puzzle != NULL;
	     puzzle = puzzle->chain)
		if (belongs(puzzle, dgram, packet))
			return puzzle;
	if (reassembly->count >= MAX_PUZZLES)
		give_up_oldest(reassembly);
	struct hb_puzzle *puzzle = new_puzzle(reassembly, bucket, dgram, packet);
	if (puzzle == NULL)
		return NULL;
	puzzle->since_ns = now_ns;
	if (!hb_timer_armed(&reassembly->timer))
		hb_wheel_arm(reassembly->wheel, &reassembly->timer, now_ns + WAIT_NS);
	return puzzle;
}

static void spoil(struct hb_reassembly *reassembly, struct hb_puzzle *puzzle)
{
	if (!puzzle->spoilt)
		reassembly->lost++;
	puzzle->spoilt = true;
	empty(reassembly, puzzle);
}

/*
 * Where a piece goes in the list. NULL: it cannot be added; it says nothing new if all of it is there
 * already in neighbouring pieces (*known), else it overlaps.
 */
static struct piece **place(struct hb_puzzle *puzzle, size_t start, size_t end, bool *known)
{
	struct piece **link = &puzzle->pieces;
	*known = false;
	while (*link != NULL && (*link)->end <= start)
		link = &(*link)->next;
	const struct piece *behind = *link;
	if (behind == NULL || behind->start >= end)
		return link;
	size_t from = behind->start, to = behind->end;
	for (behind = behind->next; behind != NULL && behind->start == to; behind = behind->next)
		to = behind->end;
	*known = from <= start && end <= to;
	return NULL;
}

/* The end of the packet as this piece has it. False: it does not go with the others. */
static bool fits_end(struct hb_puzzle *puzzle, bool last, size_t end)
{
	if (!last)
		return puzzle->end == 0 || end <= puzzle->end;
	const struct piece *behind = puzzle->pieces;
	while (behind != NULL && behind->end <= end)
		behind = behind->next;
	if (behind != NULL || (puzzle->end != 0 && puzzle->end != end))
		return false;
	puzzle->end = end;
	return true;
}

static bool keep_head(struct hb_reassembly *reassembly, struct hb_puzzle *puzzle,
		      const struct hb_packet *packet, size_t head_len)
{
	puzzle->head = malloc(head_len);
	if (puzzle->head == NULL)
		return false;
	memcpy(puzzle->head, packet->data, head_len);
	puzzle->head_len = (uint16_t)head_len;
	puzzle->link = packet->fragment_link_offset;
	if (packet->ip_version == 6) /* what follows the fragment header follows the others now */
		puzzle->head[puzzle->link] = packet->data[packet->fragment_header_offset];
	puzzle->used_bytes += head_len;
	reassembly->used_bytes += head_len;
	return true;
}

static bool keep_piece(struct hb_reassembly *reassembly, struct hb_puzzle *puzzle,
		       struct piece **link, const uint8_t *data, size_t start, size_t len)
{
	size_t used = sizeof(struct piece) + len;
	struct piece *piece = malloc(used);
	if (piece == NULL)
		return false;
	piece->start = start;
	piece->end = start + len;
	memcpy(piece->data, data, len);
	piece->next = *link;
	*link = piece;
	puzzle->piece_count++;
	puzzle->bytes += len;
	puzzle->used_bytes += used;
	reassembly->used_bytes += used;
	return true;
}

/* Puts a piece where it belongs. False: the packet cannot be put together any more. */
static bool add_piece(struct hb_reassembly *reassembly, struct hb_puzzle *puzzle,
		      const struct hb_packet *packet)
{
	bool v6 = packet->ip_version == 6, last = !packet->more_fragments, known;
	/* Each piece has the headers before the fragment header, the first one's count. */
	size_t head_len = v6 ? packet->fragment_header_offset : packet->l4_offset;
	size_t data_at = v6 ? head_len + IPV6_FRAGMENT_HEADER : head_len;
	size_t start = packet->fragment_offset_bytes, len = packet->len - data_at;
	if (!last && v6 && len % 8 != 0)
		return true; /* its sender would be told (RFC 8200, 4.5) */
	if (!last)
		len -= len % 8;
	struct piece **link = place(puzzle, start, start + len, &known);
	if (link == NULL || len == 0)
		return len == 0 || known;
	if (!fits_end(puzzle, last, start + len) || puzzle->piece_count == MAX_PIECES ||
	    head_len + start + len > PACKET_MAX)
		return false;
	puzzle->ecn |= (uint8_t)(1u << (packet->tos & ECN_MASK));
	if (packet->len > puzzle->piece_bytes)
		puzzle->piece_bytes = packet->len;
	if (start == 0 && !keep_head(reassembly, puzzle, packet, head_len))
		return false;
	return keep_piece(reassembly, puzzle, link, packet->data + data_at, start, len);
}

/* RFC 3168, 5.3: congestion that one piece met was met by the packet. False: a mix that cannot be. */
static bool mark_congestion(const struct hb_puzzle *puzzle, uint8_t *buf)
{
	if (!(puzzle->ecn & 1u << ECN_CE))
		return true;
	if (puzzle->ecn & 1u << ECN_NONE)
		return false;
	if (puzzle->ip_version == 4)
		buf[IPV4_TOS] |= ECN_CE;
	else
		buf[1] |= ECN_CE << 4;
	return true;
}

static void write_head(const struct hb_puzzle *puzzle, uint8_t *buf, size_t len)
{
	memcpy(buf, puzzle->head, puzzle->head_len);
	if (puzzle->ip_version == 6) {
		hb_put_be16(buf + IPV6_LENGTH, (uint16_t)(len - IPV6_HEADER));
		return;
	}
	hb_put_be16(buf + IPV4_LENGTH, (uint16_t)len);
	hb_put_be16(buf + IPV4_FRAGMENT, hb_get_be16(buf + IPV4_FRAGMENT) & IPV4_DONT_FRAGMENT);
}

/* All pieces are there: the packet. False: no memory, or its headers contradict each other. */
static bool put_together(struct hb_reassembly *reassembly, const struct hb_puzzle *puzzle,
			 struct hb_whole *whole)
{
	size_t len = puzzle->head_len + puzzle->end;
	if (reassembly->buf == NULL)
		reassembly->buf = malloc(PACKET_MAX + SLACK);
	uint8_t *buf = reassembly->buf;
	if (buf == NULL || len > PACKET_MAX)
		return false;
	write_head(puzzle, buf, len);
	if (!mark_congestion(puzzle, buf))
		return false;
	if (puzzle->ip_version == 4)
		hb_checksum_fill_ipv4(buf, puzzle->head_len);
	for (const struct piece *piece = puzzle->pieces; piece != NULL; piece = piece->next)
		memcpy(buf + puzzle->head_len + piece->start, piece->data,
		       piece->end - piece->start);
	*whole = (struct hb_whole){
		.dgram = { .data = buf,
			   .len = len,
			   .cap = PACKET_MAX + SLACK,
			   .in_interface = puzzle->in_interface,
			   .mark = puzzle->mark,
			   .tracked = puzzle->tracked },
		.id = puzzle->id,
		.piece_bytes = puzzle->piece_bytes,
	};
	return true;
}

static void make_room(struct hb_reassembly *reassembly, const struct hb_puzzle *spared)
{
	while (reassembly->used_bytes > MAX_BYTES && reassembly->oldest != spared)
		give_up_oldest(reassembly);
}

bool hb_reassembly_add(struct hb_reassembly *reassembly, const struct hb_datagram *dgram,
		       const struct hb_packet *packet, uint64_t now_ns, struct hb_whole *whole)
{
	struct hb_puzzle *puzzle = find(reassembly, dgram, packet, now_ns);
	if (puzzle == NULL || puzzle->spoilt)
		return false;
	if (!add_piece(reassembly, puzzle, packet)) {
		spoil(reassembly, puzzle);
		return false;
	}
	make_room(reassembly, puzzle);
	if (puzzle->end == 0 || puzzle->bytes < puzzle->end)
		return false;
	bool complete = put_together(reassembly, puzzle, whole);
	if (!complete)
		reassembly->lost++;
	remove_puzzle(reassembly, puzzle);
	return complete;
}

void hb_reassembly_expire(struct hb_reassembly *reassembly, uint64_t now_ns)
{
	while (reassembly->oldest != NULL && now_ns >= reassembly->oldest->since_ns + WAIT_NS)
		give_up_oldest(reassembly);
	if (reassembly->oldest != NULL)
		hb_wheel_arm(reassembly->wheel, &reassembly->timer,
			     reassembly->oldest->since_ns + WAIT_NS);
}
