/* SPDX-License-Identifier: BSD-2-Clause */
#include "out.h"

#include "rig.h"
#include "target.h"

static const struct hb_way by_routes;

/* A core without an engine around it. */
struct fixture {
	struct rig rig;
	struct hb_target target;
	struct hb_core core;
	struct hb_flow flow;
	uint8_t scratch[2 * HB_SCRATCH_SIZE];
};

static void open_fixture(struct fixture *f)
{
	*f = (struct fixture){ .target = { .frontend = { rig_addr(RIG_FRONTEND), 8080 } } };
	f->rig.ops =
		(struct hb_ops){ .size = sizeof(f->rig.ops), .emit = rig_emit, .event = rig_event };
	f->core = (struct hb_core){ .ops = &f->rig.ops,
				    .ctx = &f->rig,
				    .mtu = 1500,
				    .scratch = f->scratch,
				    .now = { 7000 * RIG_SECOND, INT64_C(1250000000000000) } };
	f->flow = (struct hb_flow){ .target = &f->target,
				    .state = HB_STATE_PROXY,
				    .protocol = HB_PROTO_TCP,
				    .client = rig_addr(RIG_CLIENT),
				    .client_port = 40000,
				    .leg_port = 1024,
				    .attacked = rig_addr(RIG_ATTACKED),
				    .attacked_port = 80,
				    .track = { .client_ttl = 55, .server_ttl = 63 } };
}

static void check_sent(const struct fixture *f, const char *src, uint16_t src_port, const char *dst,
		       uint16_t dst_port, uint8_t ttl)
{
	const struct hb_packet *packet = rig_sent(&f->rig, 0);
	struct hb_addr from = rig_addr(src), to = rig_addr(dst);

	ck_assert(hb_addr_equal(&packet->src, &from));
	ck_assert(hb_addr_equal(&packet->dst, &to));
	ck_assert_uint_eq(packet->src_port, src_port);
	ck_assert_uint_eq(packet->dst_port, dst_port);
	ck_assert_uint_eq(packet->ttl, ttl);
}

/* As the other side would have sent it. */
START_TEST(packets_go_to_either_side)
{
	struct fixture f;
	struct hb_build_tcp spec = { .seq = 1, .ack = 2, .flags = HB_TCP_ACK };
	struct hb_redirect redirect = {
		.flow = &f.flow,
		.translation = { .honeypot = { rig_addr(RIG_BACKEND), 81 }, .client_port = 1025 },
	};

	open_fixture(&f);
	hb_out_to_client(&f.core, &f.flow, &spec);
	check_sent(&f, RIG_ATTACKED, 80, RIG_CLIENT, 40000, 63);
	ck_assert(rig_sent(&f.rig, 0)->dont_fragment);
	hb_out_to_server(&f.core, &f.flow, HB_LEG_FRONTEND, &spec);
	check_sent(&f, RIG_CLIENT, 1024, RIG_FRONTEND, 8080, 55);
	f.flow.redirect = &redirect;
	hb_out_to_server(&f.core, &f.flow, HB_LEG_BACKEND, &spec);
	check_sent(&f, RIG_CLIENT, 1025, RIG_BACKEND, 81, 55);
	ck_assert_uint_eq(f.core.counters.emitted, 3);
}
END_TEST

START_TEST(datagrams_may_be_fragmented)
{
	struct fixture f;

	open_fixture(&f);
	f.flow.protocol = HB_PROTO_UDP;
	hb_out_udp_to_server(&f.core, &f.flow, HB_LEG_FRONTEND, (const uint8_t *)"hello", 5);
	check_sent(&f, RIG_CLIENT, 1024, RIG_FRONTEND, 8080, 55);
	ck_assert(!rig_sent(&f.rig, 0)->dont_fragment);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->payload_len, 5);
	hb_out_udp_to_server(&f.core, &f.flow, HB_LEG_FRONTEND, NULL, 0);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->payload_len, 0);
}
END_TEST

/* What cannot be a packet is not sent. */
START_TEST(too_much_is_not_sent)
{
	static uint8_t payload[HB_SCRATCH_SIZE];
	struct fixture f;

	open_fixture(&f);
	f.flow.protocol = HB_PROTO_UDP;
	hb_out_udp_to_server(&f.core, &f.flow, HB_LEG_FRONTEND, payload, sizeof(payload));
	ck_assert_uint_eq(f.core.counters.emitted, 0);
	ck_assert_uint_eq(f.rig.sent_count, 0);
}
END_TEST

static struct hb_packet segment(uint8_t flags, uint32_t seq, uint32_t ack, size_t len)
{
	return (struct hb_packet){ .src = rig_addr(RIG_BACKEND),
				   .dst = rig_addr(RIG_CLIENT),
				   .src_port = 80,
				   .dst_port = 40000,
				   .protocol = HB_PROTO_TCP,
				   .tcp_flags = flags,
				   .seq = seq,
				   .ack = ack,
				   .payload_len = len };
}

/* RFC 9293, 3.5.2 */
START_TEST(a_reset_is_as_its_reader_expects)
{
	struct fixture f;
	struct hb_packet packet = segment(HB_TCP_ACK | HB_TCP_PSH, 100, 200, 10);

	open_fixture(&f);
	hb_out_reset_reply(&f.core, &packet, &by_routes);
	check_sent(&f, RIG_CLIENT, 40000, RIG_BACKEND, 80, 64);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->tcp_flags, HB_TCP_RST);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->seq, 200);
	packet = segment(HB_TCP_SYN, UINT32_MAX, 0, 10); /* its number wraps */
	hb_out_reset_reply(&f.core, &packet, &by_routes);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->tcp_flags, HB_TCP_RST | HB_TCP_ACK);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->seq, 0);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->ack, 10);
	packet = segment(HB_TCP_RST, 100, 0, 0); /* never answered */
	hb_out_reset_reply(&f.core, &packet, &by_routes);
	packet.tcp_flags |= HB_TCP_ACK;
	hb_out_reset_reply(&f.core, &packet, &by_routes);
	ck_assert_uint_eq(f.rig.sent_count, 2);
}
END_TEST

static bool honeypot_is(const struct fixture *f, const char *text, uint16_t port)
{
	struct hb_addr addr = rig_addr(text);
	struct hb_flow_info info;

	hb_out_flow_info(&f->core, &f->flow, &info);
	return hb_addr_equal(&info.honeypot.addr, &addr) && info.honeypot.port == port;
}

START_TEST(facts_name_who_serves)
{
	struct fixture f;
	struct hb_redirect redirect = {
		.flow = &f.flow,
		.backend_number = 2,
		.translation = { .honeypot = { rig_addr(RIG_BACKEND), 81 } },
	};

	open_fixture(&f);
	ck_assert(honeypot_is(&f, RIG_FRONTEND, 8080));
	f.flow.redirect = &redirect;
	f.flow.state = HB_STATE_REPLAY;
	ck_assert(honeypot_is(&f, RIG_FRONTEND, 8080));
	f.flow.state = HB_STATE_FORWARD;
	ck_assert(honeypot_is(&f, RIG_BACKEND, 81));
	f.flow.state = HB_STATE_DROPPED;
	ck_assert(honeypot_is(&f, RIG_ATTACKED, 80)); /* nobody */
}
END_TEST

START_TEST(facts_are_copied)
{
	struct fixture f;
	struct hb_flow_info info;

	open_fixture(&f);
	f.flow.id = 5;
	f.flow.packets = 6;
	f.flow.bytes = 700;
	f.flow.client_packets = 4;
	f.flow.mark = 8;
	f.flow.started_ns = f.core.now.mono_ns - 10 * RIG_SECOND;
	f.flow.last_ns = f.core.now.mono_ns - RIG_SECOND;
	f.flow.track.client_isn = UINT32_MAX - 3;
	f.flow.track.client_next = 9;
	hb_out_flow_info(&f.core, &f.flow, &info);
	ck_assert_uint_eq(info.id, 5);
	ck_assert_uint_eq(info.packets, 6);
	ck_assert_uint_eq(info.bytes, 700);
	ck_assert_uint_eq(info.client_packets, 4);
	ck_assert_uint_eq(info.mark, 8);
	ck_assert_uint_eq(info.backend, 0);
	ck_assert_uint_eq(info.client_stream_bytes, 12);
	ck_assert_uint_eq(info.server_stream_bytes, 0);
	ck_assert_uint_eq(info.started.mono_ns, f.flow.started_ns);
	ck_assert_int_eq(info.started.wall_us, f.core.now.wall_us - 10000000);
	ck_assert_int_eq(info.last_packet.wall_us, f.core.now.wall_us - 1000000);
	f.flow.track.flags = HB_TRACK_SYN_ACK;
	f.flow.track.server_isn = UINT32_MAX - 1;
	f.flow.track.server_next = 5;
	hb_out_flow_info(&f.core, &f.flow, &info);
	ck_assert_uint_eq(info.server_stream_bytes, 6);
	f.flow.track.flags |= HB_TRACK_SERVER_FIN;
	hb_out_flow_info(&f.core, &f.flow, &info);
	ck_assert_uint_eq(info.server_stream_bytes, 5);
}
END_TEST

/* Pointers in an event are never NULL. */
static void check_event(void *ctx, const struct hb_event *event)
{
	unsigned *calls = ctx;

	++*calls;
	ck_assert_uint_eq(event->size, sizeof(*event));
	ck_assert_uint_eq(event->time.mono_ns, 7000 * RIG_SECOND);
	ck_assert_ptr_nonnull(event->trace);
	ck_assert_ptr_nonnull(event->reason);
	ck_assert_ptr_nonnull(event->note);
	ck_assert_ptr_nonnull(event->module);
}

START_TEST(events_are_whole)
{
	struct fixture f;
	unsigned calls = 0;

	open_fixture(&f);
	f.rig.ops.event = check_event;
	f.core.ctx = &calls;
	hb_out_flow(&f.core, &f.flow, HB_EVENT_FLOW_NEW, NULL);
	hb_out_flow(&f.core, &f.flow, HB_EVENT_FLOW_END, "idle");
	hb_out_state(&f.core, &f.flow, HB_STATE_INIT);
	hb_out_handover(&f.core, &f.flow, NULL, "no memory");
	hb_out_handover(&f.core, &f.flow, &(struct hb_handover_info){ .turns = 1 }, NULL);
	hb_out_note(&f.core, &f.flow, "module", "text");
	ck_assert_uint_eq(calls, 6);
	f.rig.ops.event = NULL;
	hb_out_flow(&f.core, &f.flow, HB_EVENT_FLOW_NEW, NULL);
}
END_TEST

UNIT_MAIN("out", packets_go_to_either_side, datagrams_may_be_fragmented, too_much_is_not_sent,
	  a_reset_is_as_its_reader_expects, facts_name_who_serves, facts_are_copied,
	  events_are_whole)
