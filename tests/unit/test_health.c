/* SPDX-License-Identifier: BSD-2-Clause */
#include "health.h"

#include "rig.h"

#define S UINT64_C(1000000000)

static const uint8_t key[16] = "sixteen bytes..";
static struct hb_health health;

static struct hb_service service(const char *text, uint8_t protocol)
{
	return (struct hb_service){ rig_endpoint(text), protocol };
}

static void start(void)
{
	memset(&health, 0, sizeof(health));
}

static bool rests(const struct hb_service *at, uint64_t now)
{
	return hb_health_rests(&health, key, at, now);
}

static void note_failure(const struct hb_service *at, uint64_t now)
{
	hb_health_failed(&health, key, at, now);
}

START_TEST(who_was_not_reached_rests)
{
	struct hb_service http = service("10.9.0.3:80", HB_PROTO_TCP);
	struct hb_service ssh = service("10.9.0.3:22", HB_PROTO_TCP);
	struct hb_service other = service("10.9.0.4:80", HB_PROTO_TCP);
	struct hb_service udp = service("10.9.0.3:80", HB_PROTO_UDP);

	start();
	ck_assert(!rests(&http, 100 * S));
	note_failure(&http, 100 * S);
	ck_assert_uint_eq(health.down, 1);
	ck_assert(rests(&http, 100 * S));
	ck_assert(rests(&http, 105 * S - 1));
	ck_assert(!rests(&http, 105 * S));
	ck_assert(!rests(&ssh, 101 * S));
	ck_assert(!rests(&other, 101 * S));
	ck_assert(!rests(&udp, 101 * S));
}
END_TEST

/* One session tries it, and the others stay away meanwhile. */
START_TEST(a_probe_is_alone)
{
	struct hb_service http = service("10.9.0.3:80", HB_PROTO_TCP);

	start();
	note_failure(&http, 100 * S);
	hb_health_try(&health, key, &http, 105 * S, 110 * S);
	ck_assert(rests(&http, 105 * S));
	ck_assert(rests(&http, 110 * S - 1));
	ck_assert(!rests(&http, 110 * S)); /* it ended otherwise: the next one tries */
	hb_health_try(&health, key, &http, 110 * S, 115 * S);
	hb_health_reached(&health, key, &http);
	ck_assert_uint_eq(health.down, 0);
	ck_assert(!rests(&http, 111 * S));
}
END_TEST

START_TEST(the_rest_doubles)
{
	struct hb_service http = service("10.9.0.3:80", HB_PROTO_TCP);
	static const uint64_t expected_s[] = { 5, 10, 20, 40, 80, 80, 80 };
	uint64_t now = 100 * S;

	start();
	for (size_t i = 0; i < sizeof(expected_s) / sizeof(expected_s[0]); i++) {
		hb_health_try(&health, key, &http, now, now + 5 * S);
		note_failure(&http, now + S);
		now += S;
		ck_assert(rests(&http, now + expected_s[i] * S - 1));
		ck_assert(!rests(&http, now + expected_s[i] * S));
		now += expected_s[i] * S;
	}
	ck_assert_uint_eq(health.down, 1);
	hb_health_reached(&health, key, &http);
	note_failure(&http, now); /* from the beginning */
	ck_assert(!rests(&http, now + 5 * S));
}
END_TEST

START_TEST(what_fails_together_counts_once)
{
	struct hb_service http = service("10.9.0.3:80", HB_PROTO_TCP);

	start();
	for (uint64_t i = 0; i < 10; i++)
		note_failure(&http, 100 * S + i);
	ck_assert(!rests(&http, 105 * S));
	ck_assert_uint_eq(health.down, 1);
}
END_TEST

/* One that was reached when it rested: a session that was under way. */
START_TEST(who_is_reached_rests_no_longer)
{
	struct hb_service http = service("10.9.0.3:80", HB_PROTO_TCP);

	start();
	note_failure(&http, 100 * S);
	hb_health_reached(&health, key, &http);
	ck_assert(!rests(&http, 101 * S));
	hb_health_reached(&health, key, &http);
	ck_assert_uint_eq(health.down, 0);
}
END_TEST

/* More than there is room for: some are forgotten, and the number stays right. */
START_TEST(a_full_table_forgets)
{
	unsigned resting = 0;

	start();
	for (unsigned i = 0; i < 800; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%u.%u.3:80", i / 200, i % 200);
		struct hb_service at = service(text, HB_PROTO_TCP);

		note_failure(&at, 100 * S);
		unit_require(rests(&at, 101 * S));
	}
	for (unsigned i = 0; i < 800; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%u.%u.3:80", i / 200, i % 200);
		struct hb_service at = service(text, HB_PROTO_TCP);

		resting += rests(&at, 101 * S);
		hb_health_reached(&health, key, &at);
	}
	ck_assert_uint_gt(resting, HB_HEALTH_SLOTS / 2);
	ck_assert_uint_le(resting, HB_HEALTH_SLOTS);
	ck_assert_uint_eq(health.down, 0);
}
END_TEST

static void note_silence(const struct hb_service *at, const char *client, uint64_t now)
{
	struct hb_addr addr = rig_addr(client);

	hb_health_silent(&health, key, at, &addr, now);
}

/* One client may be the reason of it, and has many ports, and in IPv6 many addresses. */
START_TEST(silence_counts_by_clients)
{
	struct hb_service dns = service("10.9.0.3:53", HB_PROTO_UDP);
	struct hb_service dns6 = service("[2001:db8::3]:53", HB_PROTO_UDP);

	start();
	for (int i = 0; i < 10; i++)
		note_silence(&dns, "10.0.0.1", 100 * S);
	note_silence(&dns, "10.0.0.2", 100 * S);
	ck_assert(!rests(&dns, 100 * S));
	ck_assert_uint_eq(health.down, 0);
	note_silence(&dns, "10.0.0.3", 101 * S);
	ck_assert_uint_eq(health.down, 1);
	ck_assert(rests(&dns, 106 * S - 1));
	ck_assert(!rests(&dns, 106 * S));
	note_silence(&dns6, "2001:db8:a::1", 101 * S);
	note_silence(&dns6, "2001:db8:a::2", 101 * S);
	note_silence(&dns6, "2001:db8:a::3:0:1", 101 * S);
	note_silence(&dns6, "2001:db8:b::1", 101 * S);
	ck_assert(!rests(&dns6, 101 * S));
	note_silence(&dns6, "2001:db8:a:1::1", 101 * S);
	ck_assert(rests(&dns6, 101 * S));
	ck_assert_uint_eq(health.down, 2);
}
END_TEST

START_TEST(an_answer_ends_all_doubts)
{
	struct hb_service dns = service("10.9.0.3:53", HB_PROTO_UDP);

	start();
	note_silence(&dns, "10.0.0.1", 100 * S);
	note_silence(&dns, "10.0.0.2", 100 * S);
	hb_health_reached(&health, key, &dns);
	ck_assert_uint_eq(health.used, 0);
	note_silence(&dns, "10.0.0.3", 100 * S);
	note_silence(&dns, "10.0.0.4", 100 * S);
	ck_assert(!rests(&dns, 100 * S));
	note_failure(&dns, 101 * S); /* a closed port is no doubt */
	ck_assert(rests(&dns, 101 * S));
	ck_assert_uint_eq(health.used, 1);
	ck_assert_uint_eq(health.down, 1);
}
END_TEST

/* After a rest as before: the next one tries it at once, and the third makes the rest longer. */
START_TEST(a_silent_probe_makes_way)
{
	struct hb_service dns = service("10.9.0.3:53", HB_PROTO_UDP);
	static const char *const clients[] = { "10.0.0.1", "10.0.0.2", "10.0.0.3" };
	uint64_t now = 105 * S;

	start();
	note_failure(&dns, 100 * S);
	note_silence(&dns, "10.0.0.9", 101 * S); /* was under way when it failed */
	for (int i = 0; i < 3; i++) {
		ck_assert(!rests(&dns, now));
		hb_health_try(&health, key, &dns, now, now + 5 * S);
		ck_assert(rests(&dns, now));
		now += S;
		note_silence(&dns, clients[i], now);
	}
	ck_assert(rests(&dns, now + 10 * S - 1));
	ck_assert(!rests(&dns, now + 10 * S));
	ck_assert_uint_eq(health.down, 1);
}
END_TEST

/* Nobody is alone with one who is only doubted, and a doubt takes nobody's place who rests. */
START_TEST(a_doubt_is_no_failure)
{
	struct hb_service dns = service("10.9.0.3:53", HB_PROTO_UDP);
	struct hb_service http = service("10.9.0.3:80", HB_PROTO_TCP);

	start();
	note_failure(&http, 100 * S);
	note_silence(&dns, "10.0.0.1", 100 * S);
	hb_health_try(&health, key, &dns, 101 * S, 106 * S);
	ck_assert(!rests(&dns, 101 * S));
	start();
	note_failure(&dns, 100 * S);
	for (unsigned i = 0; i < 4000; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%u.%u.3:80", 10 + i / 200, i % 200);
		struct hb_service at = service(text, HB_PROTO_UDP);

		note_silence(&at, "10.0.0.1", 100 * S);
		if (i % 2)
			hb_health_reached(&health, key, &at);
	}
	ck_assert(rests(&dns, 101 * S));
	ck_assert_uint_eq(health.down, 1);
	ck_assert_uint_le(health.used, HB_HEALTH_SLOTS);
	ck_assert_uint_gt(health.used, HB_HEALTH_SLOTS / 4);
}
END_TEST

/* In an engine: what is a failure of the backend's, and what is not. */

static void open_rig(struct rig *rig)
{
	struct hb_target *target = rig_open(rig);

	rig_backend(target, RIG_BACKEND, "third");
	rig_start(rig);
}

/* A session up to the packet that decides, from another port each time. */
static void decide(struct rig *rig, uint16_t port)
{
	rig_tcp(rig,
		&(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_SYN, 1000, .from_port = port });
	rig_tcp(rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, HB_TCP_SYN | HB_TCP_ACK, 5000,
					1001, .to_port = port });
	for (uint32_t i = 0; i < 3; i++)
		rig_tcp(rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_ACK,
						1001 + (i > 0 ? i - 1 : 0), 5001, i > 0 ? "x" : "",
						.from_port = port });
}

static void from_backend(struct rig *rig, uint16_t port, uint8_t flags, uint32_t ack)
{
	rig_tcp(rig,
		&(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, flags, 9000, ack, .to_port = port });
}

START_TEST(after_a_refusal_nobody_waits)
{
	struct rig rig;

	open_rig(&rig);
	decide(&rig, 2000);
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	from_backend(&rig, 2000, HB_TCP_RST | HB_TCP_ACK, 1001);
	ck_assert_int_eq(rig.state, HB_STATE_PROXY);
	ck_assert_uint_eq(rig_counters(&rig).backend_failures, 1);
	ck_assert_uint_eq(rig_counters(&rig).backends_down, 1);
	decide(&rig, 2001);
	ck_assert_int_eq(rig.state, HB_STATE_DECISION);
	ck_assert_uint_eq(rig_counters(&rig).handovers_started, 1);
	/* The rule is asked again when it may be tried again. */
	rig_advance(&rig, 5 * RIG_SECOND);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_ACK, 1003, 5001, "y",
					 .from_port = 2001 });
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	decide(&rig, 2002);
	ck_assert_uint_eq(rig_counters(&rig).handovers_started, 2);
	from_backend(&rig, 2001, HB_TCP_SYN | HB_TCP_ACK, 1001);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, HB_TCP_ACK, 5001, 1003,
					 .to_port = 2001 });
	rig_tcp(&rig, &(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, HB_TCP_ACK, 9001, 1003,
					 .to_port = 2001 });
	for (int i = 0; i < 25; i++)
		rig_advance(&rig, 100 * RIG_MS);
	ck_assert_uint_eq(rig_counters(&rig).handovers_done, 1);
	ck_assert_uint_eq(rig_counters(&rig).backends_down, 0);
	decide(&rig, 2003);
	ck_assert_uint_eq(rig_counters(&rig).handovers_started, 3);
	rig_close(&rig);
}
END_TEST

START_TEST(who_does_not_answer_rests)
{
	struct rig rig;

	open_rig(&rig);
	decide(&rig, 2000);
	for (int i = 0; i < 60; i++)
		rig_advance(&rig, 100 * RIG_MS);
	ck_assert_uint_eq(rig_counters(&rig).handovers_failed, 1);
	ck_assert_uint_eq(rig_counters(&rig).backends_down, 1);
	rig_close(&rig);
}
END_TEST

/* It was there, and did not like this session. */
START_TEST(who_resets_a_session_does_not_rest)
{
	struct rig rig;

	open_rig(&rig);
	decide(&rig, 2000);
	from_backend(&rig, 2000, HB_TCP_SYN | HB_TCP_ACK, 1001);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, HB_TCP_RST | HB_TCP_ACK, 9001,
					 1001, .to_port = 2000 });
	ck_assert_uint_eq(rig_counters(&rig).handovers_failed, 1);
	ck_assert_uint_eq(rig_counters(&rig).backend_failures, 0);
	ck_assert_uint_eq(rig_counters(&rig).backends_down, 0);
	rig_close(&rig);
}
END_TEST

/* A datagram that the frontend answered, and one that is handed over and finds no answer. */
static void meet_silence(struct rig *rig, const char *client)
{
	for (int i = 0; i < 3; i++) {
		rig_udp(rig, client, RIG_ATTACKED, "x");
		rig_udp(rig, RIG_FRONTEND, client, "y");
	}
	rig_udp(rig, client, RIG_ATTACKED, "x");
	for (int i = 0; i < 20; i++)
		rig_advance(rig, 100 * RIG_MS);
}

START_TEST(silence_about_datagrams_is_doubted)
{
	struct rig rig;

	open_rig(&rig);
	meet_silence(&rig, "10.0.0.1");
	ck_assert_int_eq(rig.state, HB_STATE_PROXY);
	ck_assert_uint_eq(rig_counters(&rig).backend_failures, 1);
	meet_silence(&rig, "10.0.0.2");
	ck_assert_uint_eq(rig_counters(&rig).backends_down, 0);
	meet_silence(&rig, "10.0.0.3");
	ck_assert_uint_eq(rig_counters(&rig).backends_down, 1);
	ck_assert_uint_eq(rig_counters(&rig).backend_failures, 3);
	meet_silence(&rig, "10.0.0.4");
	ck_assert_uint_eq(rig_counters(&rig).handovers_started, 3);
	rig_close(&rig);
}
END_TEST

/* One that was handed over although nothing had been heard of the backend; its answer comes late. */
START_TEST(a_late_answer_is_one)
{
	struct rig rig;

	open_rig(&rig);
	meet_silence(&rig, "10.0.0.1");
	meet_silence(&rig, "10.0.0.2");
	for (int i = 0; i < 4; i++)
		rig_udp(&rig, "10.0.0.3", RIG_ATTACKED, "x");
	for (int i = 0; i < 20; i++)
		rig_advance(&rig, 100 * RIG_MS);
	ck_assert_int_eq(rig.state, HB_STATE_FORWARD);
	rig_udp(&rig, RIG_BACKEND, "10.0.0.3", "y");
	meet_silence(&rig, "10.0.0.4");
	ck_assert_uint_eq(rig_counters(&rig).backend_failures, 3);
	ck_assert_uint_eq(rig_counters(&rig).backends_down, 0);
	rig_close(&rig);
}
END_TEST

/* It ended since the frontend acknowledged what it was never seen to get. */
START_TEST(another_reason_is_no_failure)
{
	struct rig rig;

	open_rig(&rig);
	decide(&rig, 2000);
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, HB_TCP_ACK, 5001, 1004,
					 .to_port = 2000 });
	ck_assert_int_eq(rig.state, HB_STATE_PROXY);
	ck_assert_str_eq(rig.reason, "the frontend took what was not recorded");
	ck_assert_uint_eq(rig_counters(&rig).backend_failures, 0);
	ck_assert_uint_eq(rig_counters(&rig).backends_down, 0);
	rig_close(&rig);
}
END_TEST

/* An end that was ours says nothing of the backend. */
START_TEST(a_stop_is_no_failure)
{
	struct rig rig;

	open_rig(&rig);
	decide(&rig, 2000);
	hb_engine_stop(rig.engine, rig.now);
	ck_assert_uint_eq(rig_counters(&rig).handovers_failed, 1);
	ck_assert_uint_eq(rig_counters(&rig).backend_failures, 0);
	ck_assert_uint_eq(rig_counters(&rig).backends_down, 0);
	decide(&rig, 2001);
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	rig_close(&rig);
}
END_TEST

/* Another backend is there for the session; and of a pool one that does not rest is picked. */
START_TEST(others_are_asked_meanwhile)
{
	struct rig rig;
	struct hb_target *target = rig_open(&rig);

	rig_backend(target, RIG_BACKEND, "third");
	rig_backend(target, "10.9.0.4", "third");
	rig_start(&rig);
	decide(&rig, 2000);
	from_backend(&rig, 2000, HB_TCP_RST | HB_TCP_ACK, 1001);
	decide(&rig, 2001);
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_STATE].flow.backend, 2);
	rig_close(&rig);
}
END_TEST

START_TEST(a_pool_spares_who_rests)
{
	struct rig rig;
	struct hb_target *target = rig_open(&rig);
	uint16_t port = 2000;

	rig_instance(&rig, "any", "backpick_random", NULL, NULL);
	ck_assert_int_eq(hb_target_set_backpick(target, "third and any", NULL), 0);
	rig_backend(target, RIG_BACKEND, NULL);
	rig_backend(target, "10.9.0.4", NULL);
	rig_start(&rig);
	do
		decide(&rig, port++);
	while (rig.last[HB_EVENT_FLOW_STATE].flow.backend != 1);
	from_backend(&rig, (uint16_t)(port - 1), HB_TCP_RST | HB_TCP_ACK, 1001);
	ck_assert_uint_eq(rig_counters(&rig).backends_down, 1);
	for (int i = 0; i < 20; i++) {
		decide(&rig, port++);
		ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
		ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_STATE].flow.backend, 2);
	}
	rig_close(&rig);
}
END_TEST

/* When all of it rests nobody is picked, until the first may be tried again. */
START_TEST(a_pool_may_rest_as_a_whole)
{
	struct rig rig;
	struct hb_target *target = rig_open(&rig);

	rig_instance(&rig, "any", "backpick_random", NULL, NULL);
	ck_assert_int_eq(hb_target_set_backpick(target, "third and any", NULL), 0);
	rig_backend(target, RIG_BACKEND, NULL);
	rig_start(&rig);
	decide(&rig, 2000);
	from_backend(&rig, 2000, HB_TCP_RST | HB_TCP_ACK, 1001);
	decide(&rig, 2001);
	ck_assert_int_eq(rig.state, HB_STATE_DECISION);
	rig_advance(&rig, 5 * RIG_SECOND);
	decide(&rig, 2002);
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("health", who_was_not_reached_rests, a_probe_is_alone, the_rest_doubles,
	  what_fails_together_counts_once, who_is_reached_rests_no_longer, a_full_table_forgets,
	  silence_counts_by_clients, an_answer_ends_all_doubts, a_silent_probe_makes_way,
	  a_doubt_is_no_failure, silence_about_datagrams_is_doubted, another_reason_is_no_failure,
	  a_late_answer_is_one, after_a_refusal_nobody_waits, who_does_not_answer_rests,
	  who_resets_a_session_does_not_rest, a_stop_is_no_failure, others_are_asked_meanwhile,
	  a_pool_spares_who_rests, a_pool_may_rest_as_a_whole)
