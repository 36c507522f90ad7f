/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow.h"

#include "target.h"
#include "unit.h"

#include <string.h>

static struct hb_addr addr(const char *text)
{
	struct hb_addr result;

	ck_assert_int_eq(hb_addr_parse(text, &result), 0);
	return result;
}

static struct hb_flow make(const struct hb_target *target, uint8_t protocol)
{
	return (struct hb_flow){ .target = target,
				 .protocol = protocol,
				 .client = addr("10.0.0.1"),
				 .client_port = 40000,
				 .leg_port = 40000,
				 .attacked = addr("10.1.0.1"),
				 .attacked_port = 80 };
}

static struct hb_target behind(const char *frontend, uint16_t port)
{
	return (struct hb_target){ .frontend = { addr(frontend), port } };
}

static void check_server(const struct hb_flow *flow, enum hb_leg leg, const char *server,
			 uint16_t server_port, uint16_t client_port)
{
	struct hb_leg_key key = hb_flow_leg(flow, leg);
	struct hb_addr expected = addr(server);

	ck_assert(hb_addr_equal(&key.client, &flow->client));
	ck_assert(hb_addr_equal(&key.server, &expected));
	ck_assert_uint_eq(key.server_port, server_port);
	ck_assert_uint_eq(key.client_port, client_port);
	ck_assert_uint_eq(key.protocol, flow->protocol);
}

START_TEST(states_have_names)
{
	static const char *const names[] = { "NONE",    "INIT",  "DECISION", "REPLAY",
					     "FORWARD", "PROXY", "DROPPED",  "CONTROL" };

	for (unsigned i = 0; i < HB_STATE_COUNT; i++)
		ck_assert_str_eq(hb_flow_state_name((enum hb_flow_state)i), names[i]);
	ck_assert_str_eq(hb_flow_state_name(HB_STATE_COUNT), "NONE");
	ck_assert_str_eq(hb_flow_state_name((enum hb_flow_state) - 1), "NONE");
}
END_TEST

START_TEST(the_frontend_leg_goes_to_the_frontend)
{
	struct hb_target target = behind("10.9.0.2", 0);
	struct hb_flow flow = make(&target, HB_PROTO_TCP);

	flow.leg_port = 2000;
	check_server(&flow, HB_LEG_CLIENT, "10.1.0.1", 80, 40000);
	check_server(&flow, HB_LEG_FRONTEND, "10.9.0.2", 80, 2000);
	ck_assert(!hb_flow_is_identity(&flow));
	target.frontend.port = 8080;
	check_server(&flow, HB_LEG_FRONTEND, "10.9.0.2", 8080, 2000);
}
END_TEST

/* An echo's identifier stands in the place of both ports, whatever port the frontend has. */
START_TEST(the_frontends_port_is_for_ports)
{
	struct hb_target target = behind("10.9.0.2", 8080);
	struct hb_flow flow = make(&target, HB_PROTO_ICMP);

	flow.attacked_port = flow.client_port;
	check_server(&flow, HB_LEG_FRONTEND, "10.9.0.2", 40000, 40000);
	ck_assert(!hb_flow_is_identity(&flow));
	flow.protocol = HB_PROTO_ICMPV6;
	flow.leg_port = 2000;
	check_server(&flow, HB_LEG_FRONTEND, "10.9.0.2", 2000, 2000);
	flow.attacked_port = 80;
	flow.leg_port = flow.client_port;
	flow.protocol = HB_PROTO_UDP;
	check_server(&flow, HB_LEG_FRONTEND, "10.9.0.2", 8080, 40000);
}
END_TEST

START_TEST(a_flow_may_need_no_translation)
{
	struct hb_target target = behind("10.1.0.1", 0);
	struct hb_flow flow = make(&target, HB_PROTO_TCP);

	ck_assert(hb_flow_is_identity(&flow));
	flow.leg_port = 1;
	ck_assert(!hb_flow_is_identity(&flow));
	flow.leg_port = flow.client_port;
	target.frontend.port = 80;
	ck_assert(hb_flow_is_identity(&flow));
	target.frontend.port = 81;
	ck_assert(!hb_flow_is_identity(&flow));
}
END_TEST

/* What a honeypot starts, and what no target takes, goes where it wants or nowhere. */
START_TEST(others_are_never_translated)
{
	struct hb_target target = behind("10.9.0.2", 0);
	struct hb_flow flow = make(NULL, HB_PROTO_TCP);

	ck_assert(hb_flow_is_identity(&flow));
	check_server(&flow, HB_LEG_FRONTEND, "10.1.0.1", 80, 40000);
	flow = make(&target, HB_PROTO_TCP);
	flow.flags = HB_FLOW_FROM_HONEYPOT;
	ck_assert(hb_flow_is_identity(&flow));
	check_server(&flow, HB_LEG_FRONTEND, "10.1.0.1", 80, 40000);
}
END_TEST

START_TEST(the_backend_leg_is_the_redirects)
{
	struct hb_target target = behind("10.9.0.2", 0);
	struct hb_flow flow = make(&target, HB_PROTO_TCP);
	struct hb_redirect redirect = {
		.flow = &flow,
		.translation = { .honeypot = { addr("10.9.0.3"), 8080 }, .client_port = 1234 },
	};

	flow.redirect = &redirect;
	check_server(&flow, HB_LEG_BACKEND, "10.9.0.3", 8080, 1234);
	check_server(&flow, HB_LEG_FRONTEND, "10.9.0.2", 80, 40000);
}
END_TEST

/* How many flows a rank's list holds. */
static size_t listed(const struct hb_flow_ranks *ranks, enum hb_rank rank)
{
	const struct hb_flow_list *list = &ranks->lists[rank];
	size_t count = 0;
	const struct hb_flow *last = NULL;

	for (const struct hb_flow *flow = list->oldest; flow != NULL; flow = flow->newer) {
		ck_assert_ptr_eq(flow->older, last);
		ck_assert_int_eq(hb_flow_rank_now(flow), rank);
		last = flow;
		count++;
	}
	ck_assert_ptr_eq(list->newest, last);
	return count;
}

START_TEST(flows_queue_up_by_rank)
{
	struct hb_flow_ranks ranks = { .lists = { { NULL, NULL } } };
	struct hb_flow flows[3];

	ck_assert_ptr_null(hb_flow_first_to_go(&ranks));
	for (size_t i = 0; i < 3; i++) {
		flows[i] = make(NULL, HB_PROTO_TCP);
		hb_flow_set_state(&ranks, &flows[i], HB_STATE_INIT);
	}
	ck_assert_uint_eq(listed(&ranks, HB_RANK_SHORT), 3);
	hb_flow_set_state(&ranks, &flows[0], HB_STATE_DECISION); /* keeps its place */
	ck_assert_ptr_eq(hb_flow_first_to_go(&ranks), &flows[0]);
	hb_flow_set_state(&ranks, &flows[1], HB_STATE_REPLAY); /* out of the middle */
	ck_assert_int_eq(flows[1].state, HB_STATE_REPLAY);
	ck_assert_uint_eq(listed(&ranks, HB_RANK_SHORT), 2);
	ck_assert_uint_eq(listed(&ranks, HB_RANK_REDIRECTED), 1);
	flows[0].track.flags |= HB_TRACK_ESTABLISHED;
	hb_flow_rank(&ranks, &flows[0]);
	hb_flow_rank(&ranks, &flows[0]);
	ck_assert_uint_eq(listed(&ranks, HB_RANK_SESSION), 1);
	ck_assert_ptr_eq(hb_flow_first_to_go(&ranks), &flows[2]);
	hb_flow_set_state(&ranks, &flows[2], HB_STATE_NONE);
	hb_flow_set_state(&ranks, &flows[2], HB_STATE_NONE);
	ck_assert_ptr_eq(hb_flow_first_to_go(&ranks), &flows[0]);
	hb_flow_set_state(&ranks, &flows[0], HB_STATE_NONE);
	hb_flow_set_state(&ranks, &flows[1], HB_STATE_FORWARD);
	ck_assert_ptr_eq(hb_flow_first_to_go(&ranks), &flows[1]);
	hb_flow_set_state(&ranks, &flows[1], HB_STATE_NONE);
	for (unsigned rank = 0; rank < HB_RANK_COUNT; rank++)
		ck_assert_uint_eq(listed(&ranks, (enum hb_rank)rank), 0);
}
END_TEST

/* What is lost or over goes back, behind those that wait there. */
START_TEST(what_is_over_queues_up_again)
{
	struct hb_flow_ranks ranks = { .lists = { { NULL, NULL } } };
	struct hb_flow flow = make(NULL, HB_PROTO_TCP), other = flow;

	flow.track.flags = HB_TRACK_ESTABLISHED;
	hb_flow_set_state(&ranks, &flow, HB_STATE_REPLAY);
	hb_flow_set_state(&ranks, &other, HB_STATE_DECISION);
	hb_flow_set_state(&ranks, &flow, HB_STATE_DROPPED);
	ck_assert_uint_eq(listed(&ranks, HB_RANK_SHORT), 2);
	ck_assert_ptr_eq(hb_flow_first_to_go(&ranks), &other);
	hb_flow_set_state(&ranks, &flow, HB_STATE_PROXY);
	ck_assert_uint_eq(listed(&ranks, HB_RANK_SESSION), 1);
	flow.flags |= HB_FLOW_REPORTED;
	hb_flow_rank(&ranks, &flow);
	ck_assert_uint_eq(listed(&ranks, HB_RANK_SHORT), 2);
}
END_TEST

START_TEST(age_is_in_milliseconds)
{
	struct hb_flow flow = { .started_ns = 5000000 };

	ck_assert_uint_eq(hb_flow_age_ms(&flow, 5000000), 0);
	ck_assert_uint_eq(hb_flow_age_ms(&flow, 5999999), 0);
	ck_assert_uint_eq(hb_flow_age_ms(&flow, 6000000), 1);
	ck_assert_uint_eq(hb_flow_age_ms(&flow, 5000000 + UINT64_C(86400000000000)), 86400000);
}
END_TEST

START_TEST(payload_is_recorded_while_rules_are_asked)
{
	struct hb_flow flow = make(NULL, HB_PROTO_TCP);
	struct hb_record record = { .given_up = false };

	for (unsigned state = 0; state < HB_STATE_COUNT; state++) {
		flow.state = (uint8_t)state;
		ck_assert(hb_flow_records(&flow) == (state == HB_STATE_DECISION));
	}
	flow.state = HB_STATE_DECISION;
	flow.record = &record;
	ck_assert(hb_flow_records(&flow));
	record.given_up = true;
	ck_assert(!hb_flow_records(&flow));
}
END_TEST

UNIT_MAIN("flow", states_have_names, the_frontend_leg_goes_to_the_frontend,
	  the_frontends_port_is_for_ports, a_flow_may_need_no_translation,
	  others_are_never_translated, the_backend_leg_is_the_redirects, flows_queue_up_by_rank,
	  what_is_over_queues_up_again, age_is_in_milliseconds,
	  payload_is_recorded_while_rules_are_asked)
