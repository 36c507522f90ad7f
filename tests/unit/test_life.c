/* SPDX-License-Identifier: BSD-2-Clause */
/* How flows begin, how long they stay, how they end. */
#include "rig.h"

#define SYN HB_TCP_SYN
#define ACK HB_TCP_ACK
#define SA (HB_TCP_SYN | HB_TCP_ACK)
#define FA (HB_TCP_FIN | HB_TCP_ACK)
#define RST HB_TCP_RST

static enum hb_verdict client(struct rig *rig, uint8_t flags, uint32_t seq, uint32_t ack)
{
	return rig_tcp(rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, flags, seq, ack });
}

static enum hb_verdict frontend(struct rig *rig, uint8_t flags, uint32_t seq, uint32_t ack)
{
	return rig_tcp(rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, flags, seq, ack });
}

/* Calls the engine whenever it wants until a flow has ended; returns how long that took. */
static uint64_t until_the_end(struct rig *rig)
{
	uint64_t started = rig->now.mono_ns;
	unsigned ended = rig->events[HB_EVENT_FLOW_END];

	for (unsigned calls = 0; rig->events[HB_EVENT_FLOW_END] == ended; calls++) {
		uint64_t deadline = hb_engine_next_deadline(rig->engine);

		unit_require(calls < 1000 && deadline != UINT64_MAX);
		if (deadline > rig->now.mono_ns)
			rig_advance(rig, deadline - rig->now.mono_ns);
		else
			rig_advance(rig, 0);
	}
	return (rig->now.mono_ns - started) / RIG_SECOND;
}

static void open_proxy(struct rig *rig)
{
	rig_open(rig); /* no backend: PROXY at once */
	rig_start(rig);
}

START_TEST(half_open_flows_end_soon)
{
	struct rig rig;

	open_proxy(&rig);
	client(&rig, SYN, 1000, 0);
	frontend(&rig, SA, 5000, 1001);
	rig_advance(&rig, 60 * RIG_SECOND);
	client(&rig, SYN, 1000, 0); /* counts from the last packet on */
	ck_assert_uint_eq(until_the_end(&rig), 120);
	ck_assert_str_eq(rig.reason, "idle");
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_END].flow.packets, 3);
	ck_assert_uint_eq(rig_counters(&rig).flows, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(undecided_flows_end_soon)
{
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "third");
	rig.options.expiration_delay_s = 30;
	rig_start(&rig);
	rig_handshake(&rig);
	ck_assert_int_eq(rig.state, HB_STATE_DECISION);
	ck_assert_uint_eq(until_the_end(&rig), 30);
	rig_close(&rig);
}
END_TEST

START_TEST(established_sessions_may_be_idle)
{
	struct rig rig;

	open_proxy(&rig);
	rig_handshake(&rig);
	ck_assert_uint_eq(until_the_end(&rig), 7440);
	rig_close(&rig);
}
END_TEST

START_TEST(so_may_those_that_were_handed_over)
{
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "yes");
	rig.options.established_timeout_s = 1000;
	rig_start(&rig);
	rig_handshake(&rig);
	rig_connect(&rig);
	ck_assert_int_eq(rig.state, HB_STATE_FORWARD);
	client(&rig, ACK, 1001, 5001);
	ck_assert_uint_eq(until_the_end(&rig), 1000);
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_END].flow.backend, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(datagrams_are_no_session)
{
	struct rig rig;

	open_proxy(&rig);
	rig_udp(&rig, RIG_CLIENT, RIG_ATTACKED, "ping");
	rig_udp(&rig, RIG_FRONTEND, RIG_CLIENT, "pong");
	ck_assert_uint_eq(until_the_end(&rig), 120);
	rig_close(&rig);
}
END_TEST

START_TEST(refused_flows_are_remembered)
{
	struct rig rig;

	open_proxy(&rig);
	rig_udp(&rig, RIG_CLIENT, "10.2.0.1", "nobody there");
	ck_assert_int_eq(rig.state, HB_STATE_DROPPED);
	rig_advance(&rig, 100 * RIG_SECOND);
	ck_assert_int_eq(rig_udp(&rig, RIG_CLIENT, "10.2.0.1", "still nobody"), HB_DROP);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 1);
	ck_assert_uint_eq(until_the_end(&rig), 120);
	rig_close(&rig);
}
END_TEST

/* In both directions, the last ACK included. */
static void close_session(struct rig *rig, const char *server, uint32_t server_next)
{
	client(rig, FA, 1001, 5001);
	rig_tcp(rig, &(struct rig_tcp){ server, RIG_CLIENT, FA, server_next, 1002 });
	client(rig, ACK, 1002, 5002);
}

START_TEST(closed_flows_are_reported_soon)
{
	struct rig rig;

	open_proxy(&rig);
	rig_handshake(&rig);
	close_session(&rig, RIG_FRONTEND, 5001);
	ck_assert_uint_eq(rig.events[HB_EVENT_FLOW_END], 0);
	ck_assert_uint_eq(until_the_end(&rig), 2);
	ck_assert_str_eq(rig.reason, "");
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_END].flow.packets, 6);
	/* The last ACK may have been lost behind us: a repeated FIN is no new session. */
	client(&rig, FA, 1001, 5002);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 1);
	rig_advance(&rig, 7 * RIG_SECOND);
	ck_assert_uint_eq(rig_counters(&rig).flows, 1);
	rig_advance(&rig, RIG_SECOND);
	ck_assert_uint_eq(rig_counters(&rig).flows, 0);
	ck_assert_uint_eq(rig.events[HB_EVENT_FLOW_END], 1);
	rig_close(&rig);
}
END_TEST

START_TEST(reset_flows_are_reported_soon)
{
	struct rig rig;

	open_proxy(&rig);
	rig_handshake(&rig);
	client(&rig, RST, 1001, 0);
	ck_assert_uint_eq(until_the_end(&rig), 2);
	ck_assert_uint_eq(rig_counters(&rig).flows, 0);
	client(&rig, SYN, 7000, 0);
	frontend(&rig, RST | ACK, 0, 7001); /* refused */
	ck_assert_uint_eq(until_the_end(&rig), 2);
	rig_close(&rig);
}
END_TEST

/* Both honeypots may still send what the client must not see. */
static void check_tombstone(bool reset, uint64_t stays_s)
{
	struct rig rig;
	uint64_t closed;

	rig_backend(rig_open(&rig), RIG_BACKEND, "yes");
	rig_start(&rig);
	rig_handshake(&rig);
	rig_connect(&rig);
	if (reset)
		client(&rig, RST, 1001, 0);
	else
		close_session(&rig, RIG_BACKEND, 9001);
	closed = rig.now.mono_ns;
	ck_assert_uint_eq(until_the_end(&rig), 2);
	ck_assert_uint_eq(rig_counters(&rig).flows, 1);
	frontend(&rig, FA, 5001, 1001);
	ck_assert_uint_eq(rig_sent(&rig, 0)->tcp_flags, RST);
	ck_assert_uint_eq(rig_sent(&rig, 0)->seq, 1001);
	while (rig_counters(&rig).flows > 0) {
		unit_require(hb_engine_next_deadline(rig.engine) != UINT64_MAX);
		rig_advance(&rig, RIG_SECOND);
	}
	ck_assert_uint_eq((rig.now.mono_ns - closed) / RIG_SECOND, stays_s);
	ck_assert_uint_eq(rig.events[HB_EVENT_FLOW_END], 1);
	rig_close(&rig);
}

START_TEST(a_tombstone_stays)
{
	check_tombstone(false, 60);
	check_tombstone(true, 10);
}
END_TEST

START_TEST(a_new_session_may_follow_at_once)
{
	struct rig rig;

	open_proxy(&rig);
	rig_handshake(&rig);
	client(&rig, SYN, 1000, 0); /* the old one's, again */
	client(&rig, SYN, 9000, 0); /* the server is to tell what it thinks of that */
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 1);
	client(&rig, RST, 1001, 0);
	client(&rig, SYN, 1000, 0);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 1);
	ck_assert_int_eq(client(&rig, SYN, 9000, 0), HB_ACCEPT_MODIFIED);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 2);
	ck_assert_uint_eq(rig_counters(&rig).flows, 1);
	ck_assert_uint_eq(rig.events[HB_EVENT_FLOW_END], 1);
	rig_close(&rig);
}
END_TEST

static void knock(struct rig *rig, uint16_t from_port)
{
	rig_tcp(rig,
		&(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, SYN, 1000, .from_port = from_port });
}

START_TEST(at_the_limit_the_oldest_gives_way)
{
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "third");
	rig.options.max_flows = 3;
	rig_start(&rig);
	for (uint16_t i = 0; i < 10; i++) {
		knock(&rig, (uint16_t)(2000 + i));
		ck_assert_uint_le(rig_counters(&rig).flows, 3);
		if (i >= 3) {
			ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_END].flow.client.port,
					  2000u + i - 3);
			ck_assert_str_eq(rig.reason, "gave way: too many flows");
		}
	}
	ck_assert_uint_eq(rig_counters(&rig).flows_evicted, 7);
	rig_close(&rig);
}
END_TEST

/* A client's session from a port of its own, up to the handshake's end. */
static void open_from(struct rig *rig, uint16_t port)
{
	knock(rig, port);
	rig_tcp(rig,
		&(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, SA, 5000, 1001, .to_port = port });
	rig_tcp(rig,
		&(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, ACK, 1001, 5001, .from_port = port });
}

static void connect_to(struct rig *rig, uint16_t port)
{
	rig_tcp(rig, &(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, SA, 9000, 1001, .to_port = port });
}

static uint16_t who_ended(const struct rig *rig)
{
	return rig->last[HB_EVENT_FLOW_END].flow.client.port;
}

/* A translation cannot be rebuilt: it gives way last, the oldest first; but nobody is locked out. */
START_TEST(what_was_handed_over_gives_way_last)
{
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "yes");
	rig.options.max_flows = 3;
	rig_start(&rig);
	for (uint16_t port = 2000; port < 2003; port++) {
		open_from(&rig, port);
		connect_to(&rig, port);
		ck_assert_int_eq(rig.state, HB_STATE_FORWARD);
	}
	for (uint16_t port = 3000; port < 3100; port++) /* costs one of them, and no more */
		knock(&rig, port);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 103);
	ck_assert_uint_eq(rig_counters(&rig).flows_evicted, 100);
	ck_assert_uint_eq(who_ended(&rig), 3098);
	for (uint16_t port = 2001; port < 2003; port++)
		ck_assert_int_eq(rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, ACK,
								  1001, 5001, .from_port = port }),
				 HB_ACCEPT_MODIFIED);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 103);
	rig_close(&rig);
}
END_TEST

/* So does what is on its way to a backend, which is not to blame for it. */
START_TEST(a_handover_may_give_way)
{
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "yes");
	rig.options.max_flows = 1;
	rig_start(&rig);
	open_from(&rig, 2000);
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	knock(&rig, 3000);
	ck_assert_uint_eq(who_ended(&rig), 2000);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 2);
	ck_assert_uint_eq(rig_counters(&rig).handovers_failed, 1);
	ck_assert_uint_eq(rig_counters(&rig).backend_failures, 0);
	ck_assert_uint_eq(rig_counters(&rig).backends_down, 0);
	ck_assert_uint_eq(rig_counters(&rig).buffered_bytes, 0);
	rig_close(&rig);
}
END_TEST

/* However many sessions there are, a flood of packets that open none displaces its own. */
START_TEST(a_flood_ends_no_session)
{
	struct rig rig;

	rig_open(&rig);
	rig.options.max_flows = 300;
	rig_start(&rig);
	for (uint16_t port = 2000; port < 2200; port++)
		open_from(&rig, port);
	for (uint16_t port = 10000; port < 12000; port++) {
		knock(&rig, port);
		unit_require(rig.events[HB_EVENT_FLOW_END] == 0 || who_ended(&rig) >= 10000);
	}
	ck_assert_uint_eq(rig_counters(&rig).flows, 300);
	ck_assert_uint_eq(rig_counters(&rig).flows_evicted, 1900);
	/* Where there are but sessions the oldest goes. */
	for (uint16_t port = 20000; port < 20100; port++)
		open_from(&rig, port);
	unit_require(who_ended(&rig) >= 10000);
	knock(&rig, 30000);
	ck_assert_uint_eq(who_ended(&rig), 2000);
	rig_close(&rig);
}
END_TEST

/* One port that scans a darknet has one leg to the frontend: later ones get another port. */
START_TEST(a_scan_gets_ports_of_its_own)
{
	struct rig rig;
	bool seen[UINT16_MAX + 1] = { false };

	open_proxy(&rig);
	for (unsigned i = 0; i < 300; i++) {
		char to[32];

		snprintf(to, sizeof(to), "10.1.%u.%u", i / 200, i % 200);
		ck_assert_int_eq(rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, to, SYN, i }),
				 HB_ACCEPT_MODIFIED);
		unit_require(!seen[rig.packet.src_port]);
		unit_require(i > 0 || rig.packet.src_port == RIG_CLIENT_PORT);
		unit_require(rig.last[HB_EVENT_FLOW_NEW].flow.honeypot_client_port ==
			     rig.packet.src_port);
		seen[rig.packet.src_port] = true;
	}
	ck_assert_uint_eq(rig_counters(&rig).flows, 300);
	rig_close(&rig);
}
END_TEST

/* Until there is none left: what cannot have one is refused, and does not go unnoticed. */
START_TEST(a_scan_may_use_up_all_ports)
{
	static bool seen[UINT16_MAX + 1];
	unsigned refused = 0;
	struct rig rig;

	memset(seen, 0, sizeof(seen));
	open_proxy(&rig);
	for (unsigned i = 0; i <= UINT16_MAX; i++) {
		char to[32];

		snprintf(to, sizeof(to), "10.1.%u.%u", i >> 8, i & 255);
		if (rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, to, SYN, i }) == HB_DROP) {
			unit_require(rig.state == HB_STATE_DROPPED);
			refused++;
			continue;
		}
		unit_require(!seen[rig.packet.src_port]);
		seen[rig.packet.src_port] = true;
	}
	ck_assert_uint_eq(rig_counters(&rig).flows, UINT16_MAX + 1);
	ck_assert_uint_eq(rig_counters(&rig).unmatched, 0);
	ck_assert_uint_ge(refused, 1024); /* ports below stay free */
	ck_assert_uint_lt(refused, 4096);
	rig_close(&rig);
}
END_TEST

static void serve_and_end(struct rig *rig)
{
	rig_handshake(rig);
	frontend(rig, FA, 5001, 1001);
	client(rig, FA, 1001, 5002);
	frontend(rig, ACK, 5002, 1002);
}

/* The frontend ended the session: its port of the client's is not free before TIME-WAIT is over. */
START_TEST(a_frontend_in_time_wait_keeps_its_leg)
{
	struct rig rig;

	open_proxy(&rig);
	serve_and_end(&rig);
	ck_assert_uint_eq(until_the_end(&rig), 2);
	ck_assert_uint_eq(rig_counters(&rig).flows, 1);
	rig_advance(&rig, 57 * RIG_SECOND);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, "10.1.0.2", SYN, 7000 });
	ck_assert_uint_ne(rig.packet.src_port, RIG_CLIENT_PORT);
	rig_advance(&rig, 2 * RIG_SECOND);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, "10.1.0.3", SYN, 7000 });
	ck_assert_uint_eq(rig.packet.src_port, RIG_CLIENT_PORT);
	ck_assert_uint_eq(rig.events[HB_EVENT_FLOW_END], 1);
	rig_close(&rig);
}
END_TEST

START_TEST(what_is_over_gives_way_first)
{
	struct rig rig;

	rig_open(&rig);
	rig.options.max_flows = 2;
	rig_start(&rig);
	serve_and_end(&rig);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, "10.1.0.2", SYN, 1000, .from_port = 2000 });
	rig_tcp(&rig,
		&(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, SA, 5000, 1001, .to_port = 2000 });
	rig_tcp(&rig,
		&(struct rig_tcp){ RIG_CLIENT, "10.1.0.2", ACK, 1001, 5001, .from_port = 2000 });
	ck_assert_uint_eq(until_the_end(&rig), 2);
	knock(&rig, 3000);
	ck_assert_uint_eq(rig_counters(&rig).flows_evicted, 1);
	ck_assert_uint_eq(rig.events[HB_EVENT_FLOW_END], 1); /* nobody lost anything */
	rig_close(&rig);
}
END_TEST

/* Each in another state; rig_close() sees that each has its end, and nothing stays. */
START_TEST(a_stop_ends_whatever_there_is)
{
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "third");
	rig_start(&rig);
	rig_handshake(&rig);
	client(&rig, ACK, 1001, 5001);
	client(&rig, ACK, 1001, 5001); /* REPLAY, never answered */
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	knock(&rig, 2000);
	rig_udp(&rig, RIG_CLIENT, RIG_ATTACKED, "one");
	rig_udp(&rig, RIG_CLIENT, "10.2.0.1", "nobody there");
	rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, "10.7.7.7", SYN, 1 });
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, "10.1.0.9", ACK, 1, 1 }); /* midstream */
	ck_assert_uint_eq(rig_counters(&rig).flows, 6);
	hb_engine_stop(rig.engine, rig.now);
	ck_assert_uint_eq(rig.events[HB_EVENT_FLOW_END], 6);
	ck_assert_uint_eq(rig_counters(&rig).handovers_failed, 1);
	hb_engine_stop(rig.engine, rig.now);
	ck_assert_uint_eq(rig.events[HB_EVENT_FLOW_END], 6);
	rig_close(&rig);
}
END_TEST

/* More than a block of them, and their memory used again. */
START_TEST(flows_come_and_go)
{
	struct rig rig;

	open_proxy(&rig);
	for (unsigned round = 1; round <= 3; round++) {
		for (unsigned i = 0; i < 2000; i++)
			knock(&rig, (uint16_t)(1000 + i));
		ck_assert_uint_eq(rig_counters(&rig).flows, 2000);
		rig_advance(&rig, 121 * RIG_SECOND);
		ck_assert_uint_eq(rig_counters(&rig).flows, 0);
		ck_assert_uint_eq(rig.events[HB_EVENT_FLOW_END], round * 2000);
	}
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("life", half_open_flows_end_soon, undecided_flows_end_soon,
	  established_sessions_may_be_idle, so_may_those_that_were_handed_over,
	  datagrams_are_no_session, refused_flows_are_remembered, closed_flows_are_reported_soon,
	  reset_flows_are_reported_soon, a_tombstone_stays, a_new_session_may_follow_at_once,
	  at_the_limit_the_oldest_gives_way, what_was_handed_over_gives_way_last,
	  a_handover_may_give_way, a_flood_ends_no_session, a_scan_gets_ports_of_its_own,
	  a_scan_may_use_up_all_ports, a_frontend_in_time_wait_keeps_its_leg,
	  what_is_over_gives_way_first, a_stop_ends_whatever_there_is, flows_come_and_go)
