/* SPDX-License-Identifier: BSD-2-Clause */
#include "craft.h"

static uint8_t unreachable(int version)
{
	return version == 4 ? 3 : 1;
}

/* An ICMP error that quotes the first quoted_len bytes of a packet. */
static struct craft error_about(const struct craft *quoted, size_t quoted_len, int version)
{
	struct craft b = craft_icmp(version, unreachable(version), quoted_len);

	memcpy(b.at + b.len - quoted_len, quoted->at, quoted_len);
	return b;
}

/* Parses an error and its quotation in memory of the exact size; the result of the latter. */
static int parse_quoted(const struct craft *b, struct hb_packet *quoted)
{
	uint8_t *exact = malloc(b->len);
	struct hb_packet error;
	int rc;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, b->at, b->len);
	ck_assert_int_eq(hb_packet_parse(exact, b->len, &error), 0);
	rc = hb_packet_parse_quoted(&error, quoted);
	if (rc == 0) {
		ck_assert_ptr_eq(quoted->data, exact + error.quoted_offset);
		quoted->data = b->at + error.quoted_offset;
	}
	free(exact);
	return rc;
}

static void check_not_quoted(const struct craft *quoted, size_t len, int version)
{
	struct craft b = error_about(quoted, len, version);
	struct hb_packet packet;

	ck_assert_int_eq(parse_quoted(&b, &packet), -EINVAL);
}

START_TEST(errors_are_known_by_their_type)
{
	for (int version = 4; version <= 6; version += 2) {
		struct craft tcp = craft_tcp(version);
		struct craft b = error_about(&tcp, tcp.len, version);
		size_t type_at = version == 4 ? 20 : 40;

		for (unsigned type = 0; type <= 255; type++) {
			bool error = version == 6 ? type >= 1 && type <= 4
						  : type == 3 || type == 4 || type == 5 ||
							    type == 11 || type == 12;
			struct hb_packet packet;

			b.at[type_at] = (uint8_t)type;
			packet = craft_parsed(&b);
			ck_assert_int_eq(packet.is_icmp_error, error);
			ck_assert_uint_eq(packet.quoted_offset, error ? type_at + 8 : 0);
			ck_assert_int_eq(parse_quoted(&b, &packet), error ? 0 : -EINVAL);
		}
	}
}
END_TEST

START_TEST(a_quoted_tcp_packet)
{
	for (int version = 4; version <= 6; version += 2) {
		struct craft tcp = craft_tcp(version);
		struct hb_build_ip ip = craft_ip(version);

		/* From the shortest that is useful to the whole. */
		for (size_t len = (version == 4 ? 20 : 40) + 8; len <= tcp.len; len++) {
			struct craft b = error_about(&tcp, len, version);
			struct hb_packet q;

			ck_assert_int_eq(parse_quoted(&b, &q), 0);
			ck_assert_int_eq(q.ip_version, version);
			ck_assert(hb_addr_equal(&q.src, &ip.src.addr));
			ck_assert(hb_addr_equal(&q.dst, &ip.dst.addr));
			ck_assert_uint_eq(q.protocol, HB_PROTO_TCP);
			ck_assert(q.has_l4);
			ck_assert_uint_eq(q.src_port, 40000);
			ck_assert_uint_eq(q.dst_port, 80);
			ck_assert_uint_eq(q.seq, UINT32_C(0xa1a2a3a4));
			ck_assert_uint_eq(q.len, len);
			ck_assert_uint_eq(q.payload_len, 0);
			/* The rest may be cut: it is the same however much is there. */
			ck_assert_uint_eq(q.ack, 0);
			ck_assert_uint_eq(q.options.present, 0);
		}
	}
}
END_TEST

START_TEST(a_quotation_that_is_too_short)
{
	for (int version = 4; version <= 6; version += 2) {
		struct craft packets[] = { craft_tcp(version), craft_udp(version),
					   craft_icmp(version, version == 4 ? 8 : 128, 8) };

		for (size_t i = 0; i < 3; i++)
			for (size_t len = 0; len < (version == 4 ? 20u : 40u) + 8; len++)
				check_not_quoted(&packets[i], len, version);
	}
}
END_TEST

START_TEST(quoted_udp_and_echo)
{
	for (int version = 4; version <= 6; version += 2) {
		struct craft quoted = craft_udp(version);
		struct craft b = error_about(&quoted, (version == 4 ? 20 : 40) + 8, version);
		struct hb_packet q;

		ck_assert_int_eq(parse_quoted(&b, &q), 0);
		ck_assert_uint_eq(q.protocol, HB_PROTO_UDP);
		ck_assert_uint_eq(q.dst_port, 80);
		ck_assert_uint_eq(q.seq, 0);
		ck_assert_uint_eq(hb_checksum_l4_offset(&q), q.l4_offset + 6u);

		quoted = craft_icmp(version, version == 4 ? 8 : 128, 20);
		hb_put_be16(quoted.at + (version == 4 ? 24 : 44), 0x1234);
		b = error_about(&quoted, (version == 4 ? 20 : 40) + 8, version);
		ck_assert_int_eq(parse_quoted(&b, &q), 0);
		ck_assert(q.has_l4);
		ck_assert_uint_eq(q.icmp_type, version == 4 ? 8 : 128);
		ck_assert_uint_eq(q.src_port, 0x1234);
		ck_assert_uint_eq(q.dst_port, 0x1234);
	}
}
END_TEST

START_TEST(a_quoted_later_fragment_has_no_ports)
{
	struct craft udp = craft_udp(4);
	struct craft b;
	struct hb_packet q;

	hb_put_be16(udp.at + 6, 0x2003);
	b = error_about(&udp, udp.len, 4);
	ck_assert_int_eq(parse_quoted(&b, &q), 0);
	ck_assert(!q.has_l4);
	ck_assert(q.is_fragment);
	ck_assert_uint_eq(q.src_port, 0);
}
END_TEST

START_TEST(another_protocol_is_quoted_without_ports)
{
	struct craft gre = craft_any(4, 47, 4);
	struct craft b = error_about(&gre, gre.len, 4);
	struct hb_packet q;

	ck_assert_int_eq(parse_quoted(&b, &q), 0);
	ck_assert_uint_eq(q.protocol, 47);
	ck_assert(!q.has_l4);
}
END_TEST

START_TEST(a_quotation_behind_extension_headers)
{
	struct craft tcp = craft_tcp(6);
	struct craft b;
	struct hb_packet q;

	craft_insert_extension(&tcp, 60, 24);
	b = error_about(&tcp, 40 + 24 + 8, 6);
	ck_assert_int_eq(parse_quoted(&b, &q), 0);
	ck_assert_uint_eq(q.l4_offset, 64);
	ck_assert_uint_eq(q.dst_port, 80);
	check_not_quoted(&tcp, 40 + 24 + 7, 6);
	check_not_quoted(&tcp, 40 + 8, 6);
}
END_TEST

START_TEST(a_quotation_that_lies)
{
	struct craft tcp = craft_tcp(4);
	struct hb_packet q;
	struct craft b;

	tcp.at[0] = 0x4f; /* its header is longer than what is there */
	check_not_quoted(&tcp, 28, 4);
	tcp.at[0] = 0x44;
	check_not_quoted(&tcp, 28, 4);
	tcp = craft_tcp(6);
	check_not_quoted(&tcp, tcp.len, 4); /* the other version */
	tcp = craft_tcp(4);
	hb_put_be16(tcp.at + 2, 24); /* the packet had four bytes behind its header, so it says */
	check_not_quoted(&tcp, tcp.len, 4);
	hb_put_be16(tcp.at + 2, 30);
	b = error_about(&tcp, tcp.len, 4);
	ck_assert_int_eq(parse_quoted(&b, &q), 0);
	ck_assert_uint_eq(q.len, 30);
	hb_put_be16(tcp.at + 10, 0xdead); /* translators leave it wrong: no matter */
	b = error_about(&tcp, tcp.len, 4);
	ck_assert_int_eq(parse_quoted(&b, &q), 0);
}
END_TEST

UNIT_MAIN("packet_quoted", errors_are_known_by_their_type, a_quoted_tcp_packet,
	  a_quotation_that_is_too_short, quoted_udp_and_echo, a_quoted_later_fragment_has_no_ports,
	  another_protocol_is_quoted_without_ports, a_quotation_behind_extension_headers,
	  a_quotation_that_lies)
