/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each allocation of the engine's fails once: it goes on, says so, and nothing is left behind.
 *
 * Packets are built before that: nothing but the engine may allocate while one is to fail.
 */
#include "allocation.h"
#include "rig.h"

#include <errno.h>

#define SYN HB_TCP_SYN
#define ACK HB_TCP_ACK
#define SA (HB_TCP_SYN | HB_TCP_ACK)
#define PA (HB_TCP_PSH | HB_TCP_ACK)

#define QUICK "10.2.0.1"
#define QUICK_FRONTEND "10.9.0.12"
#define QUICK_BACKEND "10.9.0.13"
#define HANDOVERS 3 /* in the dialogue */

/* What comes, in this order: a segment, a datagram if it has no flags, or time passes. */
struct step {
	struct rig_tcp tcp;
	unsigned wait_ms;
};

/* Two turns, one of them in pieces that come in the wrong order, and two datagrams. */
static const struct step dialogue[] = {
	{ { RIG_CLIENT, RIG_ATTACKED, SYN, 1000 } },
	{ { RIG_FRONTEND, RIG_CLIENT, SA, 5000, 1001 } },
	{ { RIG_CLIENT, RIG_ATTACKED, ACK, 1001, 5001 } },
	{ { RIG_CLIENT, RIG_ATTACKED, PA, 1003, 5001, "cd" } },
	{ { RIG_CLIENT, RIG_ATTACKED, PA, 1001, 5001, "ab" } },
	{ { RIG_FRONTEND, RIG_CLIENT, PA, 5001, 1005, "ok" } },
	{ { RIG_CLIENT, RIG_ATTACKED, 0, 0, 0, "one" } },
	{ { RIG_FRONTEND, RIG_CLIENT, 0, 0, 0, "1st" } },
	{ { RIG_CLIENT, RIG_ATTACKED, 0, 0, 0, "two" } },
	{ { RIG_CLIENT, RIG_ATTACKED, 0, 0, 0, "three" } },
	{ { RIG_CLIENT, RIG_ATTACKED, PA, 1005, 5003, "efgh" } }, /* the trigger */
	{ { RIG_BACKEND, RIG_CLIENT, SA, 9000, 1001 } },
	{ { RIG_CLIENT, RIG_ATTACKED, PA, 1009, 5003, "more" } },
	{ { NULL }, 210 },
	{ { RIG_BACKEND, RIG_CLIENT, PA, 9001, 1005, "ok" } },
	{ { RIG_BACKEND, RIG_CLIENT, PA, 9003, 1013, "yes" } },
	{ { RIG_CLIENT, RIG_ATTACKED, 0, 0, 0, "four" } }, /* triggers, too */
	{ { RIG_CLIENT, RIG_ATTACKED, 0, 0, 0, "five" } },
	{ { RIG_BACKEND, RIG_CLIENT, 0, 0, 0, "1st" } },
	{ { NULL }, 400 },
	{ { RIG_CLIENT, RIG_ATTACKED, 0, 0, 0, "six" } },
	{ { RIG_FRONTEND, "10.7.7.7", SYN, 1 } },
	{ { RIG_CLIENT, QUICK, SYN, 1000 } }, /* handed over with nothing to tell */
	{ { QUICK_FRONTEND, RIG_CLIENT, SA, 5000, 1001 } },
	{ { RIG_CLIENT, QUICK, ACK, 1001, 5001 } },
	{ { QUICK_BACKEND, RIG_CLIENT, SA, 9000, 1001 } },
};

#define STEPS (sizeof(dialogue) / sizeof(dialogue[0]))

struct built {
	uint8_t data[256];
	size_t len; /* 0: time passes */
};

/* The dialogue of a client of its own. */
static void build(struct built built[STEPS], uint8_t client)
{
	for (size_t i = 0; i < STEPS; i++) {
		const struct rig_tcp *tcp = &dialogue[i].tcp;
		uint8_t buf[2048];
		struct hb_packet packet;

		built[i].len = 0;
		if (tcp->from == NULL)
			continue;
		if (tcp->flags != 0) {
			built[i].len = rig_build_tcp(buf, tcp);
		} else {
			struct hb_build_ip ip = rig_ip(tcp->from, 0, tcp->to, 0);

			built[i].len = hb_build_udp(buf, sizeof(buf), &ip,
						    (const uint8_t *)tcp->text, strlen(tcp->text));
		}
		buf[rig_is_server(tcp->from) ? 19 : 15] = client;
		hb_checksum_fill_ipv4(buf, 20);
		ck_assert_uint_le(built[i].len, sizeof(built[i].data));
		ck_assert_int_eq(hb_packet_parse(buf, built[i].len, &packet), 0);
		hb_checksum_fill_l4(buf, &packet);
		memcpy(built[i].data, buf, built[i].len);
	}
}

static void play(struct rig *rig, const struct built built[STEPS])
{
	for (size_t i = 0; i < STEPS; i++) {
		uint8_t data[256];
		struct hb_datagram dgram = {
			.data = data, .len = built[i].len, .cap = built[i].len, .in_interface = 1
		};

		memcpy(data, built[i].data, built[i].len);
		if (built[i].len == 0)
			rig_advance(rig, dialogue[i].wait_ms * RIG_MS);
		else
			hb_engine_input(rig->engine, &dgram, rig->now);
	}
}

static void open_for_dialogue(struct rig *rig)
{
	struct hb_target *target = rig_open(rig);

	rig_instance(rig, "fourth", "counter", "counter", "4");
	rig_backend(target, RIG_BACKEND, "fourth");
	rig_backend(rig_target(rig, "dst host " QUICK, QUICK_FRONTEND), QUICK_BACKEND, "yes");
	rig_start(rig);
}

START_TEST(the_dialogue_hands_over)
{
	struct built built[STEPS];
	struct rig rig;

	build(built, 1);
	open_for_dialogue(&rig);
	play(&rig, built);
	ck_assert_uint_eq(rig_counters(&rig).handovers_done, HANDOVERS);
	ck_assert_uint_eq(rig_counters(&rig).flows, 4);
	rig_close(&rig);
}
END_TEST

START_TEST(any_allocation_may_fail)
{
	struct built first[STEPS], second[STEPS];
	unsigned failures = 0, complete = 0;
	bool failed = true;

	build(first, 1);
	build(second, 2);
	for (long n = 0; failed; n++) {
		struct rig rig;
		uint64_t before;

		open_for_dialogue(&rig);
		allocation_fail_at(n);
		play(&rig, first);
		failed = allocation_failed();
		failures += failed;
		before = rig_counters(&rig).handovers_done;
		complete += before == HANDOVERS;
		ck_assert_uint_eq(rig_counters(&rig).broken, 0);
		/* The next one has all it needs. */
		play(&rig, second);
		ck_assert_uint_eq(rig_counters(&rig).handovers_done, before + HANDOVERS);
		rig_close(&rig);
	}
	ck_assert_uint_ge(failures, 8);
	ck_assert_uint_lt(complete, failures); /* most of them matter */
}
END_TEST

START_TEST(no_memory_for_an_engine)
{
	struct rig rig;
	unsigned failures = 0;

	rig_open(&rig);
	rig_seal(&rig);
	for (long n = 0; rig.engine == NULL; n++) {
		struct hb_error err = { .code = HB_ERROR_NONE };
		bool failed;

		allocation_fail_at(n);
		rig_make_engine(&rig, &err);
		failed = allocation_failed();
		ck_assert(failed == (rig.engine == NULL));
		ck_assert_int_eq(err.code, failed ? HB_ERROR_SYSTEM : HB_ERROR_NONE);
		failures += failed;
	}
	ck_assert_uint_ge(failures, 4);
	rig_close(&rig);
}
END_TEST

/* The old one stays in force. */
START_TEST(no_memory_for_another_policy)
{
	struct built built[STEPS];
	struct rig rig, other;
	int ret;

	build(built, 1);
	open_for_dialogue(&rig);
	rig_open(&other);
	rig_seal(&other);
	allocation_fail_at(0);
	ret = hb_engine_set_policy(rig.engine, other.policy);
	ck_assert(allocation_failed());
	ck_assert_int_eq(ret, -ENOMEM);
	hb_policy_unref(other.policy);
	play(&rig, built);
	ck_assert_uint_eq(rig_counters(&rig).handovers_done, HANDOVERS);
	rig_close(&rig);
}
END_TEST

/* Without memory for a flow nothing passes. */
START_TEST(no_memory_for_a_flow)
{
	struct built built[STEPS];
	struct rig rig;
	unsigned failures = 0;

	build(built, 1);
	open_for_dialogue(&rig);
	for (size_t i = 0; i < STEPS; i++) {
		struct hb_datagram dgram = { .data = built[i].data,
					     .len = built[i].len,
					     .cap = built[i].len };
		enum hb_verdict verdict;

		if (built[i].len == 0)
			continue;
		allocation_fail_at(0);
		verdict = hb_engine_input(rig.engine, &dgram, rig.now);
		failures += allocation_failed();
		ck_assert_int_eq(verdict, HB_DROP);
	}
	ck_assert_uint_gt(failures, 10);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 0);
	ck_assert_uint_eq(rig_counters(&rig).dropped, rig_counters(&rig).packets);
	ck_assert_uint_gt(rig_counters(&rig).contained, 0);
	rig_close(&rig);
}
END_TEST

/* The memory of flows that ended serves those that come. */
START_TEST(memory_of_flows_is_used_again)
{
	struct built built[STEPS];
	struct rig rig;

	build(built, 1);
	open_for_dialogue(&rig);
	for (unsigned round = 0; round < 2000; round++) {
		struct hb_datagram dgram = { .data = built[0].data,
					     .len = built[0].len,
					     .cap = built[0].len };
		uint8_t before[256];

		memcpy(before, built[0].data, built[0].len);
		if (round > 0)
			allocation_fail_at(0);
		hb_engine_input(rig.engine, &dgram, rig.now);
		rig_advance(&rig, 200 * RIG_SECOND);
		ck_assert(!allocation_failed());
		memcpy(built[0].data, before, built[0].len);
	}
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 2000);
	ck_assert_uint_eq(rig_counters(&rig).flows, 0);
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("engine_memory", the_dialogue_hands_over, any_allocation_may_fail,
	  no_memory_for_an_engine, no_memory_for_another_policy, no_memory_for_a_flow,
	  memory_of_flows_is_used_again)
