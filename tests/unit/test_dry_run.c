/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine over a record of the past: it decides, and does nothing. */
#include "rig.h"

static void open_dry(struct rig *rig)
{
	rig_open_empty(rig);
	rig->dry_run = true;
}

/* The packet goes on as it came. */
static void pass(struct rig *rig, const struct rig_tcp *tcp)
{
	uint8_t before[2048];
	size_t len = rig_build_tcp(before, tcp);

	ck_assert_int_eq(rig_tcp(rig, tcp), HB_ACCEPT);
	ck_assert_uint_eq(rig->len, len);
	ck_assert_mem_eq(rig->data, before, len);
}

static void from_client(struct rig *rig, uint8_t flags, uint32_t seq, uint32_t ack,
			const char *text)
{
	pass(rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, flags, seq, ack, text });
}

/* Who answered in the capture did so from the attacked address. */
static void from_server(struct rig *rig, uint8_t flags, uint32_t seq, uint32_t ack,
			const char *text)
{
	pass(rig, &(struct rig_tcp){ RIG_ATTACKED, RIG_CLIENT, flags, seq, ack, text });
}

static void shake_hands(struct rig *rig)
{
	from_client(rig, HB_TCP_SYN, 1000, 0, NULL);
	from_server(rig, HB_TCP_SYN | HB_TCP_ACK, 5000, 1001, NULL);
	from_client(rig, HB_TCP_ACK, 1001, 5001, NULL);
}

START_TEST(a_redirect_is_said_and_not_done)
{
	struct rig rig;
	struct hb_target *target;

	open_dry(&rig);
	rig_target(&rig, "dst port 22", RIG_FRONTEND);
	target = rig_target(&rig, "dst net 10.1.0.0/16", RIG_FRONTEND);
	rig_backend(target, "10.9.0.4", "no");
	rig_backend(target, RIG_BACKEND, "hash");
	rig_start(&rig);
	shake_hands(&rig);
	ck_assert_int_eq(rig.state, HB_STATE_DECISION);
	from_client(&rig, HB_TCP_ACK | HB_TCP_PSH, 1001, 5001, "GET /");
	ck_assert_int_eq(rig.state, HB_STATE_PROXY);
	ck_assert_str_eq(rig.trace, "-no;+hash;redirect:2");
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_STATE].flow.backend, 2);
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_STATE].flow.target, 2);
	from_server(&rig, HB_TCP_ACK | HB_TCP_PSH, 5001, 1006, "200 OK");
	from_client(&rig, HB_TCP_ACK | HB_TCP_PSH, 1006, 5007, "GET /2");
	from_client(&rig, HB_TCP_ACK | HB_TCP_FIN, 1012, 5007, NULL);
	from_server(&rig, HB_TCP_ACK | HB_TCP_FIN, 5007, 1013, NULL);
	from_client(&rig, HB_TCP_ACK, 1013, 5008, NULL);
	rig_advance(&rig, 3 * RIG_SECOND);
	ck_assert_uint_eq(rig.events[HB_EVENT_FLOW_END], 1);
	ck_assert_str_eq(rig.trace, "-no;+hash;redirect:2");
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_END].flow.packets, 9);
	ck_assert_uint_eq(rig.events[HB_EVENT_HANDOVER], 0);
	ck_assert_uint_eq(rig.events[HB_EVENT_HANDOVER_FAILED], 0);
	ck_assert_uint_eq(rig.sent_count, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(what_could_not_be_handed_over_says_why)
{
	struct rig rig;

	open_dry(&rig);
	rig_backend(rig_target(&rig, "ip", RIG_FRONTEND), RIG_BACKEND, "third");
	rig_start(&rig);
	shake_hands(&rig);
	from_client(&rig, HB_TCP_ACK | HB_TCP_PSH, 1001, 5001, "a");
	from_server(&rig, HB_TCP_ACK | HB_TCP_FIN, 5001, 1002, NULL);
	from_client(&rig, HB_TCP_ACK, 1002, 5002, NULL);
	ck_assert_str_eq(rig.reason, "the frontend had closed its side");
	ck_assert_str_eq(rig.trace, "+third");
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_STATE].flow.backend, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(a_datagram_is_decided_at_once)
{
	struct rig rig;

	open_dry(&rig);
	rig_backend(rig_target(&rig, "udp", RIG_FRONTEND), RIG_BACKEND, "hash");
	rig_start(&rig);
	ck_assert_int_eq(rig_udp(&rig, RIG_CLIENT, RIG_ATTACKED, "query"), HB_ACCEPT);
	ck_assert_str_eq(rig.trace, "+hash;redirect:1");
	ck_assert_int_eq(rig_udp(&rig, RIG_ATTACKED, RIG_CLIENT, "answer"), HB_ACCEPT);
	ck_assert_uint_eq(rig_counters(&rig).flows, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(nothing_is_sent)
{
	struct rig rig;
	struct hb_target *target;

	open_dry(&rig);
	rig.options.reset_ext = true;
	target = hb_policy_add_target(rig.policy);
	ck_assert_int_eq(hb_target_set_filter(target, "ip", NULL), 0);
	ck_assert_int_eq(hb_target_set_frontend(target,
						&(struct hb_endpoint){ rig_addr(RIG_FRONTEND), 0 },
						"no", NULL),
			 0);
	rig_start(&rig);
	ck_assert_int_eq(
		rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_SYN, 1000 }),
		HB_DROP);
	ck_assert_int_eq(rig.state, HB_STATE_DROPPED);
	ck_assert_uint_eq(rig.sent_count, 0);
	ck_assert_uint_eq(rig_counters(&rig).emitted, 0);
	rig_close(&rig);
}
END_TEST

/* The honeypots' addresses are the configuration's; one that is met in a capture is contained. */
START_TEST(honeypots_of_the_configuration_are_known)
{
	struct rig rig;

	open_dry(&rig);
	rig_target(&rig, "ip", RIG_FRONTEND);
	rig_start(&rig);
	ck_assert_int_eq(
		rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, HB_TCP_SYN, 1000 }),
		HB_DROP);
	ck_assert_int_eq(rig.state, HB_STATE_CONTROL);
	rig_close(&rig);
}
END_TEST

START_TEST(what_is_left_ends_with_the_capture)
{
	struct rig rig;

	open_dry(&rig);
	rig_target(&rig, "ip", RIG_FRONTEND);
	rig_start(&rig);
	shake_hands(&rig);
	hb_engine_stop(rig.engine, rig.now);
	ck_assert_str_eq(rig.reason, "the capture ends");
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("dry_run", a_redirect_is_said_and_not_done, what_could_not_be_handed_over_says_why,
	  a_datagram_is_decided_at_once, nothing_is_sent, honeypots_of_the_configuration_are_known,
	  what_is_left_ends_with_the_capture)
