/* SPDX-License-Identifier: BSD-2-Clause */
#include "build.h"

#include "checksum.h"
#include "unit.h"

#include <string.h>

static const char *const families[][2] = { { "192.0.2.1", "198.51.100.9" },
					   { "2001:db8::1", "2001:db8::9" } };

static struct hb_build_ip ip_of(size_t family)
{
	struct hb_build_ip ip = { .src.port = 40000, .dst.port = 80, .ttl = 61, .tos = 0x2e };

	ip.ip_id = 0xabcd;
	ip.dont_fragment = true;
	ck_assert_int_eq(hb_addr_parse(families[family][0], &ip.src.addr), 0);
	ck_assert_int_eq(hb_addr_parse(families[family][1], &ip.dst.addr), 0);
	return ip;
}

static void check_ip(const struct hb_packet *packet, const struct hb_build_ip *ip)
{
	bool ipv4 = packet->ip_version == 4;

	ck_assert_int_eq(ipv4, hb_addr_is_ipv4(&ip->src.addr));
	ck_assert(hb_addr_equal(&packet->src, &ip->src.addr));
	ck_assert(hb_addr_equal(&packet->dst, &ip->dst.addr));
	ck_assert_uint_eq(packet->src_port, ip->src.port);
	ck_assert_uint_eq(packet->dst_port, ip->dst.port);
	ck_assert_uint_eq(packet->ttl, ip->ttl);
	ck_assert_uint_eq(packet->tos, ip->tos);
	ck_assert_uint_eq(packet->ip_id, ipv4 ? ip->ip_id : 0);
	ck_assert_int_eq(packet->dont_fragment, ipv4 && ip->dont_fragment);
	ck_assert(packet->has_l4);
	ck_assert(!packet->is_fragment);
	ck_assert(hb_packet_checksum_ok(packet));
	if (ipv4)
		ck_assert_uint_eq(hb_checksum_fold(hb_checksum_add(0, packet->data, 20)), 0xffff);
}

START_TEST(a_tcp_packet_reads_back)
{
	for (size_t family = 0; family < 2; family++) {
		struct hb_build_tcp spec = {
			.ip = ip_of(family),
			.seq = UINT32_C(0xfffffffe),
			.ack = UINT32_C(0x01020304),
			.flags = HB_TCP_PSH | HB_TCP_ACK | HB_TCP_URG,
			.window = 0x1234,
			.urgent = 3,
			.options = { .present = HB_TCPOPT_TIMESTAMP, .tsval = 7, .tsecr = 8 },
			.payload = (const uint8_t *)"hello",
			.payload_len = 5,
		};
		struct hb_packet packet;
		uint8_t buf[200];
		size_t len = hb_build_tcp(buf, sizeof(buf), &spec);

		ck_assert_uint_eq(len, (family ? 40u : 20u) + 32 + 5);
		ck_assert_int_eq(hb_packet_parse(buf, len, &packet), 0);
		check_ip(&packet, &spec.ip);
		ck_assert_uint_eq(packet.len, len);
		ck_assert_uint_eq(packet.protocol, HB_PROTO_TCP);
		ck_assert_uint_eq(packet.seq, spec.seq);
		ck_assert_uint_eq(packet.ack, spec.ack);
		ck_assert_uint_eq(packet.tcp_flags, spec.flags);
		ck_assert_uint_eq(packet.window, spec.window);
		ck_assert_uint_eq(packet.urgent, spec.urgent);
		ck_assert_uint_eq(packet.options.present, HB_TCPOPT_TIMESTAMP);
		ck_assert_uint_eq(packet.options.tsval, 7);
		ck_assert_uint_eq(packet.payload_len, 5);
		ck_assert_mem_eq(buf + packet.payload_offset, "hello", 5);
	}
}
END_TEST

START_TEST(only_a_syn_has_the_options_of_a_syn)
{
	struct hb_build_tcp spec = { .ip = ip_of(0), .flags = HB_TCP_SYN };
	struct hb_packet packet;
	uint8_t buf[200];
	size_t len;

	spec.options.present = HB_TCPOPT_MSS | HB_TCPOPT_WSCALE;
	spec.options.mss = 1400;
	spec.options.wscale = 9;
	len = hb_build_tcp(buf, sizeof(buf), &spec);
	ck_assert_int_eq(hb_packet_parse(buf, len, &packet), 0);
	ck_assert_uint_eq(packet.options.present, HB_TCPOPT_MSS | HB_TCPOPT_WSCALE);
	ck_assert_uint_eq(packet.options.mss, 1400);
	ck_assert_uint_eq(packet.options.wscale, 9);
	ck_assert_uint_eq(packet.payload_len, 0);
	ck_assert(hb_packet_checksum_ok(&packet));
	spec.flags = HB_TCP_RST;
	ck_assert_uint_eq(hb_build_tcp(buf, sizeof(buf), &spec), 40);
}
END_TEST

START_TEST(a_udp_packet_reads_back)
{
	for (size_t family = 0; family < 2; family++) {
		struct hb_build_ip ip = ip_of(family);
		struct hb_packet packet;
		uint8_t buf[200];

		for (size_t payload_len = 0; payload_len <= 4; payload_len++) {
			const uint8_t *payload = payload_len ? (const uint8_t *)"ping" : NULL;
			size_t len = hb_build_udp(buf, sizeof(buf), &ip, payload, payload_len);

			ck_assert_uint_eq(len, (family ? 40u : 20u) + 8 + payload_len);
			ck_assert_int_eq(hb_packet_parse(buf, len, &packet), 0);
			check_ip(&packet, &ip);
			ck_assert_uint_eq(packet.protocol, HB_PROTO_UDP);
			ck_assert_uint_eq(packet.payload_len, payload_len);
			ck_assert_mem_eq(buf + packet.payload_offset, "ping", payload_len);
		}
	}
}
END_TEST

START_TEST(old_bytes_in_the_buffer_do_not_show)
{
	for (size_t family = 0; family < 2; family++) {
		struct hb_build_tcp spec = { .ip = ip_of(family), .flags = HB_TCP_ACK };
		uint8_t a[100], b[100];
		size_t len;

		memset(a, 0, sizeof(a));
		memset(b, 0xff, sizeof(b));
		len = hb_build_tcp(a, sizeof(a), &spec);
		ck_assert_uint_eq(hb_build_tcp(b, sizeof(b), &spec), len);
		ck_assert_mem_eq(a, b, len);
		len = hb_build_udp(a, sizeof(a), &spec.ip, NULL, 0);
		memset(b, 0xff, sizeof(b));
		ck_assert_uint_eq(hb_build_udp(b, sizeof(b), &spec.ip, NULL, 0), len);
		ck_assert_mem_eq(a, b, len);
	}
}
END_TEST

START_TEST(what_does_not_fit_is_not_built)
{
	for (size_t family = 0; family < 2; family++) {
		struct hb_build_tcp spec = { .ip = ip_of(family),
					     .payload = (const uint8_t *)"abc",
					     .payload_len = 3 };
		size_t len = (family ? 40u : 20u) + 23;

		for (size_t cap = 0; cap < len; cap++) {
			uint8_t *exact = malloc(cap);

			ck_assert_uint_eq(hb_build_tcp(exact, cap, &spec), 0);
			if (cap < len - 12)
				ck_assert_uint_eq(
					hb_build_udp(exact, cap, &spec.ip, spec.payload, 3), 0);
			free(exact);
		}
		uint8_t *exact = malloc(len);
		ck_assert_uint_eq(hb_build_tcp(exact, len, &spec), len);
		free(exact);
	}
}
END_TEST

START_TEST(the_longest_packet_has_65535_bytes)
{
	const size_t cap = 70000;
	uint8_t *buf = malloc(cap), *payload = calloc(1, cap);
	struct hb_build_ip ip = ip_of(0);
	struct hb_build_tcp spec = { .ip = ip_of(1), .payload = payload };
	struct hb_packet packet;

	ck_assert_ptr_nonnull(buf);
	ck_assert_ptr_nonnull(payload);
	ck_assert_uint_eq(hb_build_udp(buf, cap, &ip, payload, 65535 - 28), 65535);
	ck_assert_int_eq(hb_packet_parse(buf, 65535, &packet), 0);
	ck_assert(hb_packet_checksum_ok(&packet));
	ck_assert_uint_eq(hb_build_udp(buf, cap, &ip, payload, 65535 - 27), 0);
	ck_assert_uint_eq(hb_build_udp(buf, cap, &ip, payload, SIZE_MAX), 0);
	spec.payload_len = 65535 - 60;
	ck_assert_uint_eq(hb_build_tcp(buf, cap, &spec), 65535);
	ck_assert_int_eq(hb_packet_parse(buf, 65535, &packet), 0);
	ck_assert(hb_packet_checksum_ok(&packet));
	spec.payload_len++;
	ck_assert_uint_eq(hb_build_tcp(buf, cap, &spec), 0);
	spec.payload_len = SIZE_MAX;
	ck_assert_uint_eq(hb_build_tcp(buf, cap, &spec), 0);
	free(buf);
	free(payload);
}
END_TEST

UNIT_MAIN("build", a_tcp_packet_reads_back, only_a_syn_has_the_options_of_a_syn,
	  a_udp_packet_reads_back, old_bytes_in_the_buffer_do_not_show,
	  what_does_not_fit_is_not_built, the_longest_packet_has_65535_bytes)
