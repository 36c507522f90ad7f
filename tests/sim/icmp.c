/* SPDX-License-Identifier: BSD-2-Clause */
#include "icmp.h"

#include "bytes.h"
#include "world.h"

#include <string.h>

#define TTL_START 64
#define V4_LONGEST 576  /* of an error (RFC 1812, 4.3.2.3) */
#define V6_LONGEST 1280 /* RFC 4443, 2.4 */
#define MTU_OFFSET 4    /* behind the ICMP header's start; IPv4's is the lower half */

static const struct {
	const char *name; /* as scripts have it */
	uint8_t v4_type, v4_code, v6_type, v6_code;
} kinds[ICMP_KIND_COUNT] = {
	[ICMP_TIME_EXCEEDED] = { "time-exceeded", 11, 0, 3, 0 },
	[ICMP_TOO_BIG] = { "too-big", 3, 4, 2, 0 },
	[ICMP_NET_UNREACHABLE] = { "net-unreachable", 3, 0, 1, 0 },
	[ICMP_PORT_UNREACHABLE] = { "port-unreachable", 3, 3, 1, 4 },
	[ICMP_HOST_UNREACHABLE] = { "host-unreachable", 3, 1, 1, 3 },
};

struct hb_addr icmp_router(const struct plan *plan, enum role link, unsigned number)
{
	/* The gateway is what the scripts call so. */
	uint8_t host = number == 0 ? 254 : (uint8_t)number;
	const uint8_t v4[ROLE_COUNT][4] = { { 10, 0, number != 0, host },
					    { 10, 9, 1, host },
					    { 10, 9, 2, host } };
	uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0x0a };

	if (!plan->ipv6)
		return hb_addr_from_ipv4(v4[link]);
	v6[5] = link == ROLE_CLIENT ? 0x0a : 9;
	v6[7] = link == ROLE_CLIENT ? number != 0 : (uint8_t)link;
	v6[15] = host;
	return hb_addr_from_ipv6(v6);
}

static size_t put_header(uint8_t *buf, const struct hb_addr *from, const struct hb_packet *about,
			 size_t icmp_len)
{
	if (about->ip_version == 4) {
		buf[0] = 0x45;
		hb_put_be16(buf + 2, (uint16_t)(20 + icmp_len));
		buf[8] = TTL_START;
		buf[9] = HB_PROTO_ICMP;
		memcpy(buf + 12, from->bytes + 12, 4);
		memcpy(buf + 16, about->src.bytes + 12, 4);
		return 20;
	}
	buf[0] = 0x60;
	hb_put_be16(buf + 4, (uint16_t)icmp_len);
	buf[6] = HB_PROTO_ICMPV6;
	buf[7] = TTL_START;
	memcpy(buf + 8, from->bytes, 16);
	memcpy(buf + 24, about->src.bytes, 16);
	return 40;
}

size_t icmp_write(uint8_t buf[WIRE_MTU], const struct hb_addr *from, enum icmp_kind kind,
		  uint32_t mtu, const uint8_t *about, size_t len, size_t quoted_bytes)
{
	struct hb_packet packet;

	if (hb_packet_parse(about, len, &packet) != 0)
		return 0;
	bool v4 = packet.ip_version == 4;
	size_t head = v4 ? 28 : 48, longest = v4 ? V4_LONGEST : V6_LONGEST;
	size_t quoted = packet.l4_offset + quoted_bytes;
	if (quoted > len)
		quoted = len;
	if (quoted > longest - head)
		quoted = longest - head;
	memset(buf, 0, head);
	uint8_t *icmp = buf + put_header(buf, from, &packet, 8 + quoted);
	icmp[0] = v4 ? kinds[kind].v4_type : kinds[kind].v6_type;
	icmp[1] = v4 ? kinds[kind].v4_code : kinds[kind].v6_code;
	hb_put_be32(icmp + MTU_OFFSET, mtu);
	memcpy(icmp + 8, about, quoted);
	wire_sum(buf, head + quoted);
	return head + quoted;
}

enum icmp_kind icmp_kind_of(const struct hb_packet *error)
{
	bool v4 = error->ip_version == 4;
	enum icmp_kind kind = ICMP_TIME_EXCEEDED;

	for (; kind < ICMP_KIND_COUNT; kind++) {
		if (error->icmp_type == (v4 ? kinds[kind].v4_type : kinds[kind].v6_type) &&
		    error->icmp_code == (v4 ? kinds[kind].v4_code : kinds[kind].v6_code))
			break;
	}
	return kind;
}

const char *icmp_kind_name(enum icmp_kind kind)
{
	return kinds[kind].name;
}

uint32_t icmp_mtu(const struct hb_packet *error)
{
	uint32_t mtu = hb_get_be32(error->data + error->l4_offset + MTU_OFFSET);

	return icmp_kind_of(error) == ICMP_TOO_BIG ? mtu : 0;
}

/* True if the first bytes have the address in them anywhere. */
static bool names(const struct hb_packet *packet, size_t len, const struct hb_addr *addr)
{
	size_t skip = packet->ip_version == 4 ? 12 : 0;

	for (size_t at = 0; at + 16 - skip <= len; at++) {
		if (memcmp(packet->data + at, addr->bytes + skip, 16 - skip) == 0)
			return true;
	}
	return false;
}

/* Neither a honeypot's own address nor a router's before it; the attacked one may be the frontend's. */
static bool tells_secrets(const struct session *session, const struct hb_packet *error,
			  const struct hb_packet *quoted)
{
	const struct plan *plan = session->plan;
	/* All headers but the quoted TCP's, whose numbers may be anything. */
	size_t len = error->quoted_offset + (size_t)quoted->l4_offset;

	for (enum role role = ROLE_FRONTEND; role < ROLE_COUNT; role++) {
		const struct hb_addr *honeypot = &plan->tcp[role].local.addr;

		if (!hb_addr_equal(honeypot, &plan->attacked.addr) && names(error, len, honeypot))
			return true;
		for (unsigned i = 0; i <= plan->links[role].hops; i++) {
			struct hb_addr router = icmp_router(plan, role, i);

			if (names(error, len, &router))
				return true;
		}
	}
	return false;
}

/* Numbers that it sent, and ACKs of what it was sent; what is crafted may have any. */
static void look_at_quoted(struct session *session, enum role to, const struct hb_packet *quoted)
{
	const struct tcp *tcp = &session->tcp[to];
	struct hb_packet whole;
	size_t there = quoted->len - quoted->l4_offset;
	int32_t seq = (int32_t)(quoted->seq - tcp->config.iss);

	/* It may be damaged, or tell of the first session of two. */
	if (session->plan->links[to].corrupt_permille != 0 || (session->round > 0 && seq < 0))
		return;

	if (seq < 0 || seq > tcp->max)
		session_wrong(session, "the %s is told of its number %d, it sent %d",
			      plan_role_name(to), seq, tcp->max);
	/* What is quoted whole has the sum that it had. */
	if (hb_packet_parse(quoted->data, quoted->len, &whole) == 0 &&
	    !hb_packet_checksum_ok(&whole))
		session_wrong(session, "the %s is told of a wrong checksum", plan_role_name(to));
	/* What the gateway acknowledged for a honeypot that does not know of is no secret to it. */
	if (there < 20 || tcp->state != TCP_OPEN || to != ROLE_CLIENT)
		return;
	const uint8_t *header = quoted->data + quoted->l4_offset;
	int32_t ack = (int32_t)(hb_get_be32(header + 8) - tcp->irs);
	if ((header[13] & HB_TCP_ACK) && (ack < 0 || ack > tcp->rcv_nxt))
		session_wrong(session, "the %s is told that it acknowledged %d, it got %d",
			      plan_role_name(to), ack, tcp->rcv_nxt);
}

void icmp_look(struct session *session, enum role to, const struct hb_packet *error,
	       const struct hb_packet *quoted)
{
	struct hb_addr gateway = icmp_router(session->plan, ROLE_CLIENT, 0);
	bool known = hb_addr_equal(&error->src, &session->plan->attacked.addr) ||
		     hb_addr_equal(&error->src, &gateway);

	session->errors[to]++;
	if (!hb_packet_checksum_ok(error) || session->old[to])
		return;
	if (!hb_addr_equal(&error->dst, &session->plan->tcp[to].local.addr))
		session_wrong(session, "an error for the %s goes elsewhere", plan_role_name(to));
	if (to == ROLE_CLIENT && (!known || tells_secrets(session, error, quoted)))
		session_wrong(session, "an error tells the client who is behind the gateway");
	if (session->plan->crafts == 0 || icmp_kind_of(error) == ICMP_TIME_EXCEEDED)
		look_at_quoted(session, to, quoted);
}
