/* SPDX-License-Identifier: BSD-2-Clause */
/* A TCP session in the middle of its handover, with nothing but a core around it. */
#ifndef HANDOVER_FIXTURE_H
#define HANDOVER_FIXTURE_H

#include "handover.h"
#include "target.h"

#include "rig.h"

#define FIXTURE_ISN UINT32_C(1000)
#define FIXTURE_SERVER_ISN UINT32_C(5000)
#define FIXTURE_BACKEND_ISN UINT32_C(9000)

struct handover_fixture {
	struct rig rig; /* for what is sent and said */
	struct hb_policy policy;
	struct hb_target target;
	struct hb_core core;
	struct hb_flow flow;
	struct hb_handover handover;
	uint8_t scratch[2 * HB_SCRATCH_SIZE];
};

/* Connected, window of 1000, segments of 100; numbers from isn on. Nothing is recorded yet. */
static inline void fixture_open(struct handover_fixture *f, uint32_t isn)
{
	*f = (struct handover_fixture){ .target.frontend = { rig_addr(RIG_FRONTEND), 80 } };
	hb_options_default(&f->policy.options);
	f->target.policy = &f->policy;
	f->rig.ops =
		(struct hb_ops){ .size = sizeof(f->rig.ops), .emit = rig_emit, .event = rig_event };
	f->core = (struct hb_core){ .policy = &f->policy,
				    .ops = &f->rig.ops,
				    .ctx = &f->rig,
				    .scratch = f->scratch,
				    .mtu = 1500,
				    .now = { 1000 * RIG_SECOND, 0 },
				    .budget = { .max_total_bytes = 1 << 20,
						.max_each_bytes = 1 << 16 } };
	f->flow = (struct hb_flow){
		.target = &f->target,
		.state = HB_STATE_REPLAY,
		.protocol = HB_PROTO_TCP,
		.client = rig_addr(RIG_CLIENT),
		.client_port = 40000,
		.leg_port = 40000,
		.attacked = rig_addr(RIG_ATTACKED),
		.attacked_port = 80,
		.started_ns = f->core.now.mono_ns,
		.track = { .client_isn = isn,
			   .client_next = isn + 1,
			   .client_ack = FIXTURE_SERVER_ISN + 1,
			   .client_window = 1000,
			   .server_isn = FIXTURE_SERVER_ISN,
			   .server_next = FIXTURE_SERVER_ISN + 1,
			   .server_ack = isn + 1,
			   .edge = isn + 1 + 1000,
			   .client_ttl = 60,
			   .server_ttl = 60,
			   .flags = HB_TRACK_SYN_ACK | HB_TRACK_ESTABLISHED },
	};
	f->flow.record = hb_record_new(&f->core.budget, isn + 1);
	ck_assert_ptr_nonnull(f->flow.record);
	f->flow.redirect = &f->handover.redirect;
	f->handover = (struct hb_handover){
		.redirect = { .flow = &f->flow,
			      .backend_number = 1,
			      .translation = { .honeypot = { rig_addr(RIG_BACKEND), 80 },
					       .client_port = 40000 } },
		.begin_ns = f->core.now.mono_ns,
		.cut = isn + 1,
		.owed = isn + 1,
		.replay = { .una = isn + 1,
			    .nxt = isn + 1,
			    .limit = isn + 1,
			    .window = 1000,
			    .mss = 100,
			    .rto_ns = 200 * RIG_MS,
			    .connected = true,
			    .rcv_nxt = FIXTURE_BACKEND_ISN + 1,
			    .rcv_max = FIXTURE_BACKEND_ISN + 1 },
	};
}

/* The client's next bytes, in a turn of their own if ack is new. */
static inline void fixture_record(struct handover_fixture *f, size_t len, uint32_t ack)
{
	uint8_t bytes[2048];

	memset(bytes, 'x', sizeof(bytes));
	unit_require(len <= sizeof(bytes));
	hb_record_tcp(f->flow.record, &f->core.budget, hb_stream_end(&f->flow.record->stream),
		      bytes, len, ack);
	unit_require(!f->flow.record->given_up);
}

static inline struct hb_packet fixture_segment(uint8_t flags, uint32_t seq, uint32_t ack)
{
	return (struct hb_packet){ .protocol = HB_PROTO_TCP,
				   .has_l4 = true,
				   .tcp_flags = flags,
				   .seq = seq,
				   .ack = ack,
				   .window = 1000,
				   .ttl = 60,
				   .src = rig_addr(RIG_BACKEND),
				   .src_port = 80,
				   .dst = rig_addr(RIG_CLIENT),
				   .dst_port = 40000 };
}

static inline void fixture_close(struct handover_fixture *f)
{
	hb_record_free(f->flow.record, &f->core.budget);
	hb_stream_fini(&f->handover.kept, &f->core.budget);
	ck_assert_uint_eq(f->core.budget.used_bytes, 0);
}

#endif
