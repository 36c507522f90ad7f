/* SPDX-License-Identifier: BSD-2-Clause */
/* When a handover may be committed, and what is fixed then; dialogues are in tests/script. */
#include "commit.h"

#include "handover_fixture.h"

/* Caught up: ten bytes were told, answered and acknowledged. */
static void open_ready(struct handover_fixture *f)
{
	fixture_open(f, FIXTURE_ISN);
	fixture_record(f, 10, FIXTURE_SERVER_ISN + 1);
	f->handover.cut = f->handover.owed = FIXTURE_ISN + 11;
	f->handover.replay.una = f->handover.replay.nxt = f->handover.replay.limit =
		FIXTURE_ISN + 11;
	f->handover.replay.answer = 1;
	f->flow.track.client_next = f->flow.track.server_ack = FIXTURE_ISN + 11;
}

static bool ready(const struct handover_fixture *f)
{
	return hb_commit_ready(&f->core, &f->flow);
}

/* Handover rule 5: each of these alone is in the way. */
START_TEST(all_must_be_there)
{
	struct handover_fixture f;

	open_ready(&f);
	ck_assert(ready(&f));
	f.flow.track.client_ack--; /* the client has not seen all of the frontend's */
	ck_assert(!ready(&f));
	f.flow.track.client_ack++;
	f.flow.track.server_ack--; /* the frontend has not got all of the client's */
	ck_assert(!ready(&f));
	f.handover.frontend_reset = true; /* and will never */
	ck_assert(ready(&f));
	f.handover.frontend_reset = false;
	f.flow.track.server_ack++;
	f.handover.replay.una--; /* nor the backend */
	ck_assert(!ready(&f));
	f.handover.replay.una++;
	f.handover.replay.answer = 0; /* which still answers */
	ck_assert(!ready(&f));
	f.handover.replay.answer = 1;
	f.handover.phase = HB_PHASE_COMMITTED; /* once is enough */
	ck_assert(!ready(&f));
	f.handover.phase = HB_PHASE_UNDONE;
	ck_assert(!ready(&f));
	fixture_close(&f);
}
END_TEST

/* Its last answer is its own to finish: PSH, FIN or silence end it. */
START_TEST(the_frontend_finishes_what_it_began)
{
	struct handover_fixture f;

	open_ready(&f);
	f.handover.frontend_answers = true;
	f.handover.replay.answer = 2;
	f.handover.frontend_byte_ns = f.core.now.mono_ns;
	ck_assert(!ready(&f));
	f.flow.track.flags |= HB_TRACK_SERVER_PSH;
	ck_assert(ready(&f));
	f.flow.track.flags &= (uint16_t)~HB_TRACK_SERVER_PSH;
	f.handover.frontend_fin = true;
	ck_assert(ready(&f));
	f.handover.frontend_fin = false;
	f.core.now.mono_ns += HB_COMMIT_STALLED_NS - 1;
	ck_assert(!ready(&f));
	f.core.now.mono_ns++;
	ck_assert(ready(&f));
	f.flow.track.flags |= HB_TRACK_SERVER_PSH;
	f.handover.frontend_busy = true;
	f.handover.frontend_byte_ns = f.core.now.mono_ns - HB_COMMIT_QUIET_NS + 1;
	ck_assert(!ready(&f));
	f.core.now.mono_ns++;
	ck_assert(ready(&f));
	f.flow.record->largest_window = 100000; /* it may wait for the client to read */
	f.flow.track.client_window = 0;
	ck_assert(!ready(&f));
	fixture_close(&f);
}
END_TEST

START_TEST(the_translation_is_fixed)
{
	struct hb_translation *translation;
	struct handover_fixture f;

	open_ready(&f);
	translation = &f.handover.redirect.translation;
	f.flow.track.client_wscale = 7;
	f.flow.track.server_wscale = 5;
	f.flow.track.server_ttl = 61;
	f.flow.track.server_ts = 1000;
	f.flow.track.granted = HB_TCPOPT_TIMESTAMP | HB_TCPOPT_SACK_OK;
	f.handover.replay.granted = HB_TCPOPT_TIMESTAMP;
	f.handover.replay.shift = 3;
	f.handover.replay.ttl = 64;
	f.handover.replay.ts = 77;
	f.core.now.mono_ns += 50 * RIG_MS; /* the frontend's clock went on */
	hb_commit_try(&f.core, &f.flow);
	ck_assert_int_eq(f.handover.phase, HB_PHASE_COMMITTED);
	ck_assert_int_eq(f.flow.state, HB_STATE_FORWARD);
	ck_assert(translation->numbers_differ);
	ck_assert_uint_eq(translation->keep, FIXTURE_BACKEND_ISN + 1);
	ck_assert_uint_eq(translation->seq_difference, FIXTURE_SERVER_ISN - FIXTURE_BACKEND_ISN);
	ck_assert_uint_eq(translation->client_shift, 7);
	ck_assert_uint_eq(translation->honeypot_shift, 3);
	ck_assert_uint_eq(translation->shown_shift, 5);
	ck_assert_uint_eq(translation->lacks, HB_TCPOPT_SACK_OK);
	ck_assert_int_eq(translation->ttl_difference, -3);
	ck_assert_uint_eq(translation->ts_difference, 1050 - 77);
	ck_assert_uint_eq(f.handover.ts_floor, 77);
	ck_assert_uint_eq(f.core.counters.handovers_done, 1);
	ck_assert_uint_eq(f.rig.events[HB_EVENT_HANDOVER], 1);
	hb_commit_try(&f.core, &f.flow);
	ck_assert_uint_eq(f.core.counters.handovers_done, 1);
	fixture_close(&f);
}
END_TEST

/* With the number that it expects; none if it is gone. */
START_TEST(the_frontend_is_reset)
{
	struct hb_addr frontend = rig_addr(RIG_FRONTEND);
	struct handover_fixture f;

	open_ready(&f);
	hb_commit_try(&f.core, &f.flow);
	ck_assert_uint_ge(f.rig.sent_count, 1);
	ck_assert(hb_addr_equal(&f.rig.sent[0].packet.dst, &frontend));
	ck_assert_uint_eq(f.rig.sent[0].packet.tcp_flags, HB_TCP_RST);
	ck_assert_uint_eq(f.rig.sent[0].packet.seq, FIXTURE_ISN + 11);
	fixture_close(&f);
	open_ready(&f);
	f.handover.frontend_reset = true;
	hb_commit_try(&f.core, &f.flow);
	for (unsigned i = 0; i < f.rig.sent_count; i++)
		ck_assert(!(rig_sent(&f.rig, i)->tcp_flags & HB_TCP_RST));
	fixture_close(&f);
}
END_TEST

START_TEST(what_is_not_ready_stays)
{
	struct handover_fixture f;
	struct hb_flow none = { .protocol = HB_PROTO_TCP };

	open_ready(&f);
	f.flow.track.client_ack--;
	hb_commit_try(&f.core, &f.flow);
	ck_assert_int_eq(f.flow.state, HB_STATE_REPLAY);
	ck_assert_int_eq(f.handover.phase, HB_PHASE_CAUGHT_UP);
	ck_assert_uint_eq(f.rig.sent_count, 0);
	hb_commit_try(&f.core, &none); /* is in no handover */
	fixture_close(&f);
}
END_TEST

UNIT_MAIN("commit", all_must_be_there, the_frontend_finishes_what_it_began,
	  the_translation_is_fixed, the_frontend_is_reset, what_is_not_ready_stays)
