/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors that quote packets of a translated flow, whole and cut short. */
#include "icmp_fixture.h"

/* The quoted packet's IP header and eight bytes must be there to tell whose it is. */
static size_t least(const struct family *family)
{
	return family->version == 4 ? 28 : 48;
}

START_TEST(a_honeypots_error_becomes_the_attacked_ones)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family *family = &families[i];
		const struct rig_tcp as_seen = { family->client, family->frontend, PA, 1001, 5001,
						 "hello",        .to_port = 8080 };
		uint8_t quoted[2048];
		size_t whole = rig_build_tcp(quoted, &as_seen);
		struct rig rig;

		open_session(&rig, family, "third");
		for (size_t len = 0; len <= whole; len++) {
			enum hb_verdict verdict =
				send_error(&rig, &(struct error){ family->frontend, family->client,
								  .quoted = quoted, .len = len });
			if (len < least(family)) {
				unit_require(verdict == HB_DROP);
				continue;
			}
			unit_require(verdict == HB_ACCEPT_MODIFIED);
			unit_require(is(&rig.packet.src, family->attacked));
			unit_require(is(&rig.packet.dst, family->client));
			check_quoted(&rig, family->client, RIG_CLIENT_PORT, family->attacked,
				     RIG_SERVER_PORT);
			unit_require(rig.packet.payload_len == len);
		}
		rig_close(&rig);
	}
}
END_TEST

START_TEST(an_error_from_outside_reaches_the_frontend)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family *family = &families[i];
		const struct rig_tcp as_seen = { family->attacked, family->client, PA, 5001, 1001,
						 "hello" };
		uint8_t quoted[2048];
		size_t whole = rig_build_tcp(quoted, &as_seen);
		struct rig rig;

		open_session(&rig, family, "third");
		for (size_t len = 0; len <= whole; len++) {
			const struct error error = { family->router, family->attacked,
						     .quoted = quoted, .len = len };
			enum hb_verdict verdict = send_error(&rig, &error);

			if (len < least(family)) {
				unit_require(verdict == HB_DROP);
				continue;
			}
			unit_require(verdict == HB_ACCEPT_MODIFIED);
			unit_require(is(&rig.packet.src, family->router));
			unit_require(is(&rig.packet.dst, family->frontend));
			check_quoted(&rig, family->frontend, 8080, family->client, RIG_CLIENT_PORT);
		}
		rig_close(&rig);
	}
}
END_TEST

/* Linux looks at the quoted number. */
START_TEST(after_a_handover_the_number_is_the_backends)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family *family = &families[i];
		const struct rig_tcp as_seen = { family->attacked, family->client, PA, 5001, 1001,
						 "hello" };
		uint8_t quoted[2048];
		size_t whole = rig_build_tcp(quoted, &as_seen);
		struct rig rig;

		open_session(&rig, family, "yes");
		rig_tcp(&rig, &(struct rig_tcp){ family->backend, family->client, SA, 9000, 1001 });
		ck_assert_int_eq(rig.state, HB_STATE_FORWARD);
		for (size_t len = least(family); len <= whole; len++) {
			const struct error error = { family->router, family->attacked,
						     .quoted = quoted, .len = len };
			struct hb_packet inner;

			unit_require(send_error(&rig, &error) == HB_ACCEPT_MODIFIED);
			unit_require(is(&rig.packet.dst, family->backend));
			inner = check_quoted(&rig, family->backend, RIG_SERVER_PORT, family->client,
					     RIG_CLIENT_PORT);
			unit_require(inner.seq == 9001);
		}
		rig_close(&rig);
	}
}
END_TEST

/* Who does not serve any more has nothing to tell. */
START_TEST(a_former_frontends_error_is_dropped)
{
	const struct family *family = &families[0];
	const struct rig_tcp to_frontend = { family->client, family->frontend, PA, 1001, 5001,
					     "hello",        .to_port = 8080 };
	const struct rig_tcp to_backend = {
		family->client, family->backend, PA, 1001, 9001, "hello"
	};
	uint8_t quoted[2048];
	struct error error = { family->frontend, family->client, .quoted = quoted };
	struct rig rig;

	open_session(&rig, family, "yes");
	rig_tcp(&rig, &(struct rig_tcp){ family->backend, family->client, SA, 9000, 1001 });
	error.len = rig_build_tcp(quoted, &to_frontend);
	ck_assert_int_eq(send_error(&rig, &error), HB_DROP);
	error.from = family->backend;
	error.len = rig_build_tcp(quoted, &to_backend);
	ck_assert_int_eq(send_error(&rig, &error), HB_ACCEPT_MODIFIED);
	check_quoted(&rig, family->client, RIG_CLIENT_PORT, family->attacked, RIG_SERVER_PORT);
	rig_close(&rig);
}
END_TEST

static size_t quote_of_client(uint8_t quoted[2048])
{
	return rig_build_tcp(quoted, &(struct rig_tcp){ RIG_CLIENT, RIG_FRONTEND, ACK, 1001, 5001,
							.to_port = 8080 });
}

/* Whatever it quotes: who may be told is who sent it. */
START_TEST(a_honeypot_tells_nobody_else)
{
	uint8_t quoted[2048];
	struct error error = { RIG_FRONTEND, OUTSIDE, .quoted = quoted };
	struct rig rig;

	open_session(&rig, &families[0], "third");
	error.len = quote_of_client(quoted);
	ck_assert_int_eq(send_error(&rig, &error), HB_DROP);
	error.from = RIG_BACKEND; /* not its packet */
	error.to = RIG_CLIENT;
	ck_assert_int_eq(send_error(&rig, &error), HB_DROP);
	error.from = RIG_FRONTEND;
	ck_assert_int_eq(send_error(&rig, &error), HB_ACCEPT_MODIFIED);
	ck_assert_uint_eq(rig_counters(&rig).contained, 2);
	rig_close(&rig);
}
END_TEST

START_TEST(nothing_is_told_of_what_was_refused)
{
	uint8_t quoted[2048];
	struct error error = { RIG_FRONTEND, OUTSIDE, .quoted = quoted };
	struct rig rig;

	rig_open(&rig);
	rig_start(&rig);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, OUTSIDE, SYN, 1, .from_port = 1234,
					 .to_port = 80 });
	ck_assert_int_eq(rig.state, HB_STATE_CONTROL);
	error.len =
		rig_build_tcp(quoted, &(struct rig_tcp){ OUTSIDE, RIG_FRONTEND, SA, 1, 2, "made up",
							 .from_port = 80, .to_port = 1234 });
	ck_assert_int_eq(send_error(&rig, &error), HB_DROP);
	/* Nor does an answer come in to what never left. */
	error.from = OUTSIDE;
	error.to = RIG_FRONTEND;
	error.len = rig_build_tcp(quoted, &(struct rig_tcp){ RIG_FRONTEND, OUTSIDE, SYN, 1,
							     .from_port = 1234, .to_port = 80 });
	ck_assert_int_eq(send_error(&rig, &error), HB_DROP);
	rig_close(&rig);
}
END_TEST

/* An error that this host sends about packets of its own goes its way; a honeypot's never. */
START_TEST(errors_about_nothing)
{
	static const struct {
		const char *from;
		uint32_t in_interface;
		enum hb_verdict verdict;
	} cases[] = { { ROUTER, 0, HB_ACCEPT },
		      { ROUTER, 1, HB_DROP },
		      { RIG_FRONTEND, 0, HB_DROP },
		      { RIG_FRONTEND, 1, HB_DROP },
		      { RIG_BACKEND, 0, HB_DROP } };
	uint8_t quoted[2048], buf[2048];
	size_t whole = rig_build_tcp(quoted, &(struct rig_tcp){ OUTSIDE, ROUTER, ACK, 1, 2 });

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t len = 0; len <= whole; len += whole) { /* nothing quoted, and all */
			const struct error error = { cases[i].from, OUTSIDE, .quoted = quoted,
						     .len = len };
			const struct hb_datagram as = { .in_interface = cases[i].in_interface };
			struct rig rig;

			rig_backend(rig_open(&rig), RIG_BACKEND, "yes");
			rig_start(&rig);
			ck_assert_int_eq(rig_input(&rig, buf, build_error(buf, &error), &as),
					 cases[i].verdict);
			rig_close(&rig);
		}
	}
}
END_TEST

/* All that an attacker can compare with what it has sent: the rest of a TCP header that is quoted whole. */
START_TEST(rule_28_a_quoted_header_has_the_clients_numbers)
{
	const struct hb_tcp_options offer = { .present = HB_TCPOPT_MSS | HB_TCPOPT_TIMESTAMP |
							 HB_TCPOPT_SACK_OK,
					      .mss = 1460,
					      .tsval = 70000 };
	struct hb_tcp_options options = { .present = HB_TCPOPT_TIMESTAMP | HB_TCPOPT_SACK,
					  .sack_count = 1 };
	const struct family *family = &families[0];
	uint8_t quoted[2048];
	struct rig rig;

	rig_open_empty(&rig);
	rig_backend(rig_target(&rig, family->filter, family->frontend_at), family->backend, "yes");
	rig_start(&rig);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, SYN, 1000, .options = offer });
	options.tsval = 900;
	options.tsecr = 70000;
	options.present = offer.present;
	options.mss = 1460;
	rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, SA, 5000, 1001,
					 .from_port = 8080, .options = options });
	options = (struct hb_tcp_options){ .present = HB_TCPOPT_TIMESTAMP,
					   .tsval = 70001,
					   .tsecr = 900 };
	rig_tcp(&rig,
		&(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, ACK, 1001, 5001, .options = options });
	options = offer;
	options.tsval = 500000;
	options.tsecr = 70001;
	rig_tcp(&rig,
		&(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, SA, 9000, 1001, .options = options });
	ck_assert_int_eq(rig.state, HB_STATE_FORWARD);
	options = (struct hb_tcp_options){ .present = HB_TCPOPT_TIMESTAMP | HB_TCPOPT_SACK,
					   .tsval = 70002,
					   .tsecr = 905,
					   .sack_count = 1 };
	options.sack[0].left = 5100;
	options.sack[0].right = 5200;
	const struct rig_tcp sent = { RIG_CLIENT, RIG_ATTACKED,      PA, 1001, 5001,
				      "hello",    .options = options };
	ck_assert_int_eq(rig_tcp(&rig, &sent), HB_ACCEPT_MODIFIED);
	ck_assert_uint_eq(rig.packet.ack, 9001);
	ck_assert_uint_eq(rig.packet.options.sack[0].left, 9100);
	ck_assert_uint_ne(rig.packet.options.tsecr, 905);
	memcpy(quoted, rig.data, rig.len);
	ck_assert_int_eq(
		send_error(&rig, &(struct error){ RIG_BACKEND, RIG_CLIENT, .quoted = quoted,
						  .len = rig.packet.len }),
		HB_ACCEPT_MODIFIED);
	check_quoted(&rig, RIG_CLIENT, RIG_CLIENT_PORT, RIG_ATTACKED, RIG_SERVER_PORT);
	uint8_t as_sent[2048];
	size_t len = rig_build_tcp(as_sent, &sent);
	ck_assert_uint_eq(rig.packet.payload_len, len);
	ck_assert_mem_eq(rig.data + rig.packet.quoted_offset, as_sent, len);
	rig_close(&rig);
}
END_TEST

/* Our name server cannot be reached: the honeypot hears it of the one that it asked. */
START_TEST(an_error_about_a_diverted_flow_names_who_was_asked)
{
	struct rig rig;
	struct hb_target *target = rig_open(&rig);
	uint8_t quoted[2048];
	struct hb_build_ip as_seen = rig_ip(RIG_FRONTEND, 5000, "10.8.0.53", 53);
	struct hb_build_ip as_sent = rig_ip(RIG_FRONTEND, 5000, OUTSIDE, 53);
	size_t len;

	rig_instance(&rig, "dns", "dns_control", "ip", "10.8.0.53");
	ck_assert_int_eq(hb_target_set_control(target, "dns", NULL), 0);
	rig_start(&rig);
	len = hb_build_udp(quoted, sizeof(quoted), &as_sent, (const uint8_t *)"who", 3);
	ck_assert_int_eq(rig_input(&rig, quoted, len, &(struct hb_datagram){ .in_interface = 1 }),
			 HB_ACCEPT_MODIFIED);
	/* About a packet that never got there. */
	ck_assert_int_eq(send_error(&rig, &(struct error){ ROUTER, RIG_FRONTEND, .quoted = quoted,
							   .len = len }),
			 HB_DROP);
	len = hb_build_udp(quoted, sizeof(quoted), &as_seen, (const uint8_t *)"who", 3);
	ck_assert_int_eq(send_error(&rig, &(struct error){ "10.8.0.53", RIG_FRONTEND,
							   .quoted = quoted, .len = len }),
			 HB_ACCEPT_MODIFIED);
	ck_assert(is(&rig.packet.src, OUTSIDE));
	ck_assert(is(&rig.packet.dst, RIG_FRONTEND));
	check_quoted(&rig, RIG_FRONTEND, 5000, OUTSIDE, 53);
	hb_put_be16(quoted + 26, 0); /* no sum at all: none is made up */
	ck_assert_int_eq(send_error(&rig, &(struct error){ "10.8.0.53", RIG_FRONTEND,
							   .quoted = quoted, .len = len }),
			 HB_ACCEPT_MODIFIED);
	ck_assert_uint_eq(hb_get_be16(rig.data + rig.packet.quoted_offset + 26), 0);
	/* The honeypot's own, about an answer that came too late: not for who was asked. */
	as_sent = rig_ip(OUTSIDE, 53, RIG_FRONTEND, 5000);
	len = hb_build_udp(quoted, sizeof(quoted), &as_sent, (const uint8_t *)"you", 3);
	ck_assert_int_eq(send_error(&rig, &(struct error){ RIG_FRONTEND, OUTSIDE, .quoted = quoted,
							   .len = len }),
			 HB_ACCEPT_MODIFIED);
	ck_assert(is(&rig.packet.src, RIG_FRONTEND));
	ck_assert(is(&rig.packet.dst, "10.8.0.53"));
	check_quoted(&rig, "10.8.0.53", 53, RIG_FRONTEND, 5000);
	ck_assert_uint_eq(rig_counters(&rig).flows, 1);
	rig_close(&rig);
}
END_TEST

/* Room for one address, which a router on the honeypot's side took. */
static size_t insert_route(uint8_t *buf, size_t len)
{
	static const uint8_t route[] = { 7, 7, 8, 10, 9, 0, 1, 0 };

	memmove(buf + 20 + sizeof(route), buf + 20, len - 20);
	memcpy(buf + 20, route, sizeof(route));
	len += sizeof(route);
	buf[0] = 0x47;
	hb_put_be16(buf + 2, (uint16_t)len);
	hb_checksum_fill_ipv4(buf, 28);
	return len;
}

static void check_nops(const uint8_t *header)
{
	ck_assert_uint_eq(header[0], 0x47);
	for (size_t i = 20; i < 27; i++)
		ck_assert_uint_eq(header[i], 1);
	ck_assert_uint_eq(hb_checksum_fold(hb_checksum_add(0, header, 28)), UINT16_MAX);
}

START_TEST(options_tell_no_route_inside_and_out)
{
	const struct hb_datagram as = { .in_interface = 1 };
	uint8_t quoted[2048], buf[2048];
	struct error error = { RIG_FRONTEND, RIG_CLIENT, .quoted = quoted };
	struct rig rig;
	size_t len;

	open_session(&rig, &families[0], "third");
	error.len = insert_route(quoted, quote_of_client(quoted));
	len = insert_route(buf, build_error(buf, &error));
	ck_assert_int_eq(rig_input(&rig, buf, len, &as), HB_ACCEPT_MODIFIED);
	ck_assert(hb_packet_checksum_ok(&rig.packet));
	check_nops(rig.data);
	check_nops(rig.data + rig.packet.quoted_offset);
	rig_close(&rig);
}
END_TEST

/* Nothing is translated here, but behind the engine, if packets are tracked. */
START_TEST(the_frontends_options_tell_no_route_where_packets_are_tracked)
{
	uint8_t quoted[2048], buf[2048];
	struct error error = { RIG_FRONTEND, RIG_CLIENT, .quoted = quoted };
	const struct rig_tcp sent = { RIG_CLIENT, RIG_FRONTEND, PA, 1001, 5001, .to_port = 8080 };

	for (unsigned tracked = 0; tracked < 2; tracked++) {
		const struct hb_datagram as = { .in_interface = 1, .tracked = tracked };
		struct rig rig;

		rig_open_empty(&rig);
		rig_backend(rig_target(&rig, "ip", "10.9.0.2:8080"), RIG_BACKEND, "no");
		rig_start(&rig);
		rig_tcp(&rig,
			&(struct rig_tcp){ RIG_CLIENT, RIG_FRONTEND, SYN, 1000, .to_port = 8080 });
		error.len = insert_route(quoted, rig_build_tcp(quoted, &sent));
		ck_assert_int_ne(rig_input(&rig, buf, build_error(buf, &error), &as), HB_DROP);
		if (tracked)
			check_nops(rig.data + rig.packet.quoted_offset);
		else
			ck_assert_uint_eq(rig.data[rig.packet.quoted_offset + 20], 7);
		rig_close(&rig);
	}
}
END_TEST

/* Of a device that would finish the sum nothing is wrong yet. */
START_TEST(a_wrong_sum_is_refused)
{
	struct hb_datagram as = { .in_interface = 1 };
	uint8_t quoted[2048], buf[2048];
	struct error error = { RIG_FRONTEND, RIG_CLIENT, .quoted = quoted };
	struct rig rig;
	size_t len;

	open_session(&rig, &families[0], "third");
	error.len = quote_of_client(quoted);
	len = build_error(buf, &error);
	buf[22] ^= 0x55;
	ck_assert_int_eq(rig_input(&rig, buf, len, &as), HB_DROP);
	ck_assert_uint_eq(rig_counters(&rig).malformed, 1);
	as.checksum = HB_CHECKSUM_PARTIAL;
	ck_assert_int_eq(rig_input(&rig, buf, len, &as), HB_ACCEPT_MODIFIED);
	ck_assert(hb_packet_checksum_ok(&rig.packet));
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("icmp", the_frontends_options_tell_no_route_where_packets_are_tracked,
	  options_tell_no_route_inside_and_out, a_wrong_sum_is_refused,
	  an_error_about_a_diverted_flow_names_who_was_asked,
	  a_honeypots_error_becomes_the_attacked_ones, an_error_from_outside_reaches_the_frontend,
	  after_a_handover_the_number_is_the_backends, a_former_frontends_error_is_dropped,
	  a_honeypot_tells_nobody_else, nothing_is_told_of_what_was_refused, errors_about_nothing,
	  rule_28_a_quoted_header_has_the_clients_numbers)
