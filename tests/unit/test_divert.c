/* SPDX-License-Identifier: BSD-2-Clause */
/* What a honeypot starts, led to somebody else by its control rule. */
#include "rig.h"

#include <errno.h>

#define OUTSIDE "10.7.7.7"
#define INSIDE "10.8.0.53"

#define SYN HB_TCP_SYN
#define ACK HB_TCP_ACK
#define SA (HB_TCP_SYN | HB_TCP_ACK)

/* Leads all away that it is asked about, if it is told to. */
static struct {
	struct hb_endpoint to;
	bool wants;
	int result;
} guide;

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	(void)state;
	guide.result = guide.wants ? hb_query_divert(query, &guide.to) : 0;
	return guide.result == 0 ? HB_DECISION_ACCEPT : HB_DECISION_REJECT;
}

static const struct hb_module guiding = {
	.abi = HB_MODULE_ABI, .flags = HB_MODULE_DIVERTS, .name = "guiding", .decide = decide
};

static void open_with(struct rig *rig, const char *control)
{
	struct hb_target *target = rig_open(rig);

	guide.to = rig_endpoint(INSIDE);
	guide.wants = true;
	rig_backend(target, RIG_BACKEND, "third");
	ck_assert_int_eq(hb_policy_add_instance(rig->policy, "guide", &guiding, NULL, 0, NULL), 0);
	ck_assert_int_eq(hb_target_set_control(target, control, NULL), 0);
}

static enum hb_verdict send(struct rig *rig, uint16_t port, const char *to, uint8_t flags)
{
	return rig_tcp(rig, &(struct rig_tcp){ RIG_BACKEND, to, flags, 1000, 5001,
					       .from_port = port, .to_port = 25 });
}

static enum hb_verdict answer(struct rig *rig, const char *from, uint16_t port, uint8_t flags)
{
	return rig_tcp(rig, &(struct rig_tcp){ from, RIG_BACKEND, flags, 5000, 1001,
					       .from_port = 25, .to_port = port });
}

static void check_packet(const struct rig *rig, const char *src, uint16_t src_port, const char *dst,
			 uint16_t dst_port)
{
	struct hb_addr from = rig_addr(src), to = rig_addr(dst);

	ck_assert(hb_addr_equal(&rig->packet.src, &from));
	ck_assert(hb_addr_equal(&rig->packet.dst, &to));
	ck_assert_uint_eq(rig->packet.src_port, src_port);
	ck_assert_uint_eq(rig->packet.dst_port, dst_port);
	ck_assert(hb_packet_checksum_ok(&rig->packet));
}

START_TEST(a_flow_goes_to_somebody_else_and_back)
{
	struct rig rig;

	open_with(&rig, "guide");
	rig_start(&rig);
	ck_assert_int_eq(send(&rig, 1234, OUTSIDE, SYN), HB_ACCEPT_MODIFIED);
	check_packet(&rig, RIG_BACKEND, 1234, INSIDE, 25);
	ck_assert_int_eq(answer(&rig, INSIDE, 1234, SA), HB_ACCEPT_MODIFIED);
	check_packet(&rig, OUTSIDE, 25, RIG_BACKEND, 1234);
	ck_assert_int_eq(send(&rig, 1234, OUTSIDE, ACK), HB_ACCEPT_MODIFIED);
	check_packet(&rig, RIG_BACKEND, 1234, INSIDE, 25);
	ck_assert_uint_eq(rig_counters(&rig).flows, 1);
	ck_assert_uint_eq(rig_counters(&rig).contained, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(a_port_may_be_changed_too)
{
	struct rig rig;

	open_with(&rig, "guide");
	guide.to.port = 2525;
	rig_start(&rig);
	send(&rig, 1234, OUTSIDE, SYN);
	check_packet(&rig, RIG_BACKEND, 1234, INSIDE, 2525);
	rig_close(&rig);
}
END_TEST

/* Who was asked, and never heard of it. */
START_TEST(who_was_asked_cannot_answer)
{
	struct rig rig;

	open_with(&rig, "guide");
	rig_start(&rig);
	send(&rig, 1234, OUTSIDE, SYN);
	ck_assert_int_eq(answer(&rig, OUTSIDE, 1234, SA), HB_DROP);
	ck_assert_uint_eq(rig_counters(&rig).contained, 1);
	ck_assert_uint_eq(rig_counters(&rig).flows, 1);
	rig_close(&rig);
}
END_TEST

/* One port of the honeypot's towards two: towards the one of ours that would be one leg. */
START_TEST(two_flows_do_not_share_a_leg)
{
	struct rig rig;
	uint16_t port;

	open_with(&rig, "guide");
	rig_start(&rig);
	send(&rig, 1234, OUTSIDE, SYN);
	ck_assert_int_eq(send(&rig, 1234, "10.7.7.8", SYN), HB_ACCEPT_MODIFIED);
	port = rig.packet.src_port;
	ck_assert_uint_ne(port, 1234);
	check_packet(&rig, RIG_BACKEND, port, INSIDE, 25);
	answer(&rig, INSIDE, port, SA);
	check_packet(&rig, "10.7.7.8", 25, RIG_BACKEND, 1234);
	answer(&rig, INSIDE, 1234, SA);
	check_packet(&rig, OUTSIDE, 25, RIG_BACKEND, 1234);
	rig_close(&rig);
}
END_TEST

START_TEST(somebody_may_be_asked_directly)
{
	struct rig rig;

	open_with(&rig, "guide");
	rig_start(&rig);
	ck_assert_int_eq(send(&rig, 1234, INSIDE, SYN), HB_ACCEPT);
	ck_assert_int_eq(answer(&rig, INSIDE, 1234, SA), HB_ACCEPT);
	rig_close(&rig);
}
END_TEST

/* A rule that does not accept leads nobody anywhere, and what is led away stays so. */
START_TEST(the_whole_rule_must_accept)
{
	struct rig rig;

	open_with(&rig, "guide and third");
	rig_start(&rig);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(send(&rig, 1234, OUTSIDE, SYN), HB_DROP);
	ck_assert_int_eq(send(&rig, 1234, OUTSIDE, SYN), HB_ACCEPT_MODIFIED);
	guide.wants = false;
	ck_assert_int_eq(send(&rig, 1234, OUTSIDE, ACK), HB_ACCEPT_MODIFIED);
	check_packet(&rig, RIG_BACKEND, 1234, INSIDE, 25);
	rig_close(&rig);
}
END_TEST

START_TEST(what_was_refused_is_not_led_away_later)
{
	struct rig rig;

	open_with(&rig, "guide and third");
	rig_start(&rig);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(send(&rig, 1234, OUTSIDE, SYN), HB_DROP);
	guide.wants = false;
	ck_assert_int_eq(send(&rig, 1234, OUTSIDE, SYN), HB_ACCEPT);
	rig_close(&rig);
}
END_TEST

/* In the middle of a connection another end would make no sense. */
START_TEST(what_got_out_is_not_led_away)
{
	struct rig rig;

	open_with(&rig, "guide");
	rig_start(&rig);
	guide.wants = false;
	ck_assert_int_eq(send(&rig, 1234, OUTSIDE, SYN), HB_ACCEPT);
	guide.wants = true;
	ck_assert_int_eq(send(&rig, 1234, OUTSIDE, ACK), HB_DROP);
	ck_assert_int_eq(guide.result, -EINVAL);
	guide.wants = false;
	ck_assert_int_eq(send(&rig, 1234, OUTSIDE, ACK), HB_ACCEPT);
	rig_close(&rig);
}
END_TEST

START_TEST(versions_are_not_mixed)
{
	struct rig rig;

	open_with(&rig, "guide");
	guide.to = rig_endpoint("2001:db8::53");
	rig_start(&rig);
	ck_assert_int_eq(send(&rig, 1234, OUTSIDE, SYN), HB_DROP);
	ck_assert_int_eq(guide.result, -EINVAL);
	rig_close(&rig);
}
END_TEST

/* It has no ports by which answers could be told. */
START_TEST(a_ping_is_not_led_away)
{
	struct rig rig;
	uint8_t buf[2048];
	struct hb_packet packet;
	struct hb_build_ip ip = rig_ip(RIG_BACKEND, 1, OUTSIDE, 1);
	size_t len = hb_build_udp(buf, sizeof(buf), &ip, (const uint8_t *)"ping", 4);

	buf[9] = HB_PROTO_ICMP;
	memset(buf + 20, 0, 8);
	buf[20] = 8;
	hb_checksum_fill_ipv4(buf, 20);
	ck_assert_int_eq(hb_packet_parse(buf, len, &packet), 0);
	hb_checksum_fill_l4(buf, &packet);
	open_with(&rig, "guide");
	rig_start(&rig);
	ck_assert_int_eq(rig_input(&rig, buf, len, &(struct hb_datagram){ .in_interface = 1 }),
			 HB_DROP);
	ck_assert_int_eq(guide.result, -EINVAL);
	rig_close(&rig);
}
END_TEST

/* Nothing is translated there: who answered in the capture is who was asked. */
START_TEST(a_dry_run_leads_nobody_away)
{
	struct rig rig;

	open_with(&rig, "guide");
	rig.dry_run = true;
	rig_start(&rig);
	ck_assert_int_eq(send(&rig, 1234, OUTSIDE, SYN), HB_ACCEPT);
	ck_assert_int_eq(answer(&rig, OUTSIDE, 1234, SA), HB_ACCEPT);
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("divert", a_flow_goes_to_somebody_else_and_back, a_port_may_be_changed_too,
	  who_was_asked_cannot_answer, two_flows_do_not_share_a_leg, somebody_may_be_asked_directly,
	  the_whole_rule_must_accept, what_was_refused_is_not_led_away_later,
	  what_got_out_is_not_led_away, versions_are_not_mixed, a_ping_is_not_led_away,
	  a_dry_run_leads_nobody_away)
