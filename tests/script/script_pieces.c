/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragments: cut in a plain way, and put together in the plainest: one packet at a time, its pieces
 * in order, none missing. That is how the engine sends them.
 */
#include "script.h"

#include "bytes.h"
#include "checksum.h"

#include <stdlib.h>
#include <string.h>

#define V6_HEADER 40
#define V6_FRAGMENT 8

struct script_joiner {
	uint8_t data[SCRIPT_DATAGRAM_MAX];
	size_t len, head_len, pieces;
	uint32_t id;
};

struct script_joiner *script_joiner_new(void)
{
	struct script_joiner *joiner = calloc(1, sizeof(*joiner));

	if (joiner == NULL)
		abort();
	return joiner;
}

void script_joiner_free(struct script_joiner *joiner)
{
	free(joiner);
}

static void finish(struct script_joiner *joiner, bool ipv6)
{
	if (ipv6) {
		hb_put_be16(joiner->data + 4, (uint16_t)(joiner->len - V6_HEADER));
		return;
	}
	hb_put_be16(joiner->data + 2, (uint16_t)joiner->len);
	hb_put_be16(joiner->data + 6, hb_get_be16(joiner->data + 6) & 0x4000);
	hb_checksum_fill_ipv4(joiner->data, joiner->head_len);
}

bool script_joiner_add(struct script_joiner *joiner, const struct hb_packet *piece,
		       const uint8_t **data, size_t *len, size_t *pieces)
{
	bool ipv6 = piece->ip_version == 6;
	size_t head = ipv6 ? piece->fragment_header_offset : (size_t)(piece->data[0] & 15) * 4;
	size_t skip = ipv6 ? head + V6_FRAGMENT : head;

	if (piece->fragment_offset_bytes == 0) {
		memcpy(joiner->data, piece->data, head);
		if (ipv6)
			joiner->data[piece->fragment_link_offset] = piece->data[head];
		joiner->len = joiner->head_len = head;
		joiner->pieces = 0;
		joiner->id = piece->fragment_id;
	}
	if (piece->fragment_id != joiner->id || head != joiner->head_len ||
	    piece->fragment_offset_bytes != joiner->len - head ||
	    joiner->len + piece->len - skip > sizeof(joiner->data))
		return false; /* what is missing then is missed by the script */
	memcpy(joiner->data + joiner->len, piece->data + skip, piece->len - skip);
	joiner->len += piece->len - skip;
	joiner->pieces++;
	if (piece->more_fragments)
		return false;
	finish(joiner, ipv6);
	*data = joiner->data;
	*len = joiner->len;
	*pieces = joiner->pieces;
	return true;
}

/* IPv6 packets of scripts have no extension headers. */
size_t script_pieces_cut(const struct hb_packet *packet, size_t piece_bytes, size_t i, uint8_t *buf,
			 size_t cap)
{
	bool ipv6 = packet->ip_version == 6;
	size_t head = packet->l4_offset, skip = ipv6 ? head + V6_FRAGMENT : head;
	size_t step = (piece_bytes - skip) / 8 * 8, start = i * step;
	size_t rest = packet->len - head;

	if (piece_bytes < skip + 8 || start >= rest)
		return 0;
	bool more = rest - start > step;
	size_t part = more ? step : rest - start;
	if (skip + part > cap)
		return 0;
	memcpy(buf, packet->data, head);
	memcpy(buf + skip, packet->data + head + start, part);
	if (ipv6) {
		hb_put_be16(buf + 4, (uint16_t)(V6_FRAGMENT + part));
		hb_put_be16(buf + head, (uint16_t)(packet->protocol << 8));
		hb_put_be16(buf + head + 2, (uint16_t)(start | more));
		hb_put_be32(buf + head + 4, 0x12345678);
		buf[6] = 44;
		return skip + part;
	}
	hb_put_be16(buf + 2, (uint16_t)(skip + part));
	hb_put_be16(buf + 6, (uint16_t)(start / 8 | (more ? 0x2000 : 0)));
	hb_checksum_fill_ipv4(buf, head);
	return skip + part;
}
