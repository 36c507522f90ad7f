/* SPDX-License-Identifier: BSD-2-Clause */
#include "rawsend.h"

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static struct hb_datagram ipv4(uint8_t bytes[60], uint8_t ttl)
{
	for (uint8_t i = 0; i < 60; i++)
		bytes[i] = i;
	bytes[0] = 0x46; /* with one word of options */
	bytes[8] = ttl;
	memcpy(bytes + 16, "\xc0\x00\x02\x01", 4);
	return (struct hb_datagram){ .data = bytes, .len = 60, .cap = 60 };
}

static struct hb_datagram ipv6(uint8_t bytes[60], uint8_t hop_limit)
{
	for (uint8_t i = 0; i < 60; i++)
		bytes[i] = i;
	bytes[0] = 0x60;
	bytes[7] = hop_limit;
	inet_pton(AF_INET6, "2001:db8::1", bytes + 24);
	return (struct hb_datagram){ .data = bytes, .len = 60, .cap = 60, .out_interface = 9 };
}

START_TEST(an_ipv4_packet_goes_one_hop)
{
	uint8_t bytes[60], want[20];
	struct hb_datagram dgram = ipv4(bytes, 64);
	struct hb_hop hop;

	memcpy(want, bytes, sizeof(want));
	want[8] = 63;
	ck_assert_int_eq(hb_hop_take(&dgram, 1, &hop), 0);
	ck_assert_uint_eq(hop.head_len, sizeof(want));
	ck_assert_mem_eq(hop.head, want, sizeof(want));
	ck_assert_uint_eq(bytes[8], 64); /* the engine's own copy stays */
	ck_assert_int_eq(hop.to.in.sin_family, AF_INET);
	ck_assert_uint_eq(ntohl(hop.to.in.sin_addr.s_addr), 0xc0000201);
	ck_assert_uint_eq(hop.to_len, sizeof(hop.to.in));
}
END_TEST

START_TEST(after_routing_no_hop_is_taken)
{
	uint8_t bytes[60];
	struct hb_datagram four = ipv4(bytes, 1);
	struct hb_hop hop;

	ck_assert_int_eq(hb_hop_take(&four, 0, &hop), 0);
	ck_assert_uint_eq(hop.head[8], 1);
}
END_TEST

START_TEST(an_ipv6_packet_goes_one_hop)
{
	uint8_t bytes[60], want[40];
	struct hb_datagram dgram = ipv6(bytes, 2);
	struct hb_hop hop;

	memcpy(want, bytes, sizeof(want));
	want[7] = 1;
	ck_assert_int_eq(hb_hop_take(&dgram, 1, &hop), 0);
	ck_assert_uint_eq(hop.head_len, sizeof(want));
	ck_assert_mem_eq(hop.head, want, sizeof(want));
	ck_assert_uint_eq(bytes[7], 2);
	ck_assert_int_eq(hop.to.in6.sin6_family, AF_INET6);
	ck_assert_mem_eq(&hop.to.in6.sin6_addr, bytes + 24, 16);
	ck_assert_uint_eq(hop.to.in6.sin6_scope_id, 9);
	ck_assert_uint_eq(hop.to_len, sizeof(hop.to.in6));
}
END_TEST

START_TEST(the_last_hop_is_the_end)
{
	uint8_t bytes[60];
	struct hb_hop hop;

	for (uint8_t ttl = 0; ttl <= 1; ttl++) {
		struct hb_datagram four = ipv4(bytes, ttl);
		ck_assert_int_eq(hb_hop_take(&four, 1, &hop), -ETIMEDOUT);
		struct hb_datagram six = ipv6(bytes, ttl);
		ck_assert_int_eq(hb_hop_take(&six, 1, &hop), -ETIMEDOUT);
	}
}
END_TEST

START_TEST(what_is_no_packet_is_refused)
{
	uint8_t bytes[60];
	struct hb_datagram dgram = ipv4(bytes, 64);
	struct hb_hop hop;

	dgram.len = 19;
	ck_assert_int_eq(hb_hop_take(&dgram, 1, &hop), -EINVAL);
	dgram = (struct hb_datagram){ .data = NULL };
	ck_assert_int_eq(hb_hop_take(&dgram, 1, &hop), -EINVAL);
	dgram = ipv6(bytes, 64);
	dgram.len = 39;
	ck_assert_int_eq(hb_hop_take(&dgram, 1, &hop), -EINVAL);
	dgram.len = 60;
	bytes[0] = 0x50;
	ck_assert_int_eq(hb_hop_take(&dgram, 1, &hop), -EINVAL);
}
END_TEST

UNIT_MAIN("rawsend", an_ipv4_packet_goes_one_hop, after_routing_no_hop_is_taken,
	  an_ipv6_packet_goes_one_hop, the_last_hop_is_the_end, what_is_no_packet_is_refused)
