/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP errors: what routers make of packets that they do not pass on, and what must hold of them. */
#ifndef ICMP_H
#define ICMP_H

#include "plan.h"

enum icmp_kind {
	ICMP_TIME_EXCEEDED = 0,
	ICMP_TOO_BIG,
	ICMP_NET_UNREACHABLE,
	ICMP_HOST_UNREACHABLE,
	ICMP_PORT_UNREACHABLE, /* says who should have got the packet */
	ICMP_KIND_COUNT
};

/* Routers are numbered from the gateway on; 0 is the gateway itself. */
struct hb_addr icmp_router(const struct plan *plan, enum role link, unsigned number);

/*
 * Writes an error about a packet.
 *
 * @mtu           of ICMP_TOO_BIG, else 0.
 * @quoted_bytes  of what is behind the IP header, at the most.
 * Returns        its length.
 */
size_t icmp_write(uint8_t buf[WIRE_MTU], const struct hb_addr *from, enum icmp_kind kind,
		  uint32_t mtu, const uint8_t *about, size_t len, size_t quoted_bytes);

/* ICMP_KIND_COUNT for another. */
enum icmp_kind icmp_kind_of(const struct hb_packet *error);
const char *icmp_kind_name(enum icmp_kind kind);
uint32_t icmp_mtu(const struct hb_packet *error);

struct session;

/* Whom an error that leaves the gateway tells of what, and whether it may be so. */
void icmp_look(struct session *session, enum role to, const struct hb_packet *error,
	       const struct hb_packet *quoted);

#endif
