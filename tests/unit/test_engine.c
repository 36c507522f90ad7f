/* SPDX-License-Identifier: BSD-2-Clause */
/* What the engine does before it knows a flow, and with time and policies. */
#include "rig.h"

#include <errno.h>

#define SYN HB_TCP_SYN

static enum hb_verdict syn(struct rig *rig, const char *from, const char *to)
{
	return rig_tcp(rig, &(struct rig_tcp){ from, to, SYN, 1000 });
}

START_TEST(an_idle_engine_wants_nothing)
{
	struct rig rig;
	struct hb_counters counters;
	const struct hb_counters zero = { .packets = 0 };

	rig_open(&rig);
	rig_start(&rig);
	ck_assert_uint_eq(hb_engine_next_deadline(rig.engine), UINT64_MAX);
	rig_advance(&rig, RIG_SECOND);
	ck_assert_uint_eq(hb_engine_next_deadline(rig.engine), UINT64_MAX);
	counters = rig_counters(&rig);
	ck_assert_mem_eq(&counters, &zero, sizeof(zero));
	rig_close(&rig);
}
END_TEST

START_TEST(what_cannot_be_parsed_is_dropped_and_counted)
{
	struct rig rig;
	uint8_t buf[2048];
	const struct rig_tcp tcp = { RIG_CLIENT, RIG_ATTACKED, SYN, 1000 };
	size_t len = rig_build_tcp(buf, &tcp);

	rig_open(&rig);
	rig_start(&rig);
	ck_assert_int_eq(rig_input(&rig, "", 0, &(struct hb_datagram){ .mark = 0 }), HB_DROP);
	ck_assert_int_eq(rig_input(&rig, buf, len - 1, &(struct hb_datagram){ .mark = 0 }),
			 HB_DROP);
	buf[0] = 0x55;
	ck_assert_int_eq(rig_input(&rig, buf, len, &(struct hb_datagram){ .mark = 0 }), HB_DROP);
	ck_assert_uint_eq(rig_counters(&rig).malformed, 3);
	ck_assert_uint_eq(rig_counters(&rig).dropped, 3);
	ck_assert_uint_eq(rig_counters(&rig).packets, 3);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(new_flows_are_answered_for)
{
	struct rig rig;

	rig_open(&rig);
	rig_start(&rig);
	ck_assert_int_eq(syn(&rig, RIG_CLIENT, RIG_ATTACKED), HB_ACCEPT_MODIFIED);
	ck_assert_int_eq(rig.state, HB_STATE_PROXY); /* there is no backend */
	ck_assert_int_eq(syn(&rig, RIG_CLIENT, "10.2.0.1"), HB_DROP);
	ck_assert_int_eq(rig.state, HB_STATE_DROPPED);
	ck_assert_uint_eq(rig_counters(&rig).unmatched, 1);
	ck_assert_int_eq(syn(&rig, RIG_FRONTEND, "10.7.7.7"), HB_DROP);
	ck_assert_int_eq(rig.state, HB_STATE_CONTROL);
	ck_assert_uint_eq(rig_counters(&rig).contained, 1);
	ck_assert_uint_eq(rig_counters(&rig).flows, 3);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 3);
	rig_close(&rig);
}
END_TEST

/* The first datagram's clock stands; timers that it passed have fired. */
START_TEST(time_does_not_go_back)
{
	struct rig rig;
	uint64_t deadline, started;

	rig_open(&rig);
	rig_start(&rig);
	syn(&rig, RIG_CLIENT, RIG_ATTACKED);
	started = rig.now.mono_ns;
	deadline = hb_engine_next_deadline(rig.engine);
	rig.now.mono_ns = started / 2;
	rig_advance(&rig, 0);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, SYN, 1000 });
	ck_assert_uint_eq(hb_engine_next_deadline(rig.engine), deadline);
	syn(&rig, RIG_CLIENT, "10.1.0.2");
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_NEW].time.mono_ns, started);
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_NEW].flow.started.mono_ns, started);
	rig.now.mono_ns = started;
	rig_close(&rig);
}
END_TEST

/* Called when it asks to be, the engine ends a flow exactly when its time is over. */
START_TEST(next_deadline_leads_to_the_end)
{
	struct rig rig;
	uint64_t started;

	rig_open(&rig);
	rig_start(&rig);
	started = rig.now.mono_ns;
	syn(&rig, RIG_CLIENT, RIG_ATTACKED);
	for (unsigned calls = 0; rig.events[HB_EVENT_FLOW_END] == 0; calls++) {
		uint64_t deadline = hb_engine_next_deadline(rig.engine);

		ck_assert_uint_lt(calls, 10);
		ck_assert_uint_gt(deadline, rig.now.mono_ns);
		ck_assert_uint_le(deadline, started + 120 * RIG_SECOND);
		rig_advance(&rig, deadline - rig.now.mono_ns);
	}
	ck_assert_uint_eq(rig.now.mono_ns, started + 120 * RIG_SECOND);
	ck_assert_str_eq(rig.reason, "idle");
	ck_assert_uint_eq(hb_engine_next_deadline(rig.engine), UINT64_MAX);
	rig_close(&rig);
}
END_TEST

static size_t neighbour_discovery(uint8_t buf[2048], uint8_t type, uint8_t hop_limit,
				  const char *from)
{
	struct hb_build_ip ip = { .src.addr = rig_addr(from),
				  .dst.addr = rig_addr("2001:db8:9::1"),
				  .ttl = hop_limit };
	struct hb_packet packet;
	size_t len = hb_build_udp(buf, 2048, &ip, (const uint8_t *)"sixteen and more", 16);

	buf[6] = HB_PROTO_ICMPV6;
	memset(buf + 40, 0, 8);
	buf[40] = type;
	ck_assert_int_eq(hb_packet_parse(buf, len, &packet), 0);
	hb_checksum_fill_l4(buf, &packet);
	return len;
}

START_TEST(neighbour_discovery_passes)
{
	const struct hb_datagram as = { .in_interface = 1 };
	struct rig rig;
	uint8_t buf[2048];
	size_t len;

	rig_open_empty(&rig);
	rig_target(&rig, "dst net 2001:db8:1::/64", "2001:db8:9::2");
	rig_start(&rig);
	for (unsigned type = 0; type < 256; type++) {
		bool discovery = type >= 133 && type <= 137;

		len = neighbour_discovery(buf, (uint8_t)type, 255, "2001:db8:9::2");
		ck_assert_int_eq(rig_input(&rig, buf, len, &as), discovery ? HB_ACCEPT : HB_DROP);
	}
	/* From behind a router it is none. */
	len = neighbour_discovery(buf, 135, 254, "2001:db8:9::2");
	ck_assert_int_eq(rig_input(&rig, buf, len, &as), HB_DROP);
	rig_close(&rig);
}
END_TEST

/* Each piece of a packet, in the order of which; returns how many left. */
static unsigned send_pieces(struct rig *rig, const uint8_t *data, size_t len, const size_t *which,
			    size_t count)
{
	struct hb_packet packet;
	uint8_t piece[2048];
	unsigned before = rig->sent_count;

	ck_assert_int_eq(hb_packet_parse(data, len, &packet), 0);
	for (size_t i = 0; i < count; i++) {
		size_t piece_len =
			hb_packet_fragment(&packet, 77, 400, which[i], piece, sizeof(piece));

		ck_assert_int_eq(
			rig_input(rig, piece, piece_len, &(struct hb_datagram){ .mark = 0 }),
			HB_DROP);
	}
	return rig->sent_count - before;
}

/* A datagram in pieces is one packet of its flow, and leaves in pieces, all at its last piece. */
START_TEST(pieces_are_judged_together)
{
	static const uint8_t payload[1000];
	static const size_t order[] = { 2, 0, 1 };
	const struct hb_build_ip ip = { .src = rig_endpoint(RIG_CLIENT ":5000"),
					.dst = rig_endpoint(RIG_ATTACKED ":53"),
					.ip_id = 9,
					.ttl = 64 };
	struct rig rig;
	uint8_t buf[2048];
	size_t len = hb_build_udp(buf, sizeof(buf), &ip, payload, sizeof(payload));

	rig_open(&rig);
	rig_start(&rig);
	ck_assert_uint_eq(send_pieces(&rig, buf, len, order, 2), 0);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 0);
	ck_assert_uint_eq(send_pieces(&rig, buf, len, order + 2, 1), 3);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 1);
	ck_assert_uint_eq(rig_counters(&rig).fragments, 3);
	ck_assert_uint_eq(rig_counters(&rig).reassembled, 1);
	for (unsigned i = 0; i < 3; i++) {
		const struct hb_packet *sent = &rig.sent[i].packet;

		ck_assert(sent->is_fragment);
		ck_assert_uint_eq(sent->fragment_id, 9);
		ck_assert_uint_le(sent->len, 400);
		ck_assert(sent->dst.bytes[15] == rig_addr(RIG_FRONTEND).bytes[15]);
	}
	rig_close(&rig);
}
END_TEST

/* What is waited for goes with the engine's stop, or when it has taken too long. */
START_TEST(pieces_do_not_wait_for_ever)
{
	static const size_t first[] = { 0 };
	struct rig rig;
	uint8_t buf[2048];
	static const uint8_t payload[1000];
	const struct hb_build_ip ip = { .src = rig_endpoint(RIG_CLIENT ":5000"),
					.dst = rig_endpoint(RIG_ATTACKED ":53"),
					.ip_id = 9,
					.ttl = 64 };
	size_t len = hb_build_udp(buf, sizeof(buf), &ip, payload, sizeof(payload));

	rig_open(&rig);
	rig_start(&rig);
	send_pieces(&rig, buf, len, first, 1);
	ck_assert_uint_gt(rig_counters(&rig).buffered_bytes, 0);
	rig_advance(&rig, 31 * RIG_SECOND);
	ck_assert_uint_eq(rig_counters(&rig).buffered_bytes, 0);
	ck_assert_uint_eq(rig_counters(&rig).fragments_lost, 1);
	send_pieces(&rig, buf, len, first, 1);
	hb_engine_stop(rig.engine, rig.now);
	ck_assert_uint_eq(rig_counters(&rig).buffered_bytes, 0);
	ck_assert_uint_eq(hb_engine_next_deadline(rig.engine), UINT64_MAX);
	rig_close(&rig);
}
END_TEST

/* A caller with older headers gives shorter structs; one that says nothing is mistaken. */
START_TEST(a_caller_says_how_much_it_knows)
{
	static const struct hb_ops ops = { .size = sizeof(ops), .emit = rig_emit };
	struct hb_setup setup = { .ops = &ops, .first_flow_id = 77 };
	struct hb_error err = { .code = HB_ERROR_NONE };
	struct rig rig;

	rig_open(&rig);
	rig_start(&rig);
	ck_assert_ptr_null(hb_engine_new(&setup, rig.policy, &err));
	ck_assert_int_eq(err.code, HB_ERROR_CONFIG);
	setup.size = offsetof(struct hb_setup, first_flow_id);
	struct hb_engine *older = hb_engine_new(&setup, rig.policy, NULL);
	ck_assert_ptr_nonnull(older);
	hb_engine_free(older);
	rig_close(&rig);
}
END_TEST

START_TEST(a_policy_must_be_sealed)
{
	struct hb_error err = { .code = HB_ERROR_NONE };
	struct hb_policy *open = hb_policy_new();
	struct rig rig;

	rig_open(&rig);
	rig_make_engine(&rig, &err);
	ck_assert_ptr_null(rig.engine);
	ck_assert_int_eq(err.code, HB_ERROR_CONFIG);
	rig_start(&rig);
	ck_assert_int_eq(hb_engine_set_policy(rig.engine, open), -EINVAL);
	ck_assert_int_eq(syn(&rig, RIG_CLIENT, RIG_ATTACKED), HB_ACCEPT_MODIFIED);
	hb_policy_unref(open);
	rig_close(&rig);
}
END_TEST

/* Another frontend, and a shorter time. */
static struct hb_policy *other_policy(void)
{
	struct rig other;

	rig_open_empty(&other);
	rig_target(&other, "dst net 10.1.0.0/16", "10.9.0.7");
	other.options.expiration_delay_s = 10;
	rig_seal(&other);
	return other.policy;
}

START_TEST(live_flows_keep_their_policy)
{
	struct rig rig;
	struct hb_policy *other = other_policy();
	struct hb_addr before = rig_addr(RIG_FRONTEND), after = rig_addr("10.9.0.7");

	rig_open(&rig);
	rig_start(&rig);
	syn(&rig, RIG_CLIENT, RIG_ATTACKED);
	ck_assert_int_eq(hb_engine_set_policy(rig.engine, other), 0);
	hb_policy_unref(other); /* the engine has a reference of its own */
	syn(&rig, RIG_CLIENT, RIG_ATTACKED);
	ck_assert(hb_addr_equal(&rig.packet.dst, &before));
	syn(&rig, RIG_CLIENT, "10.1.0.2");
	ck_assert(hb_addr_equal(&rig.packet.dst, &after));
	rig_advance(&rig, 11 * RIG_SECOND); /* the second flow's delay */
	ck_assert_uint_eq(rig_counters(&rig).flows, 1);
	syn(&rig, RIG_CLIENT, RIG_ATTACKED);
	ck_assert(hb_addr_equal(&rig.packet.dst, &before));
	rig_close(&rig);
}
END_TEST

/* Nobody needs the old ones when no flow is left: an address sanitizer's leak check tells. */
START_TEST(policies_are_let_go)
{
	struct rig rig;

	rig_open(&rig);
	rig_start(&rig);
	for (int i = 0; i < 5; i++) {
		struct hb_policy *other = other_policy();

		ck_assert_int_eq(hb_engine_set_policy(rig.engine, other), 0);
		hb_policy_unref(other);
		if (i == 2)
			syn(&rig, RIG_CLIENT, RIG_ATTACKED);
	}
	hb_engine_stop(rig.engine, rig.now);
	ck_assert_int_eq(syn(&rig, RIG_CLIENT, RIG_ATTACKED), HB_ACCEPT_MODIFIED);
	rig_close(&rig);
}
END_TEST

START_TEST(flows_are_numbered_as_asked)
{
	struct rig rig;

	rig_open(&rig);
	rig_start(&rig);
	syn(&rig, RIG_CLIENT, RIG_ATTACKED);
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_NEW].flow.id, 1);
	syn(&rig, RIG_CLIENT, "10.1.0.2");
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_NEW].flow.id, 2);
	rig_close(&rig);

	rig_open(&rig);
	rig.first_flow_id = 3;
	rig.flow_id_step = 4;
	rig_start(&rig);
	syn(&rig, RIG_CLIENT, RIG_ATTACKED);
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_NEW].flow.id, 3);
	syn(&rig, RIG_CLIENT, "10.1.0.2");
	ck_assert_uint_eq(rig.last[HB_EVENT_FLOW_NEW].flow.id, 7);
	rig_close(&rig);
}
END_TEST

/* Reloads must not add up while the engine is never empty. */
START_TEST(an_old_policy_goes_with_its_last_flow)
{
	struct rig rig;
	struct hb_policy *other = other_policy(), *unused = other_policy();

	rig_open(&rig);
	rig_start(&rig);
	syn(&rig, RIG_CLIENT, RIG_ATTACKED);
	syn(&rig, RIG_CLIENT, "10.2.0.1"); /* of no target: needs no policy */
	ck_assert_int_eq(hb_engine_set_policy(rig.engine, unused), 0);
	ck_assert(hb_policy_is_shared(unused));
	ck_assert_int_eq(hb_engine_set_policy(rig.engine, other), 0);
	ck_assert(!hb_policy_is_shared(unused));
	for (unsigned i = 2; i <= 12; i++) {
		char attacked[16];

		snprintf(attacked, sizeof(attacked), "10.1.0.%u", i);
		syn(&rig, RIG_CLIENT, attacked);
		rig_advance(&rig, 9 * RIG_SECOND);
		syn(&rig, RIG_CLIENT, RIG_ATTACKED);
	}
	ck_assert(hb_policy_is_shared(rig.policy));
	for (unsigned i = 20; i <= 40 && hb_policy_is_shared(rig.policy); i++) {
		char attacked[16];

		snprintf(attacked, sizeof(attacked), "10.1.0.%u", i);
		syn(&rig, RIG_CLIENT, attacked);
		rig_advance(&rig, 9 * RIG_SECOND);
	}
	ck_assert(!hb_policy_is_shared(rig.policy));
	ck_assert_uint_ge(rig_counters(&rig).flows, 1);
	hb_policy_unref(unused);
	hb_policy_unref(other);
	rig_close(&rig);
}
END_TEST

START_TEST(a_stopped_engine_may_be_used_again)
{
	struct rig rig;

	rig_open(&rig);
	rig_start(&rig);
	for (unsigned i = 1; i <= 3; i++) {
		syn(&rig, RIG_CLIENT, RIG_ATTACKED);
		ck_assert_uint_eq(rig_counters(&rig).flows, 1);
		hb_engine_stop(rig.engine, rig.now);
		ck_assert_uint_eq(rig.events[HB_EVENT_FLOW_END], i);
		ck_assert_str_eq(rig.reason, "the gateway stops");
		ck_assert_uint_eq(rig_counters(&rig).flows, 0);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(freeing_says_nothing)
{
	struct rig rig;

	hb_engine_free(NULL);
	rig_open(&rig);
	rig_start(&rig);
	syn(&rig, RIG_CLIENT, RIG_ATTACKED);
	hb_engine_free(rig.engine);
	ck_assert_uint_eq(rig.events[HB_EVENT_FLOW_END], 0);
	hb_policy_unref(rig.policy);
	free(rig.data);
}
END_TEST

START_TEST(an_embedder_may_be_deaf)
{
	struct rig rig;

	rig_open(&rig);
	rig_start(&rig);
	rig.ops.event = NULL;
	ck_assert_int_eq(syn(&rig, RIG_CLIENT, RIG_ATTACKED), HB_ACCEPT_MODIFIED);
	hb_engine_stop(rig.engine, rig.now);
	hb_engine_free(rig.engine);
	hb_policy_unref(rig.policy);
	free(rig.data);
}
END_TEST

UNIT_MAIN("engine", an_idle_engine_wants_nothing, what_cannot_be_parsed_is_dropped_and_counted,
	  new_flows_are_answered_for, time_does_not_go_back, next_deadline_leads_to_the_end,
	  neighbour_discovery_passes, pieces_are_judged_together, pieces_do_not_wait_for_ever,
	  a_caller_says_how_much_it_knows, a_policy_must_be_sealed, live_flows_keep_their_policy,
	  policies_are_let_go, flows_are_numbered_as_asked, an_old_policy_goes_with_its_last_flow,
	  a_stopped_engine_may_be_used_again, freeing_says_nothing, an_embedder_may_be_deaf)
