/* SPDX-License-Identifier: BSD-2-Clause */
/* Whatever one source does, others find flows and memory for themselves (handover rule 33). */
#include "rig.h"
#include "shares.h"

#define SYN HB_TCP_SYN
#define ACK HB_TCP_ACK
#define SA (HB_TCP_SYN | HB_TCP_ACK)
#define PA (HB_TCP_PSH | HB_TCP_ACK)

#define CROWD "10.0.9.9"
#define OTHERS 60

static void open_from(struct rig *rig, const char *from, uint16_t port)
{
	rig_tcp(rig, &(struct rig_tcp){ from, RIG_ATTACKED, SYN, 1000, .from_port = port });
	rig_tcp(rig, &(struct rig_tcp){ RIG_FRONTEND, from, SA, 5000, 1001, .to_port = port });
	rig_tcp(rig, &(struct rig_tcp){ from, RIG_ATTACKED, ACK, 1001, 5001, .from_port = port });
}

static const char *other(char buf[HB_ADDR_TEXT_SIZE], unsigned i)
{
	snprintf(buf, HB_ADDR_TEXT_SIZE, "10.0.1.%u", i);
	return buf;
}

/* Each of them an open session, older than all of the crowd's. */
static void open_others(struct rig *rig)
{
	char buf[HB_ADDR_TEXT_SIZE];

	for (unsigned i = 0; i < OTHERS; i++)
		open_from(rig, other(buf, i), 2000);
}

/* No packet of theirs looks like that of a session nobody knows. */
static void check_others(struct rig *rig)
{
	uint64_t started = rig_counters(rig).flows_started;
	char buf[HB_ADDR_TEXT_SIZE];

	for (unsigned i = 0; i < OTHERS; i++)
		rig_tcp(rig, &(struct rig_tcp){ other(buf, i), RIG_ATTACKED, ACK, 1001, 5001,
						.from_port = 2000 });
	ck_assert_uint_eq(rig_counters(rig).flows_started, started);
}

/* Sessions, not half-open ones: they are of the same rank as those of others. */
START_TEST(rule_33_a_crowd_gives_way_before_others)
{
	struct rig rig;

	rig_open(&rig);
	rig.options.max_flows = 320;
	rig_start(&rig);
	open_others(&rig);
	for (uint16_t port = 10000; port < 12000; port++)
		open_from(&rig, CROWD, port);
	ck_assert_uint_eq(rig_counters(&rig).flows, 320);
	check_others(&rig);
	/* Who comes new finds room for a whole handshake, and beyond. */
	open_from(&rig, "10.0.2.1", 3000);
	for (uint16_t port = 12000; port < 13000; port++)
		open_from(&rig, CROWD, port);
	rig_tcp(&rig,
		&(struct rig_tcp){ "10.0.2.1", RIG_ATTACKED, ACK, 1001, 5001, .from_port = 3000 });
	ck_assert_uint_eq(rig_counters(&rig).flows_started, OTHERS + 2000 + 1 + 1000);
	check_others(&rig);
	rig_close(&rig);
}
END_TEST

/* Without a crowd nothing but age counts. */
START_TEST(without_a_crowd_the_oldest_gives_way)
{
	struct rig rig;
	char buf[HB_ADDR_TEXT_SIZE];

	rig_open(&rig);
	rig.options.max_flows = OTHERS;
	rig_start(&rig);
	open_others(&rig);
	open_from(&rig, "10.0.2.1", 3000);
	ck_assert_uint_eq(rig_counters(&rig).flows_evicted, 1);
	ck_assert_str_eq(hb_addr_format(&rig.last[HB_EVENT_FLOW_END].flow.client.addr, buf),
			 "10.0.1.0");
	rig_close(&rig);
}
END_TEST

static void say(struct rig *rig, const char *from, uint16_t port, const char *text)
{
	rig_tcp(rig,
		&(struct rig_tcp){ from, RIG_ATTACKED, PA, 1001, 5001, text, .from_port = port });
}

/* Who has filled a quarter of the memory for recordings is not recorded; others are. */
START_TEST(rule_33_a_source_has_its_part_of_the_memory)
{
	enum { TOTAL = 400000 };
	char text[1001];
	struct hb_target *target;
	uint16_t port = 10000;
	struct rig rig;

	memset(text, 'x', 1000);
	text[1000] = '\0';
	target = rig_open(&rig);
	rig_instance(&rig, "long", "counter", "counter", "1000");
	rig_backend(target, RIG_BACKEND, "long");
	rig.options.max_total_buffer_bytes = TOTAL;
	rig_start(&rig);
	do {
		open_from(&rig, CROWD, port);
		say(&rig, CROWD, port++, text);
	} while (rig.state == HB_STATE_DECISION);
	ck_assert_int_eq(rig.state, HB_STATE_PROXY);
	ck_assert_uint_gt(port, 10010);
	ck_assert_uint_le(rig_counters(&rig).buffered_bytes, TOTAL / 4);
	open_from(&rig, "10.0.2.1", 2000);
	say(&rig, "10.0.2.1", 2000, text);
	ck_assert_int_eq(rig.state, HB_STATE_DECISION);
	rig_advance(&rig, 200 * RIG_SECOND); /* all of it is given back */
	ck_assert_uint_eq(rig_counters(&rig).buffered_bytes, 0);
	open_from(&rig, CROWD, 2000);
	say(&rig, CROWD, 2000, text);
	ck_assert_int_eq(rig.state, HB_STATE_DECISION);
	rig_close(&rig);
}
END_TEST

START_TEST(a_network_of_ipv6_is_one_source)
{
	static const uint8_t key[16] = { 1 };
	struct hb_budget whole = { .max_total_bytes = 1000 };
	struct hb_shares shares = { 0 };
	struct hb_addr one = rig_addr("2001:db8:a::1"), same = rig_addr("2001:db8:a:0:ffff::9");
	struct hb_addr next = rig_addr("2001:db8:a:1::1"), ipv4 = rig_addr("10.0.0.1");
	struct hb_addr neighbour = rig_addr("10.0.0.2");

	ck_assert_int_eq(hb_shares_init(&shares, &whole), 0);
	ck_assert_ptr_eq(hb_shares_find(&shares, key, &one), hb_shares_find(&shares, key, &same));
	ck_assert_ptr_ne(hb_shares_find(&shares, key, &one), hb_shares_find(&shares, key, &next));
	ck_assert_ptr_ne(hb_shares_find(&shares, key, &ipv4),
			 hb_shares_find(&shares, key, &neighbour));
	hb_shares_fini(&shares);
}
END_TEST

/* A reload may make a source a crowd, and none of it again. */
START_TEST(the_limit_may_change)
{
	static const uint8_t key[16] = { 1 };
	struct hb_budget whole = { .max_total_bytes = 1000 };
	struct hb_shares shares = { 0 };
	struct hb_addr addr = rig_addr("10.0.0.1");
	struct hb_share *share;

	ck_assert_int_eq(hb_shares_init(&shares, &whole), 0);
	hb_shares_set_limit(&shares, 160);
	share = hb_shares_find(&shares, key, &addr);
	for (int i = 0; i < 10; i++)
		hb_shares_enter(&shares, share);
	ck_assert_uint_eq(shares.crowds, 0);
	hb_shares_enter(&shares, share);
	ck_assert_uint_eq(shares.crowds, 1);
	hb_shares_set_limit(&shares, 1600);
	ck_assert_uint_eq(shares.crowds, 0);
	hb_shares_set_limit(&shares, 16);
	ck_assert_uint_eq(shares.crowds, 1);
	for (int i = 0; i < 10; i++)
		hb_shares_leave(&shares, share);
	ck_assert_uint_eq(shares.crowds, 0);
	hb_shares_fini(&shares);
}
END_TEST

UNIT_MAIN("shares", rule_33_a_crowd_gives_way_before_others, without_a_crowd_the_oldest_gives_way,
	  rule_33_a_source_has_its_part_of_the_memory, a_network_of_ipv6_is_one_source,
	  the_limit_may_change)
