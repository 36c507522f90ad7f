/* SPDX-License-Identifier: BSD-2-Clause */
#include "translate.h"

#include "rawopt.h"
#include "target.h"

#include <string.h>

#define ROUNDS 20000

enum kind { KIND_TCP, KIND_UDP, KIND_UDP_UNSUMMED, KIND_ECHO, KIND_COUNT };

/* A packet in memory of its exact size, and the flow that it belongs to. */
struct fixture {
	uint64_t random;
	int version;
	enum kind kind;
	struct hb_target target;
	struct hb_flow flow;
	struct hb_translation translation;
	struct hb_datagram dgram;
	struct hb_packet packet;
};

static struct hb_addr addr(int version, uint8_t net, uint8_t host)
{
	const uint8_t v4[4] = { 10, net, 0, host };
	const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, net, [15] = host };

	return version == 4 ? hb_addr_from_ipv4(v4) : hb_addr_from_ipv6(v6);
}

static uint16_t random_port(struct fixture *f)
{
	return (uint16_t)unit_random(&f->random);
}

static void make_flow(struct fixture *f)
{
	f->target = (struct hb_target){ .frontend = { addr(f->version, 9, 2), 8080 } };
	f->flow = (struct hb_flow){ .target = &f->target,
				    .state = HB_STATE_FORWARD,
				    .client = addr(f->version, 0, 1),
				    .client_port = random_port(f),
				    .attacked = addr(f->version, 1, 1),
				    .attacked_port = random_port(f) };
	f->flow.leg_port = f->flow.client_port;
	f->translation = (struct hb_translation){
		.honeypot = { addr(f->version, 9, 3), random_port(f) },
		.client_port = random_port(f),
		.seq_difference = (uint32_t)unit_random(&f->random),
		.ts_difference = (uint32_t)unit_random(&f->random),
		.granted = HB_TCPOPT_TIMESTAMP | HB_TCPOPT_SACK_OK,
		.numbers_differ = true,
	};
	if (f->kind == KIND_ECHO) {
		f->translation.honeypot.port = f->flow.attacked_port = f->flow.client_port;
		f->translation.client_port = f->flow.client_port;
	}
	/* Every number that a packet may have is well behind it. */
	f->translation.keep = 0 - f->translation.seq_difference;
}

/* Acknowledges what is behind keep. */
static size_t build(struct fixture *f, uint8_t *buf, const struct hb_build_ip *ip)
{
	uint8_t payload[64];
	size_t len = unit_random_below(&f->random, sizeof(payload));
	struct rawopt options;
	struct hb_build_tcp spec = {
		.ip = *ip,
		.seq = (uint32_t)unit_random(&f->random),
		.ack = 1 + (uint32_t)unit_random_below(&f->random, 0x40000000),
		.flags = HB_TCP_ACK | (unit_random(&f->random) & HB_TCP_PSH),
		.window = (uint16_t)unit_random(&f->random),
		.payload = payload,
		.payload_len = len,
	};

	unit_random_fill(&f->random, payload, len);
	if (f->kind != KIND_TCP)
		return hb_build_udp(buf, 2048, ip, payload, len);
	rawopt_random(&options, &f->random, spec.ack);
	return rawopt_insert(buf, hb_build_tcp(buf, 2048, &spec), &options);
}

/* Of the rest, what differs from a UDP datagram. */
static void change_kind(struct fixture *f, uint8_t *buf, size_t len)
{
	size_t at = f->version == 4 ? 20 : 40;
	struct hb_packet packet;

	if (f->kind == KIND_UDP_UNSUMMED)
		hb_put_be16(buf + at + 6, 0);
	if (f->kind != KIND_ECHO)
		return;
	buf[f->version == 4 ? 9 : 6] = f->version == 4 ? HB_PROTO_ICMP : HB_PROTO_ICMPV6;
	memset(buf + at, 0, 8);
	buf[at] = f->version == 4 ? 8 : 128;
	hb_put_be16(buf + at + 4, f->flow.client_port);
	if (f->version == 4)
		hb_checksum_fill_ipv4(buf, 20);
	unit_require(hb_packet_parse(buf, len, &packet) == 0);
	hb_checksum_fill_l4(buf, &packet);
}

static void make_packet(struct fixture *f, bool from_client)
{
	uint8_t buf[2048];
	struct hb_build_ip ip = { .src = { f->flow.client, f->flow.client_port },
				  .dst = { f->flow.attacked, f->flow.attacked_port },
				  .ttl = 60 };
	size_t len;

	if (!from_client)
		ip = (struct hb_build_ip){ .src = f->translation.honeypot,
					   .dst = { f->flow.client, f->translation.client_port },
					   .ttl = 60 };
	len = build(f, buf, &ip);
	change_kind(f, buf, len);
	f->dgram = (struct hb_datagram){ .data = malloc(len), .len = len, .cap = len };
	unit_require(f->dgram.data != NULL);
	memcpy(f->dgram.data, buf, len);
	unit_require(hb_packet_parse(f->dgram.data, len, &f->packet) == 0);
	unit_require(hb_packet_checksum_ok(&f->packet));
	f->flow.protocol = f->packet.protocol;
}

static struct fixture make(uint64_t seed, bool from_client)
{
	struct fixture f = { .random = seed };

	f.version = unit_random(&f.random) & 1 ? 4 : 6;
	f.kind = (enum kind)unit_random_below(&f.random, KIND_COUNT);
	if (f.version == 6 && f.kind == KIND_UDP_UNSUMMED)
		f.kind = KIND_UDP;
	make_flow(&f);
	make_packet(&f, from_client);
	return f;
}

static enum hb_verdict translate(struct fixture *f, bool from_client)
{
	struct hb_edit edit;

	f->flow.target = &f->target; /* the fixture may have been copied */
	unit_require(hb_packet_parse(f->dgram.data, f->dgram.len, &f->packet) == 0);
	hb_edit_begin(&edit, &f->dgram, &f->packet);
	if (from_client)
		hb_translate_to_honeypot(&edit, &f->flow, &f->translation);
	else
		hb_translate_to_client(&edit, &f->flow, &f->translation);
	return hb_edit_finish(&edit);
}

/* Makes the flow and the translation that lead back. */
static void reverse(struct fixture *f)
{
	struct hb_endpoint attacked = { f->flow.attacked, f->flow.attacked_port };
	struct hb_endpoint honeypot = f->translation.honeypot;
	uint16_t port = f->flow.client_port;

	f->flow.attacked = honeypot.addr;
	f->flow.attacked_port = honeypot.port;
	f->flow.client_port = f->translation.client_port;
	f->translation.honeypot = attacked;
	f->translation.client_port = port;
	f->translation.seq_difference = 0 - f->translation.seq_difference;
	f->translation.ts_difference = 0 - f->translation.ts_difference;
	f->translation.keep = 0;
}

static bool sums_are_right(const struct fixture *f)
{
	struct hb_packet packet;

	unit_require(hb_packet_parse(f->dgram.data, f->dgram.len, &packet) == 0);
	if (f->version == 4 &&
	    hb_checksum_fold(hb_checksum_add(0, f->dgram.data, packet.l4_offset)) != UINT16_MAX)
		return false;
	return hb_packet_checksum_ok(&packet);
}

static bool sum_field_is_0(const struct fixture *f)
{
	return hb_get_be16(f->dgram.data + hb_checksum_l4_offset(&f->packet)) == 0;
}

static void check_addresses(const struct fixture *f, bool from_client)
{
	const struct hb_flow *flow = &f->flow;
	struct hb_endpoint src = { flow->client, f->translation.client_port };
	struct hb_endpoint dst = f->translation.honeypot;
	struct hb_packet packet;

	if (!from_client) {
		src = (struct hb_endpoint){ flow->attacked, flow->attacked_port };
		dst = (struct hb_endpoint){ flow->client, flow->client_port };
	}
	unit_require(hb_packet_parse(f->dgram.data, f->dgram.len, &packet) == 0);
	unit_require(hb_addr_equal(&packet.src, &src.addr) && packet.src_port == src.port);
	unit_require(hb_addr_equal(&packet.dst, &dst.addr) && packet.dst_port == dst.port);
}

static void check_round_trip(uint64_t seed, bool from_client)
{
	struct fixture f = make(seed, from_client);
	uint8_t before[2048];

	memcpy(before, f.dgram.data, f.dgram.len);
	unit_require(translate(&f, from_client) == HB_ACCEPT_MODIFIED);
	unit_require(sums_are_right(&f));
	check_addresses(&f, from_client);
	if (f.kind == KIND_UDP_UNSUMMED)
		unit_require(sum_field_is_0(&f));
	reverse(&f);
	unit_require(translate(&f, from_client) == HB_ACCEPT_MODIFIED);
	unit_require(memcmp(before, f.dgram.data, f.dgram.len) == 0);
	free(f.dgram.data);
}

START_TEST(there_and_back_is_where_it_was)
{
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		check_round_trip(seed, true);
		check_round_trip(seed, false);
	}
}
END_TEST

/* A translation must not put right what was wrong: the receiver is to see that. */
START_TEST(a_wrong_sum_stays_wrong)
{
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		bool from_client = seed & 1;
		struct fixture f = make(seed, from_client);

		if (f.kind != KIND_UDP_UNSUMMED) {
			f.dgram.data[f.dgram.len - 1] ^= 0x40;
			translate(&f, from_client);
			unit_require(!sums_are_right(&f));
		}
		free(f.dgram.data);
	}
}
END_TEST

/* The kernel believes a sum that comes back with a verdict. */
START_TEST(an_unfinished_sum_is_finished)
{
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		bool from_client = seed & 1;
		struct fixture f = make(seed, from_client);
		size_t at = hb_checksum_l4_offset(&f.packet);

		if (f.kind == KIND_TCP || f.kind == KIND_UDP) {
			f.dgram.checksum = HB_CHECKSUM_PARTIAL;
			hb_put_be16(f.dgram.data + at, (uint16_t)unit_random(&f.random));
			translate(&f, from_client);
			unit_require(sums_are_right(&f));
		}
		free(f.dgram.data);
	}
}
END_TEST

/* Segmentation computes it. */
START_TEST(a_super_packets_sum_is_left_alone)
{
	for (uint64_t seed = 0; seed < 1000; seed++) {
		struct fixture f = make(seed, true);
		size_t at = hb_checksum_l4_offset(&f.packet);

		f.dgram.checksum = HB_CHECKSUM_PARTIAL;
		f.dgram.gso = true;
		hb_put_be16(f.dgram.data + at, 0xdead);
		translate(&f, true);
		unit_require(hb_get_be16(f.dgram.data + at) == 0xdead);
		if (f.version == 4)
			unit_require(hb_checksum_fold(hb_checksum_add(0, f.dgram.data, 20)) ==
				     UINT16_MAX);
		free(f.dgram.data);
	}
}
END_TEST

START_TEST(nothing_to_change_is_accepted_as_it_is)
{
	for (uint64_t seed = 0; seed < 1000; seed++) {
		struct fixture f = make(seed, true);
		uint8_t before[2048];

		f.translation = (struct hb_translation){
			.honeypot = { f.flow.attacked, f.flow.attacked_port },
			.client_port = f.flow.client_port,
		};
		memcpy(before, f.dgram.data, f.dgram.len);
		unit_require(translate(&f, true) == HB_ACCEPT);
		unit_require(memcmp(before, f.dgram.data, f.dgram.len) == 0);
		free(f.dgram.data);
	}
}
END_TEST

/* A sum that comes out as 0 is written as 0xffff, since 0 means "none" (RFC 768). */
START_TEST(a_udp_sum_is_never_0)
{
	struct fixture f = { .random = 1, .version = 4, .kind = KIND_UDP };
	uint8_t buf[64];
	unsigned all_ones = 0;

	make_flow(&f);
	f.flow.protocol = HB_PROTO_UDP;
	for (unsigned value = 0; value <= UINT16_MAX; value++) {
		struct hb_build_ip ip = { .src = { f.flow.client, f.flow.client_port },
					  .dst = { f.flow.attacked, f.flow.attacked_port },
					  .ttl = 60 };
		uint8_t payload[2];

		hb_put_be16(payload, (uint16_t)value);
		f.dgram = (struct hb_datagram){ .data = buf, .cap = sizeof(buf) };
		f.dgram.len = hb_build_udp(buf, sizeof(buf), &ip, payload, 2);
		translate(&f, true);
		unit_require(!sum_field_is_0(&f));
		unit_require(sums_are_right(&f));
		all_ones += hb_get_be16(buf + 26) == UINT16_MAX;
	}
	ck_assert_uint_eq(all_ones, 1);
}
END_TEST

/* The frontend's numbers are those that the client sees. */
START_TEST(the_frontend_needs_addresses_only)
{
	for (uint64_t seed = 0; seed < 1000; seed++) {
		struct fixture f = make(seed, true);
		struct hb_packet before = f.packet, after;

		f.translation = hb_translate_frontend(&f.flow);
		ck_assert_uint_eq(translate(&f, true), HB_ACCEPT_MODIFIED);
		unit_require(sums_are_right(&f));
		unit_require(hb_packet_parse(f.dgram.data, f.dgram.len, &after) == 0);
		unit_require(hb_addr_equal(&after.dst, &f.target.frontend.addr));
		unit_require(hb_addr_equal(&after.src, &before.src));
		unit_require(f.kind == KIND_ECHO || after.dst_port == 8080);
		unit_require(after.src_port == before.src_port);
		unit_require(after.seq == before.seq && after.ack == before.ack);
		unit_require(after.window == before.window);
		unit_require(after.options.tsecr == before.options.tsecr);
		free(f.dgram.data);
	}
}
END_TEST

/* TCP, field by field. */

static struct fixture tcp(uint8_t flags, uint32_t ack, uint16_t window,
			  const struct rawopt *options)
{
	struct fixture f = { .random = 1, .version = 4, .kind = KIND_TCP };
	struct hb_build_tcp spec = { .seq = 100, .ack = ack, .flags = flags, .window = window };
	uint8_t buf[2048];
	size_t len;

	make_flow(&f);
	f.flow.protocol = HB_PROTO_TCP;
	f.translation.seq_difference = 1000; /* 5000 of the honeypot's is 6000 for the client */
	f.translation.keep = 5000;
	f.translation.ts_difference = 70;
	f.translation.granted = HB_TCPOPT_TIMESTAMP | HB_TCPOPT_SACK_OK;
	spec.ip = (struct hb_build_ip){ .src = { f.flow.client, 1 },
					.dst = { f.flow.attacked, 2 },
					.ttl = 60 };
	len = hb_build_tcp(buf, sizeof(buf), &spec);
	if (options != NULL)
		len = rawopt_insert(buf, len, options);
	f.dgram = (struct hb_datagram){ .data = malloc(len), .len = len, .cap = len };
	ck_assert_ptr_nonnull(f.dgram.data);
	memcpy(f.dgram.data, buf, len);
	return f;
}

static struct hb_packet translated(struct fixture *f, bool from_client)
{
	struct hb_packet after;

	ck_assert_int_eq(translate(f, from_client), HB_ACCEPT_MODIFIED);
	ck_assert(sums_are_right(f));
	ck_assert_int_eq(hb_packet_parse(f->dgram.data, f->dgram.len, &after), 0);
	return after;
}

START_TEST(numbers_shift)
{
	struct rawopt options = { .len = 0 };
	struct fixture f;
	struct hb_packet after;

	rawopt_nop(&options);
	rawopt_timestamp(&options, 1000, 2000);
	rawopt_pad(&options);
	f = tcp(HB_TCP_ACK, 6100, 7, &options);
	after = translated(&f, true);
	ck_assert_uint_eq(after.seq, 100);
	ck_assert_uint_eq(after.ack, 5100);
	ck_assert_uint_eq(after.window, 7);
	ck_assert_uint_eq(after.options.tsval, 1000);
	ck_assert_uint_eq(after.options.tsecr, 1930);
	free(f.dgram.data);
	f = tcp(HB_TCP_ACK, 6100, 7, &options);
	after = translated(&f, false);
	ck_assert_uint_eq(after.seq, 1100);
	ck_assert_uint_eq(after.ack, 6100);
	ck_assert_uint_eq(after.options.tsval, 1070);
	ck_assert_uint_eq(after.options.tsecr, 2000);
	free(f.dgram.data);
}
END_TEST

/* Handover rule 13. */
START_TEST(an_ack_is_never_below_the_first_byte_that_counts)
{
	static const struct {
		uint32_t ack;
		uint16_t window;
		uint32_t shown_ack;
		uint16_t shown_window;
	} cases[] = {
		{ 6000, 500, 5000, 500 }, { 5999, 500, 5000, 499 }, { 5600, 500, 5000, 100 },
		{ 5500, 500, 5000, 0 },   { 4000, 500, 5000, 0 },   { 6001, 500, 5001, 500 }
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f = tcp(HB_TCP_ACK, cases[i].ack, cases[i].window, NULL);
		struct hb_packet after = translated(&f, true);

		ck_assert_uint_eq(after.ack, cases[i].shown_ack);
		ck_assert_uint_eq(after.window, cases[i].shown_window);
		free(f.dgram.data);
	}
}
END_TEST

/* An ACK field without the flag means nothing, and stays. */
START_TEST(a_bare_reset_has_no_ack)
{
	struct fixture f = tcp(HB_TCP_RST, 6100, 0, NULL);
	struct hb_packet after = translated(&f, true);

	ck_assert_uint_eq(after.ack, 6100);
	ck_assert_uint_eq(after.window, 0);
	free(f.dgram.data);
	f = tcp(HB_TCP_RST, 6100, 5, NULL);
	f.translation.honeypot_shift = 2;
	after = translated(&f, false);
	ck_assert_uint_eq(after.seq, 1100);
	ck_assert_uint_eq(after.window, 5);
	free(f.dgram.data);
}
END_TEST

START_TEST(sack_blocks_shift)
{
	for (unsigned nops = 0; nops < 4; nops++) {
		struct rawopt options = { .len = 0 };
		struct fixture f;
		struct hb_packet after;

		for (unsigned i = 0; i < nops; i++)
			rawopt_nop(&options);
		rawopt_sack(&options, 6100, 3);
		rawopt_pad(&options);
		f = tcp(HB_TCP_ACK, 6000, 7, &options);
		after = translated(&f, true);
		ck_assert_uint_eq(after.options.sack_count, 3);
		for (unsigned i = 0; i < 3; i++) {
			ck_assert_uint_eq(after.options.sack[i].left, 5100 + 200 * i);
			ck_assert_uint_eq(after.options.sack[i].right, 5200 + 200 * i);
		}
		free(f.dgram.data);
	}
}
END_TEST

/* Blocks that mean nothing to this honeypot, or an option that it did not agree to. */
START_TEST(sack_may_have_to_go)
{
	for (unsigned lacks = 0; lacks < 2; lacks++) {
		struct rawopt options = { .len = 0 };
		struct fixture f;
		struct hb_packet after;

		rawopt_nop(&options);
		rawopt_sack(&options, lacks ? 6100 : 5950, 1);
		rawopt_timestamp(&options, 1, 2);
		rawopt_pad(&options);
		f = tcp(HB_TCP_ACK, 6000, 7, &options);
		f.translation.lacks = lacks ? HB_TCPOPT_SACK_OK : 0;
		after = translated(&f, true);
		ck_assert_uint_eq(after.options.sack_count, 0);
		ck_assert(after.options.present & HB_TCPOPT_TIMESTAMP);
		ck_assert_uint_eq(after.payload_offset, f.packet.payload_offset);
		free(f.dgram.data);
	}
}
END_TEST

START_TEST(windows_have_edges)
{
	ck_assert_uint_eq(hb_translate_window(0, 0), 0);
	ck_assert_uint_eq(hb_translate_window(0, 14), 0);
	ck_assert_uint_eq(hb_translate_window(1, 0), 1);
	ck_assert_uint_eq(hb_translate_window(1, 14), 1); /* never 0 for what is not 0 */
	ck_assert_uint_eq(hb_translate_window(16383, 14), 1);
	ck_assert_uint_eq(hb_translate_window(32768, 14), 2);
	ck_assert_uint_eq(hb_translate_window(65535, 0), 65535);
	ck_assert_uint_eq(hb_translate_window(65536, 0), 65535);
	ck_assert_uint_eq(hb_translate_window(65536, 1), 32768);
	ck_assert_uint_eq(hb_translate_window(UINT32_C(65535) << 14, 14), 65535);
	ck_assert_uint_eq(hb_translate_window(UINT32_C(65535) << 14, 0), 65535);
	ck_assert_uint_eq(hb_translate_window(UINT32_MAX, 14), 65535);
}
END_TEST

START_TEST(windows_are_scaled_as_the_reader_expects)
{
	static const struct {
		uint8_t honeypot, shown;
		uint16_t window, expected;
	} to_client[] = { { 0, 0, 500, 500 },      { 7, 7, 500, 500 }, { 7, 0, 500, 64000 },
			  { 7, 0, 600, 65535 },    { 0, 7, 640, 5 },   { 0, 14, 3, 1 },
			  { 14, 0, 65535, 65535 }, { 3, 5, 0, 0 } };
	struct fixture f;
	struct hb_packet after;

	for (size_t i = 0; i < sizeof(to_client) / sizeof(to_client[0]); i++) {
		f = tcp(HB_TCP_ACK, 1, to_client[i].window, NULL);
		f.translation.honeypot_shift = to_client[i].honeypot;
		f.translation.shown_shift = to_client[i].shown;
		after = translated(&f, false);
		ck_assert_uint_eq(after.window, to_client[i].expected);
		free(f.dgram.data);
	}
	/* The other way it changes only if the honeypot refused to scale. */
	f = tcp(HB_TCP_ACK, 6000, 500, NULL);
	f.translation.client_shift = 3;
	ck_assert_uint_eq(translated(&f, true).window, 500);
	free(f.dgram.data);
	f = tcp(HB_TCP_ACK, 6000, 500, NULL);
	f.translation.client_shift = 3;
	f.translation.lacks = HB_TCPOPT_WSCALE;
	ck_assert_uint_eq(translated(&f, true).window, 4000);
	free(f.dgram.data);
}
END_TEST

START_TEST(the_ttl_stays_within_a_byte)
{
	static const struct {
		int16_t difference;
		uint8_t expected;
	} cases[] = { { 0, 60 },    { 4, 64 },  { -4, 56 }, { 195, 255 }, { 196, 255 },
		      { 254, 255 }, { -59, 1 }, { -60, 1 }, { -254, 1 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f = tcp(HB_TCP_ACK, 1, 7, NULL);

		f.translation.ttl_difference = cases[i].difference;
		ck_assert_uint_eq(translated(&f, false).ttl, cases[i].expected);
		free(f.dgram.data);
	}
}
END_TEST

/* At any place, odd or even, in a packet of any length; nothing beyond is touched or read. */
START_TEST(any_bytes_may_be_edited)
{
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct fixture f = make(seed, true);
		struct hb_edit edit;
		size_t at = f.packet.payload_offset;

		if (f.packet.payload_len > 0 && f.kind != KIND_ECHO) {
			at += unit_random_below(&f.random, f.packet.payload_len);
			hb_edit_begin(&edit, &f.dgram, &f.packet);
			hb_edit_u8(&edit, at, (uint8_t)unit_random(&f.random));
			hb_edit_u8(&edit, f.dgram.len - 1, 0x77);
			unit_require(hb_edit_finish(&edit) == HB_ACCEPT_MODIFIED);
			unit_require(f.dgram.data[f.dgram.len - 1] == 0x77);
			unit_require(sums_are_right(&f));
		}
		free(f.dgram.data);
	}
}
END_TEST

/* Options of an IPv4 header: some that tell or choose the way, at even and odd places, some not. */
static const struct {
	uint8_t before[20], after[20];
	bool refused; /* by servers: what a client sends stays, or they would take it */
} routes[] = {
	{ { 7, 7, 8, 10, 9, 0, 1, 0 }, { 1, 1, 1, 1, 1, 1, 1, 0 } },
	{ { 1, 68, 8, 9, 0, 1, 2, 3, 4, 0 }, { 1, 1, 1, 1, 1, 1, 1, 1, 1, 0 } },
	{ { 1, 1, 131, 7, 4, 10, 9, 0, 2, 0 }, { 1, 1, 1, 1, 1, 1, 1, 1, 1, 0 }, true },
	{ { 137, 3, 4, 7, 3, 4 }, { 1, 1, 1, 1, 1, 1 }, true },
	{ { 148, 4, 0, 0, 7, 3, 4, 0 }, { 148, 4, 0, 0, 1, 1, 1, 0 } }, /* router alert */
	{ { 148, 4, 7, 3, 0, 7, 3, 4 }, { 148, 4, 7, 3, 0, 7, 3, 4 } }, /* behind the end */
	{ { 7, 21 }, { 7, 21 }, true },                                 /* longer than there is */
	{ { 30, 0, 7, 3, 4 }, { 30, 0, 7, 3, 4 }, true },
	{ { [19] = 7 }, { [19] = 7 } },
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

/* Into the packet, whose memory stays as long as it is exactly. */
static void insert_options(struct fixture *f, const uint8_t options[20])
{
	size_t len = f->dgram.len + 20;
	uint8_t *data = malloc(len);

	unit_require(data != NULL);
	memcpy(data, f->dgram.data, 20);
	memcpy(data + 20, options, 20);
	memcpy(data + 40, f->dgram.data + 20, f->dgram.len - 20);
	data[0] = 0x4a;
	hb_put_be16(data + 2, (uint16_t)len);
	hb_checksum_fill_ipv4(data, 40);
	free(f->dgram.data);
	f->dgram = (struct hb_datagram){ .data = data, .len = len, .cap = len };
}

START_TEST(options_tell_no_route)
{
	for (uint64_t seed = 0; seed < 1000; seed++) {
		bool from_client = seed & 1;
		struct fixture f = make(seed, from_client);
		size_t i = seed / 2 % ROUTES;
		bool stays = from_client && routes[i].refused;
		const uint8_t *want = stays ? routes[i].before : routes[i].after;

		if (f.version == 4) {
			insert_options(&f, routes[i].before);
			unit_require(translate(&f, from_client) == HB_ACCEPT_MODIFIED);
			unit_require(memcmp(f.dgram.data + 20, want, 20) == 0);
			unit_require(sums_are_right(&f));
			check_addresses(&f, from_client);
		}
		free(f.dgram.data);
	}
}
END_TEST

/* The attacked address is the frontend's own: nothing is translated. */
static void attack_frontend(struct fixture *f, bool from_client)
{
	f->flow.target = &f->target;
	f->flow.state = HB_STATE_PROXY;
	f->flow.attacked = f->target.frontend.addr;
	f->flow.attacked_port = f->target.frontend.port;
	f->translation = hb_translate_frontend(&f->flow);
	free(f->dgram.data);
	make_packet(f, from_client);
}

/* Where nothing is translated the way is the one that the addresses tell. */
START_TEST(options_stay_where_nothing_is_hidden)
{
	for (uint64_t seed = 0; seed < 100; seed++) {
		bool from_client = seed & 1;
		struct fixture f = make(seed, from_client);

		attack_frontend(&f, from_client);
		if (f.version == 4 && f.kind != KIND_ECHO) {
			insert_options(&f, routes[0].before);
			unit_require(translate(&f, from_client) == HB_ACCEPT);
			f.flow.state = HB_STATE_FORWARD;
			unit_require(translate(&f, from_client) == HB_ACCEPT_MODIFIED);
			unit_require(memcmp(f.dgram.data + 20, routes[0].after, 20) == 0);
			unit_require(sums_are_right(&f));
		}
		free(f.dgram.data);
	}
}
END_TEST

/* Where packets are tracked another address may be put in place of the frontend's, behind the engine. */
START_TEST(the_frontend_tells_no_route_where_it_may_be_another)
{
	for (uint64_t seed = 0; seed < 100; seed++) {
		bool from_client = seed & 1;
		struct fixture f = make(seed, from_client);

		attack_frontend(&f, from_client);
		if (f.version == 4 && f.kind != KIND_ECHO) {
			insert_options(&f, routes[0].before);
			f.dgram.tracked = true;
			unit_require(translate(&f, from_client) ==
				     (from_client ? HB_ACCEPT : HB_ACCEPT_MODIFIED));
			unit_require(sums_are_right(&f));
		}
		free(f.dgram.data);
	}
}
END_TEST

UNIT_MAIN("translate", options_tell_no_route, the_frontend_tells_no_route_where_it_may_be_another,
	  options_stay_where_nothing_is_hidden, there_and_back_is_where_it_was,
	  a_wrong_sum_stays_wrong, an_unfinished_sum_is_finished, a_super_packets_sum_is_left_alone,
	  nothing_to_change_is_accepted_as_it_is, a_udp_sum_is_never_0,
	  the_frontend_needs_addresses_only, numbers_shift,
	  an_ack_is_never_below_the_first_byte_that_counts, a_bare_reset_has_no_ack,
	  sack_blocks_shift, sack_may_have_to_go, windows_have_edges,
	  windows_are_scaled_as_the_reader_expects, the_ttl_stays_within_a_byte,
	  any_bytes_may_be_edited)
