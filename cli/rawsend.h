/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends packets of the engine's own through raw sockets: they leave by OUTPUT, marked as ours. */
#ifndef HB_RAWSEND_H
#define HB_RAWSEND_H

#include "exit.h"

#include <honeybrid/packet.h>

#include <netinet/in.h>

struct hb_rawsend;

/*
 * Opens the sockets.
 *
 * @mark         bits that every packet's mark has.
 * @uplink_mask  which bits of a datagram's own mark are kept beside them.
 * Returns       given: free with hb_rawsend_close(). NULL with *err filled in otherwise: status 77
 *               without the privilege. Where the kernel has no IPv6, packets of it fail later.
 */
struct hb_rawsend *hb_rawsend_open(uint32_t mark, uint32_t uplink_mask, struct hb_cli_error *err);

void hb_rawsend_close(struct hb_rawsend *rawsend);

/*
 * Sends a packet: in segments (TCP) or fragments if it is a super-packet or longer than the link carries,
 * since nobody else would tell its sender. What a link carries is learnt when it refuses a packet.
 *
 * @dgram   borrowed for the call; its bytes are not changed. Its checksum may still be a device's to
 *          finish if it is a super-packet.
 * @hops    how many to take off its TTL: 1 if that counts as on the way into the gateway, 0 if it
 *          was seen when routing had taken off its own.
 * Returns  0, or a negative errno: -ETIMEDOUT for a TTL that ends here, -EINVAL for what is no IP
 *          packet, -EBADMSG for a wrong checksum of what must be cut, and whatever the socket says.
 */
int hb_rawsend_send(struct hb_rawsend *rawsend, const struct hb_datagram *dgram, uint8_t hops);

/* What a packet needs to be sent. */
struct hb_hop {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} to;
	socklen_t to_len;
	uint8_t head[40]; /* the IP header without options, its hops taken off */
	size_t head_len;  /* how many of the packet's first bytes head replaces */
};

/* Prepares it. Returns 0, -ETIMEDOUT or -EINVAL as above. */
int hb_hop_take(const struct hb_datagram *dgram, uint8_t hops, struct hb_hop *hop);

#endif
