/* SPDX-License-Identifier: BSD-2-Clause */
/* What a honeypot could try to get out with, or to keep attackers out with. */
#include "rig.h"

#define ACCOMPLICE "10.7.7.7"
#define UNREACHABLE 3 /* RFC 792 */
#define SOLICITATION 135
#define PROTO_GRE 47

#define SYN HB_TCP_SYN
#define ACK HB_TCP_ACK
#define SA (HB_TCP_SYN | HB_TCP_ACK)

struct message {
	const char *from, *to;
	uint8_t protocol;
	uint8_t type, code, ttl;
	const uint8_t *data; /* behind the first eight bytes */
	size_t len;
};

/* UDP's header is as long as that of ICMP and is overwritten with it. */
static enum hb_verdict send_message(struct rig *rig, const struct message *message)
{
	uint8_t buf[2048];
	struct hb_build_ip ip = { .src.addr = rig_addr(message->from),
				  .dst.addr = rig_addr(message->to),
				  .ttl = message->ttl ? message->ttl : 64 };
	size_t len = hb_build_udp(buf, sizeof(buf), &ip, message->data, message->len);
	size_t l4 = len - message->len - 8;
	struct hb_packet packet;

	memset(buf + l4, 0, 8);
	buf[l4] = message->type;
	buf[l4 + 1] = message->code;
	buf[l4 == 20 ? 9 : 6] = message->protocol;
	if (l4 == 20)
		hb_checksum_fill_ipv4(buf, 20);
	ck_assert_int_eq(hb_packet_parse(buf, len, &packet), 0);
	if (message->protocol != PROTO_GRE)
		hb_checksum_fill_l4(buf, &packet);
	return rig_input(rig, buf, len, &(struct hb_datagram){ .in_interface = 1 });
}

/* Says that a packet could not be delivered, which the teller may have made up. */
static enum hb_verdict tell(struct rig *rig, const char *from, const char *to,
			    const struct rig_tcp *quoted)
{
	uint8_t buf[2048];
	size_t len = rig_build_tcp(buf, quoted);
	struct message message = { .from = from, .to = to, .data = buf, .len = len };

	message.protocol = HB_PROTO_ICMP;
	message.type = UNREACHABLE;
	message.code = 3;
	return send_message(rig, &message);
}

static void open_session(struct rig *rig)
{
	rig_backend(rig_open(rig), RIG_BACKEND, "third");
	rig_start(rig);
	rig_handshake(rig);
}

/* A quotation of a live session does not lead an error to anybody but the session's client. */
START_TEST(a_forged_quotation_opens_no_way_out)
{
	const struct rig_tcp clients = { RIG_CLIENT, RIG_FRONTEND, ACK, 1001, 5001, "secret" };
	const struct rig_tcp accomplices = { ACCOMPLICE, RIG_FRONTEND, ACK, 1001, 5001, "secret" };
	struct hb_addr client;
	struct rig rig;

	open_session(&rig);
	ck_assert_int_eq(tell(&rig, RIG_FRONTEND, ACCOMPLICE, &clients), HB_DROP);
	ck_assert_int_eq(tell(&rig, RIG_FRONTEND, ACCOMPLICE, &accomplices), HB_DROP);
	ck_assert_int_eq(tell(&rig, RIG_BACKEND, RIG_CLIENT, &clients), HB_DROP);
	ck_assert_uint_eq(rig_counters(&rig).contained, 3);
	/* under other addresses */
	ck_assert_int_eq(tell(&rig, "10.1.0.7", ACCOMPLICE, &clients), HB_DROP);
	ck_assert_int_eq(tell(&rig, "10.1.0.7", ACCOMPLICE, &accomplices), HB_DROP);
	/* the one that may be told */
	ck_assert_int_eq(tell(&rig, RIG_FRONTEND, RIG_CLIENT, &clients), HB_ACCEPT_MODIFIED);
	client = rig_addr(RIG_CLIENT);
	ck_assert(hb_addr_equal(&rig.packet.dst, &client));
	rig_close(&rig);
}
END_TEST

/* Its own refused packet as the pretext, or the answer that there never was. */
START_TEST(a_refused_start_is_no_pretext)
{
	const struct rig_tcp start = { RIG_FRONTEND, ACCOMPLICE, SYN, 1, 0, NULL, 1234, 80 };
	const struct rig_tcp aside = { RIG_FRONTEND, RIG_BACKEND, SYN, 1, 0, "secret", 1234, 80 };
	const struct rig_tcp answer = { ACCOMPLICE, RIG_FRONTEND, SA, 1, 2, "secret", 80, 1234 };
	struct rig rig;

	open_session(&rig);
	ck_assert_int_eq(rig_tcp(&rig, &start), HB_DROP);
	ck_assert_int_eq(tell(&rig, RIG_FRONTEND, ACCOMPLICE, &answer), HB_DROP);
	ck_assert_int_eq(tell(&rig, RIG_FRONTEND, ACCOMPLICE, &start), HB_DROP);
	ck_assert_int_eq(tell(&rig, RIG_BACKEND, ACCOMPLICE, &answer), HB_DROP);
	/* nor from one honeypot to another */
	ck_assert_int_eq(rig_tcp(&rig, &aside), HB_DROP);
	ck_assert_int_eq(tell(&rig, RIG_BACKEND, RIG_FRONTEND, &aside), HB_DROP);
	rig_close(&rig);
}
END_TEST

/* What it tells strangers are packets of its own, and each of them is asked about. */
START_TEST(reports_to_strangers_are_asked_about)
{
	const struct rig_tcp made_up = { ACCOMPLICE, RIG_FRONTEND, ACK, 1, 2, "secret", 80, 1234 };
	struct hb_target *target;
	struct rig rig;

	target = rig_open(&rig);
	rig_instance(&rig, "two", "control", "max_packet", "2");
	ck_assert_int_eq(hb_target_set_control(target, "two", NULL), 0);
	rig_start(&rig);
	ck_assert_int_eq(tell(&rig, RIG_FRONTEND, ACCOMPLICE, &made_up), HB_ACCEPT);
	ck_assert_int_eq(tell(&rig, RIG_FRONTEND, ACCOMPLICE, &made_up), HB_ACCEPT);
	ck_assert_int_eq(tell(&rig, RIG_FRONTEND, ACCOMPLICE, &made_up), HB_DROP);
	rig_close(&rig);
}
END_TEST

static enum hb_verdict solicit(struct rig *rig, const char *to)
{
	static const uint8_t target[16];
	struct message message = { .from = "2001:db8:9::2", .to = to, .data = target, .len = 16 };

	message.protocol = HB_PROTO_ICMPV6;
	message.type = SOLICITATION;
	message.ttl = 255;
	return send_message(rig, &message);
}

/* It passes unasked on its own link, where it is needed, and nowhere else. */
START_TEST(neighbour_discovery_stays_on_its_link)
{
	struct rig rig;

	rig_open_empty(&rig);
	rig_target(&rig, "dst net 2001:db8:1::/64", "2001:db8:9::2");
	rig_start(&rig);
	ck_assert_int_eq(solicit(&rig, "2001:db8:5::5"), HB_DROP);
	/* site-local addresses and groups of more than a link are routed */
	ck_assert_int_eq(solicit(&rig, "fec0::1"), HB_DROP);
	ck_assert_int_eq(solicit(&rig, "ff05::2"), HB_DROP);
	ck_assert_int_eq(solicit(&rig, "ff0e::1"), HB_DROP);
	ck_assert_uint_eq(rig_counters(&rig).contained, 4);
	ck_assert_int_eq(solicit(&rig, "2001:db8:9::1"), HB_ACCEPT);
	ck_assert_int_eq(solicit(&rig, "fe80::1"), HB_ACCEPT);
	ck_assert_int_eq(solicit(&rig, "ff02::1:ff00:1"), HB_ACCEPT);
	rig_close(&rig);
}
END_TEST

/* The answer of a frontend with a port is no start of its own where the protocol knows no ports. */
START_TEST(what_has_no_ports_is_answered)
{
	struct message question = { .from = RIG_CLIENT, .to = RIG_ATTACKED, .protocol = PROTO_GRE };
	struct message answer = { .from = RIG_FRONTEND, .to = RIG_CLIENT, .protocol = PROTO_GRE };
	struct rig rig;

	rig_open_empty(&rig);
	rig_target(&rig, "dst net 10.1.0.0/16", "10.9.0.2:8080");
	rig_start(&rig);
	ck_assert_int_eq(send_message(&rig, &question), HB_ACCEPT_MODIFIED);
	ck_assert_int_eq(send_message(&rig, &answer), HB_ACCEPT_MODIFIED);
	ck_assert_uint_eq(rig_counters(&rig).contained, 0);
	rig_close(&rig);
}
END_TEST

/* Refused starts give way like any flow without a session; the table stays open for attackers. */
START_TEST(refused_starts_leave_room_for_attackers)
{
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "third");
	rig.options.max_flows = 8;
	rig_start(&rig);
	for (uint16_t port = 1; port <= 20; port++) {
		struct rig_tcp start = { RIG_BACKEND, ACCOMPLICE, SYN, 1, 0, NULL, port, 80 };

		ck_assert_int_eq(rig_tcp(&rig, &start), HB_DROP);
	}
	ck_assert_int_eq(rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, SYN, 1000 }),
			 HB_ACCEPT_MODIFIED);
	ck_assert_uint_eq(rig_counters(&rig).flows, 8);
	ck_assert_uint_eq(rig_counters(&rig).contained, 20);
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("containment", a_forged_quotation_opens_no_way_out, a_refused_start_is_no_pretext,
	  reports_to_strangers_are_asked_about, neighbour_discovery_stays_on_its_link,
	  what_has_no_ports_is_answered, refused_starts_leave_room_for_attackers)
