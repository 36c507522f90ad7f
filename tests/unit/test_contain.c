/* SPDX-License-Identifier: BSD-2-Clause */
/* What honeypots start: nothing leaves before a rule passed it. */
#include "contain.h"

#include "rig.h"

#define OUTSIDE "10.7.7.7"

#define SYN HB_TCP_SYN
#define ACK HB_TCP_ACK
#define SA (HB_TCP_SYN | HB_TCP_ACK)

/* From a honeypot's port 1234. */
static enum hb_verdict send(struct rig *rig, const char *from, uint8_t flags, uint32_t seq)
{
	return rig_tcp(rig, &(struct rig_tcp){ from, OUTSIDE, flags, seq, 5001, .from_port = 1234,
					       .to_port = 25 });
}

static enum hb_verdict answer(struct rig *rig, const char *to, uint8_t flags, uint32_t ack)
{
	return rig_tcp(rig, &(struct rig_tcp){ OUTSIDE, to, flags, 5000, ack, .from_port = 25,
					       .to_port = 1234 });
}

static void open_with(struct rig *rig, const char *control)
{
	struct hb_target *target = rig_open(rig);

	rig_backend(target, RIG_BACKEND, "third");
	if (control != NULL)
		ck_assert_int_eq(hb_target_set_control(target, control, NULL), 0);
}

START_TEST(without_a_rule_nothing_leaves)
{
	static const char *const rules[] = { NULL, "no", "third" }; /* the last one defers */

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct rig rig;

		open_with(&rig, rules[i]);
		rig_start(&rig);
		ck_assert_int_eq(send(&rig, RIG_FRONTEND, SYN, 1000), HB_DROP);
		ck_assert_int_eq(send(&rig, RIG_BACKEND, SYN, 1000), HB_DROP);
		ck_assert_int_eq(rig.state, HB_STATE_CONTROL);
		ck_assert_uint_eq(rig_counters(&rig).contained, 2);
		/* Nobody answers what was never asked. */
		ck_assert_int_eq(answer(&rig, RIG_BACKEND, SA, 1001), HB_DROP);
		rig_close(&rig);
	}
}
END_TEST

START_TEST(what_a_rule_lets_out_may_be_answered)
{
	struct rig rig;

	open_with(&rig, "yes");
	rig_start(&rig);
	ck_assert_int_eq(send(&rig, RIG_BACKEND, SYN, 1000), HB_ACCEPT);
	ck_assert_int_eq(answer(&rig, RIG_BACKEND, SA, 1001), HB_ACCEPT);
	ck_assert_int_eq(send(&rig, RIG_BACKEND, ACK, 1001), HB_ACCEPT);
	ck_assert_uint_eq(rig_counters(&rig).flows, 1);
	ck_assert_uint_eq(rig_counters(&rig).contained, 0);
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_STATE].flow.client_packets, 1);
	rig_close(&rig);
}
END_TEST

/* The rule is asked about every packet. */
START_TEST(a_rule_may_change_its_mind)
{
	struct rig rig;

	open_with(&rig, "not third"); /* accepts as little as it defers: never */
	rig_start(&rig);
	for (uint32_t i = 0; i < 6; i++)
		ck_assert_int_eq(send(&rig, RIG_BACKEND, SYN, 1000), HB_DROP);
	ck_assert_uint_eq(rig_counters(&rig).contained, 6);
	rig_close(&rig);
	open_with(&rig, "third");
	rig_start(&rig);
	for (uint32_t i = 0; i < 6; i++)
		ck_assert_int_eq(send(&rig, RIG_BACKEND, SYN, 1000), i < 3 ? HB_DROP : HB_ACCEPT);
	ck_assert_uint_eq(rig_counters(&rig).contained, 3);
	rig_close(&rig);
}
END_TEST

/* The option is about backends: "h.i.h." is one of high interaction. */
START_TEST(backends_may_be_denied_everything)
{
	struct rig rig;

	open_with(&rig, "yes");
	rig.options.deny_hih_init = true;
	rig_start(&rig);
	ck_assert_int_eq(send(&rig, RIG_BACKEND, SYN, 1000), HB_DROP);
	ck_assert_int_eq(send(&rig, RIG_FRONTEND, SYN, 1000), HB_ACCEPT);
	ck_assert_uint_eq(rig_counters(&rig).contained, 1);
	rig_close(&rig);
}
END_TEST

/* Whatever it is that a honeypot sends: datagrams, pings, protocols that nobody knows. */
START_TEST(other_protocols_are_contained)
{
	for (unsigned protocol = 0; protocol < 256; protocol++) {
		uint8_t buf[2048];
		struct hb_build_ip ip = { .src.addr = rig_addr(RIG_BACKEND),
					  .dst.addr = rig_addr(OUTSIDE),
					  .ttl = 64 };
		size_t len = hb_build_udp(buf, sizeof(buf), &ip, (const uint8_t *)"payload", 7);
		const struct hb_datagram as = { .in_interface = 1 };
		struct rig rig;

		buf[9] = (uint8_t)protocol;
		buf[20] = 0; /* ICMP: an echo's answer that nobody asked for */
		hb_checksum_fill_ipv4(buf, 20);
		open_with(&rig, NULL);
		rig_start(&rig);
		unit_require(rig_input(&rig, buf, len, &as) == HB_DROP);
		unit_require(rig_counters(&rig).contained + rig_counters(&rig).malformed == 1);
		rig_close(&rig);
	}
}
END_TEST

/* An answer to a client's packet is none of what a honeypot starts. */
START_TEST(answers_are_not_contained)
{
	struct rig rig;

	open_with(&rig, NULL);
	rig_start(&rig);
	rig_handshake(&rig);
	ck_assert_uint_eq(rig_counters(&rig).contained, 0);
	/* Nor is it one, what comes from another port of the same honeypot. */
	ck_assert_int_eq(rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, SYN, 1,
							  .from_port = 81 }),
			 HB_DROP);
	ck_assert_int_eq(rig_tcp(&rig, &(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, SA, 1, 1001 }),
			 HB_DROP);
	ck_assert_uint_eq(rig_counters(&rig).contained, 2);
	rig_close(&rig);
}
END_TEST

/* One honeypot lures another: the second may answer only what the first was let send. */
START_TEST(honeypots_among_themselves)
{
	struct rig rig;

	open_with(&rig, NULL);
	rig_start(&rig);
	ck_assert_int_eq(rig_tcp(&rig, &(struct rig_tcp){ RIG_BACKEND, RIG_FRONTEND, SYN, 1,
							  .from_port = 1234, .to_port = 80 }),
			 HB_DROP);
	ck_assert_int_eq(rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_BACKEND, SA, 1, 2,
							  .from_port = 80, .to_port = 1234 }),
			 HB_DROP);
	ck_assert_uint_eq(rig_counters(&rig).contained, 2);
	rig_close(&rig);
}
END_TEST

START_TEST(questions_are_told_from_answers)
{
	static const struct {
		uint8_t protocol, type;
		bool question;
	} cases[] = { { HB_PROTO_ICMP, 8, true },      { HB_PROTO_ICMP, 13, true },
		      { HB_PROTO_ICMP, 17, true },     { HB_PROTO_ICMP, 0, false },
		      { HB_PROTO_ICMP, 14, false },    { HB_PROTO_ICMP, 18, false },
		      { HB_PROTO_ICMP, 128, false },   { HB_PROTO_ICMPV6, 128, true },
		      { HB_PROTO_ICMPV6, 129, false }, { HB_PROTO_ICMPV6, 8, false },
		      { HB_PROTO_TCP, 8, false },      { HB_PROTO_UDP, 128, false } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hb_packet packet = { .protocol = cases[i].protocol,
					    .icmp_type = cases[i].type,
					    .has_l4 = true };

		ck_assert(hb_contain_is_question(&packet) == cases[i].question);
		packet.has_l4 = false;
		ck_assert(!hb_contain_is_question(&packet));
	}
}
END_TEST

UNIT_MAIN("contain", without_a_rule_nothing_leaves, what_a_rule_lets_out_may_be_answered,
	  a_rule_may_change_its_mind, backends_may_be_denied_everything,
	  other_protocols_are_contained, answers_are_not_contained, honeypots_among_themselves,
	  questions_are_told_from_answers)
