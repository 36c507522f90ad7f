/* SPDX-License-Identifier: BSD-2-Clause */
#include "flowtable.h"

#include "allocation.h"
#include "target.h"
#include "unit.h"

#include <errno.h>
#include <string.h>

#define MANY 100000

static const uint8_t key[16] = "sixteen bytes..";
static const struct hb_datagram anywhere = { .in_interface = 0 };

static struct hb_addr addr(const char *text)
{
	struct hb_addr result;

	ck_assert_int_eq(hb_addr_parse(text, &result), 0);
	return result;
}

static struct hb_target behind(const char *frontend)
{
	return (struct hb_target){ .frontend = { addr(frontend), 0 } };
}

static struct hb_flow make(const struct hb_target *target, const char *client, const char *attacked)
{
	return (struct hb_flow){ .target = target,
				 .protocol = HB_PROTO_TCP,
				 .client = addr(client),
				 .client_port = 40000,
				 .leg_port = 40000,
				 .attacked = addr(attacked),
				 .attacked_port = 80 };
}

static struct hb_flowtable empty_table(void)
{
	struct hb_flowtable table;

	ck_assert_int_eq(hb_flowtable_init(&table, key), 0);
	return table;
}

static bool enter(struct hb_flowtable *table, struct hb_flow *flow, enum hb_leg leg)
{
	struct hb_leg_key leg_key = hb_flow_leg(flow, leg);
	struct hb_node *node = leg == HB_LEG_BACKEND ? &flow->redirect->node : &flow->nodes[leg];

	return hb_flowtable_insert(table, node, leg, &leg_key);
}

static struct hb_match find(const struct hb_flowtable *table, const char *src, uint16_t src_port,
			    const char *dst, uint16_t dst_port, uint8_t protocol)
{
	const struct hb_packet packet = { .src = addr(src),
					  .dst = addr(dst),
					  .src_port = src_port,
					  .dst_port = dst_port,
					  .protocol = protocol };

	return hb_flowtable_find(table, &packet, &anywhere);
}

static void check_found(const struct hb_flowtable *table, const struct hb_flow *flow,
			enum hb_leg leg, const char *src, uint16_t src_port, const char *dst,
			uint16_t dst_port)
{
	struct hb_match match = find(table, src, src_port, dst, dst_port, HB_PROTO_TCP);

	ck_assert_ptr_eq(match.flow, flow);
	ck_assert_int_eq(match.leg, leg);
	ck_assert_int_eq(match.direction, leg == HB_LEG_CLIENT ? HB_FROM_CLIENT : HB_FROM_SERVER);
}

static bool is_unknown(const struct hb_flowtable *table, const char *src, uint16_t src_port,
		       const char *dst, uint16_t dst_port)
{
	return find(table, src, src_port, dst, dst_port, HB_PROTO_TCP).flow == NULL;
}

START_TEST(an_empty_table_knows_nobody)
{
	struct hb_flowtable table = empty_table();
	struct hb_flow flow = make(NULL, "10.0.0.1", "10.1.0.1");

	ck_assert(is_unknown(&table, "10.0.0.1", 40000, "10.1.0.1", 80));
	hb_flowtable_remove(&table, &flow.nodes[HB_LEG_CLIENT]); /* was never in it */
	ck_assert_uint_eq(table.nodes, 0);
	hb_flowtable_fini(&table);
	hb_flowtable_fini(&table);
}
END_TEST

/* Each leg takes packets of its own end only. */
START_TEST(two_keys_lead_to_one_flow)
{
	struct hb_flowtable table = empty_table();
	struct hb_target target = behind("10.9.0.2");
	struct hb_flow flow = make(&target, "10.0.0.1", "10.1.0.1");

	flow.leg_port = 1234;
	ck_assert(enter(&table, &flow, HB_LEG_CLIENT));
	ck_assert(enter(&table, &flow, HB_LEG_FRONTEND));
	check_found(&table, &flow, HB_LEG_CLIENT, "10.0.0.1", 40000, "10.1.0.1", 80);
	check_found(&table, &flow, HB_LEG_FRONTEND, "10.9.0.2", 80, "10.0.0.1", 1234);
	ck_assert(is_unknown(&table, "10.1.0.1", 80, "10.0.0.1", 40000)); /* nobody is there */
	ck_assert(is_unknown(&table, "10.0.0.1", 1234, "10.9.0.2", 80));  /* our own way to it */
	ck_assert(is_unknown(&table, "10.0.0.1", 40001, "10.1.0.1", 80));
	ck_assert(is_unknown(&table, "10.0.0.1", 40000, "10.1.0.1", 81));
	ck_assert(is_unknown(&table, "10.0.0.2", 40000, "10.1.0.1", 80));
	ck_assert_ptr_null(find(&table, "10.0.0.1", 40000, "10.1.0.1", 80, HB_PROTO_UDP).flow);
	hb_flowtable_fini(&table);
}
END_TEST

START_TEST(an_untranslated_flow_has_one_key)
{
	struct hb_flowtable table = empty_table();
	struct hb_target target = behind("10.1.0.1");
	struct hb_flow flow = make(&target, "10.0.0.1", "10.1.0.1");

	ck_assert(enter(&table, &flow, HB_LEG_CLIENT));
	check_found(&table, &flow, HB_LEG_CLIENT, "10.0.0.1", 40000, "10.1.0.1", 80);
	check_found(&table, &flow, HB_LEG_FRONTEND, "10.1.0.1", 80, "10.0.0.1", 40000);
	hb_flowtable_fini(&table);
}
END_TEST

START_TEST(a_backend_leg_comes_and_goes)
{
	struct hb_flowtable table = empty_table();
	struct hb_target target = behind("10.1.0.1");
	struct hb_flow flow = make(&target, "10.0.0.1", "10.1.0.1");
	struct hb_redirect redirect = {
		.flow = &flow,
		.translation = { .honeypot = { addr("10.9.0.3"), 8080 }, .client_port = 40000 },
	};

	flow.redirect = &redirect;
	ck_assert(enter(&table, &flow, HB_LEG_CLIENT));
	ck_assert(enter(&table, &flow, HB_LEG_BACKEND));
	check_found(&table, &flow, HB_LEG_BACKEND, "10.9.0.3", 8080, "10.0.0.1", 40000);
	check_found(&table, &flow, HB_LEG_FRONTEND, "10.1.0.1", 80, "10.0.0.1", 40000);
	ck_assert_ptr_eq(hb_flowtable_flow(&redirect.node), &flow);
	hb_flowtable_remove(&table, &redirect.node);
	ck_assert(is_unknown(&table, "10.9.0.3", 8080, "10.0.0.1", 40000));
	ck_assert(!redirect.node.in_table);
	ck_assert_uint_eq(table.nodes, 1);
	hb_flowtable_fini(&table);
}
END_TEST

/* One source port that scans a darknet has one leg to the frontend for all (handover rule 20). */
START_TEST(a_scan_clashes_at_the_frontend)
{
	struct hb_flowtable table = empty_table();
	struct hb_target target = behind("10.9.0.2");
	struct hb_flow first = make(&target, "10.0.0.1", "10.1.0.1");
	struct hb_flow second = make(&target, "10.0.0.1", "10.1.0.2");

	ck_assert(enter(&table, &first, HB_LEG_CLIENT));
	ck_assert(enter(&table, &first, HB_LEG_FRONTEND));
	ck_assert(enter(&table, &second, HB_LEG_CLIENT));
	ck_assert(!enter(&table, &second, HB_LEG_FRONTEND));
	ck_assert(!second.nodes[HB_LEG_FRONTEND].in_table);
	ck_assert_uint_eq(table.nodes, 3);
	second.leg_port = 1024;
	ck_assert(enter(&table, &second, HB_LEG_FRONTEND));
	check_found(&table, &first, HB_LEG_FRONTEND, "10.9.0.2", 80, "10.0.0.1", 40000);
	check_found(&table, &second, HB_LEG_FRONTEND, "10.9.0.2", 80, "10.0.0.1", 1024);
	hb_flowtable_fini(&table);
}
END_TEST

START_TEST(a_flow_is_entered_once)
{
	struct hb_flowtable table = empty_table();
	struct hb_flow first = make(NULL, "10.0.0.1", "10.1.0.1");
	struct hb_flow second = first;

	ck_assert(enter(&table, &first, HB_LEG_CLIENT));
	ck_assert(!enter(&table, &second, HB_LEG_CLIENT));
	hb_flowtable_remove(&table, &first.nodes[HB_LEG_CLIENT]);
	ck_assert(enter(&table, &second, HB_LEG_CLIENT));
	check_found(&table, &second, HB_LEG_CLIENT, "10.0.0.1", 40000, "10.1.0.1", 80);
	hb_flowtable_fini(&table);
}
END_TEST

/* Someone talks to the frontend by its own address, from the port of a translated session. */
START_TEST(legs_that_look_alike_are_told_by_direction)
{
	struct hb_flowtable table = empty_table();
	struct hb_target darknet = behind("10.9.0.2"), elsewhere = behind("10.9.0.7");
	struct hb_flow translated = make(&darknet, "10.0.0.1", "10.1.0.1");
	struct hb_flow direct = make(&elsewhere, "10.0.0.1", "10.9.0.2");

	ck_assert(enter(&table, &translated, HB_LEG_CLIENT));
	ck_assert(enter(&table, &translated, HB_LEG_FRONTEND));
	/* Its client leg equals the other's frontend leg, but takes the other direction. */
	ck_assert(enter(&table, &direct, HB_LEG_CLIENT));
	ck_assert(enter(&table, &direct, HB_LEG_FRONTEND));
	check_found(&table, &direct, HB_LEG_CLIENT, "10.0.0.1", 40000, "10.9.0.2", 80);
	check_found(&table, &translated, HB_LEG_FRONTEND, "10.9.0.2", 80, "10.0.0.1", 40000);
	hb_flowtable_fini(&table);
}
END_TEST

/* Without translation it takes both, and there the two cannot be told apart. */
START_TEST(an_untranslated_flow_clashes_with_a_frontend_leg)
{
	struct hb_flowtable table = empty_table();
	struct hb_target darknet = behind("10.9.0.2"), same = behind("10.9.0.2");
	struct hb_flow translated = make(&darknet, "10.0.0.1", "10.1.0.1");
	struct hb_flow direct = make(&same, "10.0.0.1", "10.9.0.2");

	ck_assert(enter(&table, &translated, HB_LEG_CLIENT));
	ck_assert(enter(&table, &translated, HB_LEG_FRONTEND));
	ck_assert(!enter(&table, &direct, HB_LEG_CLIENT));
	hb_flowtable_fini(&table);

	table = empty_table();
	translated = make(&darknet, "10.0.0.1", "10.1.0.1");
	ck_assert(enter(&table, &direct, HB_LEG_CLIENT));
	ck_assert(enter(&table, &translated, HB_LEG_CLIENT));
	ck_assert(!enter(&table, &translated, HB_LEG_FRONTEND));
	hb_flowtable_fini(&table);
}
END_TEST

/* A session of a host with itself: both ways look the same. */
START_TEST(both_ends_may_be_one)
{
	struct hb_flowtable table = empty_table();
	struct hb_flow flow = make(NULL, "10.0.0.1", "10.0.0.1");

	flow.attacked_port = flow.client_port;
	ck_assert(enter(&table, &flow, HB_LEG_CLIENT));
	check_found(&table, &flow, HB_LEG_CLIENT, "10.0.0.1", 40000, "10.0.0.1", 40000);
	hb_flowtable_fini(&table);
}
END_TEST

START_TEST(ipv6_is_the_same)
{
	struct hb_flowtable table = empty_table();
	struct hb_target target = behind("2001:db8:9::2");
	struct hb_flow flow = make(&target, "2001:db8:a::1", "2001:db8:1::1");

	ck_assert(enter(&table, &flow, HB_LEG_CLIENT));
	ck_assert(enter(&table, &flow, HB_LEG_FRONTEND));
	check_found(&table, &flow, HB_LEG_CLIENT, "2001:db8:a::1", 40000, "2001:db8:1::1", 80);
	check_found(&table, &flow, HB_LEG_FRONTEND, "2001:db8:9::2", 80, "2001:db8:a::1", 40000);
	ck_assert(is_unknown(&table, "2001:db8:1::1", 80, "2001:db8:a::1", 40000));
	hb_flowtable_fini(&table);
}
END_TEST

static struct hb_packet packet_of(const struct hb_flow *flow)
{
	return (struct hb_packet){ .src = flow->client,
				   .dst = flow->attacked,
				   .src_port = flow->client_port,
				   .dst_port = flow->attacked_port,
				   .protocol = flow->protocol };
}

static size_t longest_chain(const struct hb_flowtable *table)
{
	size_t longest = 0;

	for (size_t i = 0; i <= table->mask; i++) {
		size_t len = 0;

		for (const struct hb_node *node = table->buckets[i]; node != NULL;
		     node = node->next)
			len++;
		longest = len > longest ? len : longest;
	}
	return longest;
}

static void check_all(const struct hb_flowtable *table, const struct hb_flow *flows,
		      size_t removed_every)
{
	for (size_t i = 0; i < MANY; i++) {
		struct hb_packet packet = packet_of(&flows[i]);
		const struct hb_flow *found = hb_flowtable_find(table, &packet, &anywhere).flow;

		unit_require(found ==
			     (removed_every > 0 && i % removed_every == 0 ? NULL : &flows[i]));
	}
}

START_TEST(it_grows_with_its_flows)
{
	struct hb_flowtable table = empty_table();
	struct hb_target target = behind("10.9.0.2");
	struct hb_flow *flows = calloc(MANY, sizeof(*flows));

	ck_assert_ptr_nonnull(flows);
	for (size_t i = 0; i < MANY; i++) {
		flows[i] = make(&target, "10.0.0.1", "10.1.0.1");
		flows[i].attacked.bytes[14] = (uint8_t)(i >> 8);
		flows[i].attacked.bytes[15] = (uint8_t)i;
		flows[i].client.bytes[15] = (uint8_t)(i >> 16);
		flows[i].leg_port = (uint16_t)i;
		unit_require(enter(&table, &flows[i], HB_LEG_CLIENT));
		unit_require(enter(&table, &flows[i], HB_LEG_FRONTEND));
	}
	ck_assert_uint_eq(table.nodes, 2 * MANY);
	ck_assert_uint_le(longest_chain(&table), 16);
	check_all(&table, flows, 0);
	for (size_t i = 0; i < MANY; i += 3)
		for (unsigned leg = 0; leg < 2; leg++)
			hb_flowtable_remove(&table, &flows[i].nodes[leg]);
	check_all(&table, flows, 3);
	for (size_t i = 0; i < MANY; i++)
		for (unsigned leg = 0; leg < 2; leg++)
			hb_flowtable_remove(&table, &flows[i].nodes[leg]);
	ck_assert_uint_eq(table.nodes, 0);
	ck_assert_uint_eq(longest_chain(&table), 0);
	free(flows);
	hb_flowtable_fini(&table);
}
END_TEST

/* Then chains grow, and nothing else. */
START_TEST(no_memory_to_grow)
{
	enum { COUNT = 3000 };
	struct hb_flow *flows = calloc(COUNT, sizeof(*flows));
	struct hb_flowtable table;
	unsigned failures = 0;
	int ret;

	ck_assert_ptr_nonnull(flows);
	allocation_fail_at(0);
	ret = hb_flowtable_init(&table, key);
	ck_assert(allocation_failed());
	ck_assert_int_eq(ret, -ENOMEM);
	hb_flowtable_fini(&table);
	table = empty_table();
	for (size_t i = 0; i < COUNT; i++) {
		bool entered;

		flows[i] = make(NULL, "10.0.0.1", "10.1.0.1");
		flows[i].client_port = flows[i].leg_port = (uint16_t)i;
		allocation_fail_at(0);
		entered = enter(&table, &flows[i], HB_LEG_CLIENT);
		failures += allocation_failed();
		unit_require(entered);
	}
	ck_assert_uint_gt(failures, 0);
	for (size_t i = 0; i < COUNT; i++) {
		struct hb_packet packet = packet_of(&flows[i]);

		unit_require(hb_flowtable_find(&table, &packet, &anywhere).flow == &flows[i]);
	}
	hb_flowtable_fini(&table);
	free(flows);
}
END_TEST

UNIT_MAIN("flowtable", an_empty_table_knows_nobody, two_keys_lead_to_one_flow,
	  an_untranslated_flow_has_one_key, a_backend_leg_comes_and_goes,
	  a_scan_clashes_at_the_frontend, a_flow_is_entered_once,
	  legs_that_look_alike_are_told_by_direction,
	  an_untranslated_flow_clashes_with_a_frontend_leg, both_ends_may_be_one, ipv6_is_the_same,
	  it_grows_with_its_flows, no_memory_to_grow)
