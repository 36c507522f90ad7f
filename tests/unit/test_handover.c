/* SPDX-License-Identifier: BSD-2-Clause */
/* When a handover begins, what it holds, how long it lasts; dialogues are in tests/script. */
#include "handover.h"

#include "rig.h"

#define SYN HB_TCP_SYN
#define ACK HB_TCP_ACK
#define SA (HB_TCP_SYN | HB_TCP_ACK)
#define PA (HB_TCP_PSH | HB_TCP_ACK)
#define FA (HB_TCP_FIN | HB_TCP_ACK)

static enum hb_verdict client(struct rig *rig, uint8_t flags, uint32_t seq, uint32_t ack,
			      const char *text)
{
	return rig_tcp(rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, flags, seq, ack, text });
}

static enum hb_verdict frontend(struct rig *rig, uint8_t flags, uint32_t seq, uint32_t ack,
				const char *text)
{
	return rig_tcp(rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, flags, seq, ack, text });
}

static void open_with(struct rig *rig, const char *rule)
{
	rig_backend(rig_open(rig), RIG_BACKEND, rule);
	rig_start(rig);
}

static void check_declined(struct rig *rig, const char *reason)
{
	ck_assert_int_eq(rig->state, HB_STATE_PROXY);
	ck_assert_str_eq(rig->reason, reason);
	ck_assert_uint_eq(rig_counters(rig).handovers_declined, 1);
	ck_assert_uint_eq(rig_counters(rig).handovers_started, 0);
	ck_assert_uint_eq(rig_counters(rig).buffered_bytes, 0);
	ck_assert_uint_eq(rig->sent_count, 0);
	rig_close(rig);
}

/* Both sides agreed on something that cannot be taken along: RFC 8684 and the like. */
START_TEST(foreign_options_stay)
{
	const uint8_t mptcp[12] = { 30, 12 };
	struct rig rig;

	open_with(&rig, "yes");
	for (int i = 0; i < 2; i++) {
		const struct rig_tcp syn = { RIG_CLIENT, RIG_ATTACKED, SYN, 1000 };
		const struct rig_tcp syn_ack = { RIG_FRONTEND, RIG_CLIENT, SA, 5000, 1001 };
		uint8_t buf[2048];
		size_t len = rig_build_tcp(buf, i == 0 ? &syn : &syn_ack);
		struct hb_packet packet;

		memcpy(buf + len, mptcp, sizeof(mptcp));
		len += sizeof(mptcp);
		buf[32] = (20 + sizeof(mptcp)) / 4 << 4;
		hb_put_be16(buf + 2, (uint16_t)len);
		hb_checksum_fill_ipv4(buf, 20);
		ck_assert_int_eq(hb_packet_parse(buf, len, &packet), 0);
		ck_assert_uint_eq(packet.options.present, HB_TCPOPT_FOREIGN);
		hb_checksum_fill_l4(buf, &packet);
		ck_assert_int_eq(rig_input(&rig, buf, len, &(struct hb_datagram){ .mark = 0 }),
				 HB_ACCEPT_MODIFIED);
	}
	ck_assert_int_eq(client(&rig, ACK, 1001, 5001, NULL), HB_ACCEPT_MODIFIED);
	check_declined(&rig, "the frontend granted a TCP option that cannot be handed over");
}
END_TEST

START_TEST(a_side_that_closed_stays)
{
	struct rig rig;

	open_with(&rig, "third");
	rig_handshake(&rig);
	frontend(&rig, FA, 5001, 1001, NULL);
	client(&rig, ACK, 1001, 5002, NULL);
	client(&rig, ACK, 1001, 5002, NULL);
	check_declined(&rig, "the frontend had closed its side");
	open_with(&rig, "third");
	rig_handshake(&rig);
	client(&rig, FA, 1001, 5001, NULL);
	client(&rig, ACK, 1002, 5001, NULL);
	check_declined(&rig, "the client had closed its side");
}
END_TEST

START_TEST(what_was_not_seen_from_the_start_stays)
{
	struct rig rig;

	open_with(&rig, "yes");
	ck_assert_int_eq(client(&rig, PA, 1001, 5001, "hello"), HB_ACCEPT_MODIFIED);
	check_declined(&rig, "midstream: the session's start was not seen");
}
END_TEST

START_TEST(a_record_at_its_limit_stays)
{
	struct hb_target *target;
	struct rig rig;

	target = rig_open(&rig);
	rig_instance(&rig, "late", "counter", "counter", "100");
	rig_backend(target, RIG_BACKEND, "late");
	rig.options.max_packet_buffer = 1;
	rig_start(&rig);
	rig_handshake(&rig);
	client(&rig, PA, 1001, 5001, "one");
	ck_assert_int_eq(rig.state, HB_STATE_DECISION);
	ck_assert_uint_gt(rig_counters(&rig).buffered_bytes, 0);
	client(&rig, PA, 1004, 5001, "two");
	check_declined(&rig, "the recording was given up at a limit");
	target = rig_open(&rig);
	rig_instance(&rig, "late", "counter", "counter", "100");
	rig_backend(target, RIG_BACKEND, "late");
	rig.options.max_flow_buffer_bytes = 20;
	rig_start(&rig);
	rig_handshake(&rig);
	client(&rig, PA, 1001, 5001, "twenty bytes of text");
	ck_assert_int_eq(rig.state, HB_STATE_DECISION);
	client(&rig, PA, 1021, 5001, "!");
	check_declined(&rig, "the recording was given up at a limit");
}
END_TEST

/* One port of the client's, two sessions, one backend: the later gets another port there. */
START_TEST(two_sessions_share_no_leg)
{
	struct rig rig;
	uint16_t port;

	rig_open_empty(&rig);
	rig_backend(rig_target(&rig, "dst host 10.1.0.1", "10.9.0.2"), RIG_BACKEND, "yes");
	rig_backend(rig_target(&rig, "dst host 10.1.0.2", "10.9.0.12"), RIG_BACKEND, "yes");
	rig_start(&rig);
	rig_handshake(&rig);
	ck_assert_uint_eq(rig_sent(&rig, 0)->src_port, RIG_CLIENT_PORT);
	rig_connect(&rig);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, "10.1.0.2", SYN, 3000 });
	rig_tcp(&rig, &(struct rig_tcp){ "10.9.0.12", RIG_CLIENT, SA, 7000, 3001 });
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, "10.1.0.2", ACK, 3001, 7001 });
	port = rig_sent(&rig, 0)->src_port;
	ck_assert_uint_ne(port, RIG_CLIENT_PORT);
	ck_assert_uint_eq(rig_sent(&rig, 0)->seq, 3000);
	rig_tcp(&rig,
		&(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, SA, 8000, 3001, .to_port = port });
	ck_assert_uint_eq(rig_counters(&rig).handovers_done, 2);
	/* Each goes to its own. */
	rig_tcp(&rig, &(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, PA, 8001, 3001, "hi",
					 .to_port = port });
	ck_assert_uint_eq(rig.packet.dst_port, RIG_CLIENT_PORT);
	ck_assert_uint_eq(rig.packet.seq, 7001);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, PA, 9001, 1001, "hi" });
	ck_assert_uint_eq(rig.packet.seq, 5001);
	rig_close(&rig);
}
END_TEST

/* A trigger of ten bytes, and a window that was closed behind the first few. */
START_TEST(no_more_is_held_than_was_offered)
{
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "third");
	rig_start(&rig);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, SYN, 1000 });
	rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, SA, 5000, 1001, .window = 8 });
	client(&rig, ACK, 1001, 5001, NULL);
	client(&rig, ACK, 1001, 5001, NULL);
	ck_assert_int_eq(client(&rig, PA, 1001, 5001, "0123456789"), HB_DROP);
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	ck_assert_int_eq(client(&rig, PA, 1011, 5001, "beyond"), HB_DROP);
	rig_connect(&rig);
	ck_assert_int_eq(rig.state, HB_STATE_FORWARD);
	ck_assert_uint_eq(rig_sent(&rig, 0)->seq, 1001);
	ck_assert_uint_eq(rig_sent(&rig, 0)->payload_len, 8);
	rig_close(&rig);
}
END_TEST

/* What leaves a hole, or finds no room, the client sends again. */
START_TEST(no_more_is_held_than_there_is_room_for)
{
	struct rig rig;
	uint32_t seq = 1001;

	rig_backend(rig_open(&rig), RIG_BACKEND, "yes");
	rig.options.max_flow_buffer_bytes = 300;
	rig_start(&rig);
	rig_handshake(&rig);
	ck_assert_int_eq(client(&rig, PA, 1005, 5001, "behind a hole"), HB_DROP);
	for (unsigned i = 0; i < 100; i++, seq += 10)
		ck_assert_int_eq(client(&rig, PA, seq, 5001, "0123456789"), HB_DROP);
	ck_assert_uint_le(rig_counters(&rig).buffered_bytes, 300 + sizeof(struct hb_record));
	rig_advance(&rig, 250 * RIG_MS);
	/* No more is acknowledged than that. */
	ck_assert_uint_eq(rig_sent(&rig, 0)->tcp_flags & ACK, 0); /* the SYN, once more */
	rig_connect(&rig);
	ck_assert_int_eq(rig.state, HB_STATE_FORWARD);
	ck_assert_uint_eq(rig_sent(&rig, 0)->seq, 1001);
	ck_assert_uint_eq(rig_sent(&rig, 0)->payload_len, 300);
	rig_close(&rig);
}
END_TEST

/* Called when it asks to be, the engine gives up when the time is over, and not before. */
static uint64_t until_undone(struct rig *rig)
{
	uint64_t started = rig->now.mono_ns;

	for (unsigned calls = 0; rig->events[HB_EVENT_HANDOVER_FAILED] == 0; calls++) {
		uint64_t deadline = hb_engine_next_deadline(rig->engine);

		unit_require(calls < 1000 && deadline != UINT64_MAX);
		rig_advance(rig, deadline > rig->now.mono_ns ? deadline - rig->now.mono_ns : 0);
	}
	return (rig->now.mono_ns - started) / RIG_MS;
}

START_TEST(a_handover_takes_no_longer_than_it_may)
{
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "yes");
	rig.options.handover_timeout_ms = 1234;
	rig_start(&rig);
	rig_handshake(&rig);
	ck_assert_uint_eq(until_undone(&rig), 1234);
	ck_assert_str_eq(rig.reason, "backend 10.9.0.3:80 does not answer");
	ck_assert_uint_eq(rig.last[HB_EVENT_HANDOVER_FAILED].handover.latency_us, 1234000);
	ck_assert_int_eq(rig.state, HB_STATE_PROXY);
	ck_assert_uint_eq(rig_counters(&rig).handovers_started, 1);
	ck_assert_uint_eq(rig_counters(&rig).handovers_failed, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(reasons_tell_who_was_late)
{
	struct rig rig;

	open_with(&rig, "third");
	rig_handshake(&rig);
	client(&rig, PA, 1001, 5001, "abcd");
	frontend(&rig, PA, 5001, 1005, "ok");
	client(&rig, PA, 1005, 5003, "efgh");
	rig_connect(&rig); /* but it never takes the first turn */
	until_undone(&rig);
	ck_assert_str_eq(rig.reason, "backend 10.9.0.3:80 did not catch up in time");
	rig_close(&rig);
	open_with(&rig, "third");
	rig_handshake(&rig);
	client(&rig, PA, 1001, 5001, "abcd");
	client(&rig, PA, 1005, 5001, "efgh"); /* the frontend has not even acknowledged abcd */
	rig_connect(&rig);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, ACK, 9001, 1005 });
	until_undone(&rig);
	ck_assert_str_eq(rig.reason, "the frontend did not finish its answer in time");
	rig_close(&rig);
}
END_TEST

/* Whoever is to get a session whose handover failed. */
START_TEST(the_target_says_who_goes_on)
{
	static const struct {
		enum hb_on_failure on_failure;
		enum hb_flow_state state;
		unsigned resets; /* of the client */
	} cases[] = { { HB_ON_FAILURE_FRONTEND, HB_STATE_PROXY, 0 },
		      { HB_ON_FAILURE_RESET, HB_STATE_DROPPED, 1 },
		      { HB_ON_FAILURE_DROP, HB_STATE_DROPPED, 0 } };
	struct hb_addr to = rig_addr(RIG_CLIENT);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hb_target *target;
		struct rig rig;
		unsigned resets = 0;

		target = rig_open(&rig);
		rig_backend(target, RIG_BACKEND, "third");
		hb_target_set_on_failure(target, cases[i].on_failure);
		rig_start(&rig);
		rig_handshake(&rig);
		client(&rig, ACK, 1001, 5001, NULL);
		client(&rig, PA, 1001, 5001, "abcd");
		rig_tcp(&rig,
			&(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, HB_TCP_RST | ACK, 0, 1001 });
		ck_assert_int_eq(rig.state, cases[i].state);
		ck_assert_str_eq(rig.reason, "backend 10.9.0.3:80 refused the connection");
		for (unsigned n = 0; n < rig.sent_count; n++)
			resets += hb_addr_equal(&rig_sent(&rig, n)->dst, &to) &&
				  (rig_sent(&rig, n)->tcp_flags & HB_TCP_RST);
		ck_assert_uint_eq(resets, cases[i].resets);
		ck_assert_int_eq(client(&rig, PA, 1001, 5001, "abcd"),
				 cases[i].state == HB_STATE_PROXY ? HB_ACCEPT_MODIFIED : HB_DROP);
		rig_close(&rig);
	}
}
END_TEST

/* Flags are the rule's business: without ACK, or a SYN, a segment triggers nothing. */
START_TEST(only_news_triggers)
{
	struct rig rig;

	open_with(&rig, "yes");
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, SYN, 1000 });
	rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, SA, 5000, 1001 });
	client(&rig, SYN, 1000, 0, NULL);
	client(&rig, SA, 1001, 5001, NULL);
	client(&rig, HB_TCP_RST | ACK, 1007, 5001, NULL); /* not where it is expected */
	client(&rig, HB_TCP_PSH, 1001, 0, "abcd");
	client(&rig, PA, 1009, 5001, "behind a hole");
	client(&rig, ACK, 1001, 5002, NULL); /* acknowledges what was never sent */
	ck_assert_int_eq(rig.state, HB_STATE_DECISION);
	ck_assert_uint_eq(rig.sent_count, 0);
	client(&rig, ACK, 1001, 5001, NULL);
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("handover", foreign_options_stay, a_side_that_closed_stays,
	  what_was_not_seen_from_the_start_stays, a_record_at_its_limit_stays,
	  two_sessions_share_no_leg, no_more_is_held_than_was_offered,
	  no_more_is_held_than_there_is_room_for, a_handover_takes_no_longer_than_it_may,
	  reasons_tell_who_was_late, the_target_says_who_goes_on, only_news_triggers)
