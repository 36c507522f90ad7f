/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers, windows and sizes of what is sent in the client's name; dialogues are in tests/script. */
#include "handover_fixture.h"

#define ACK HB_TCP_ACK
#define SA (HB_TCP_SYN | HB_TCP_ACK)
#define PA (HB_TCP_PSH | HB_TCP_ACK)

static uint32_t sent_bytes(const struct handover_fixture *f, unsigned since)
{
	uint32_t bytes = 0;

	for (unsigned i = since; i < f->rig.sent_count; i++)
		bytes += (uint32_t)f->rig.sent[i % RIG_KEPT].packet.payload_len;
	return bytes;
}

static void push_all(struct handover_fixture *f)
{
	f->handover.replay.limit = hb_stream_end(&f->flow.record->stream);
	hb_replay_push(&f->core, &f->handover, HB_LEG_BACKEND);
}

static void acknowledge(struct handover_fixture *f, uint32_t ack, uint16_t window)
{
	struct hb_packet packet = fixture_segment(ACK, FIXTURE_BACKEND_ISN + 1, ack);

	packet.window = window;
	hb_replay_acknowledged(&f->core, &f->handover, &packet);
}

/* With the wrap before, in and behind what is sent. */
START_TEST(what_is_sent_is_cut_to_size)
{
	for (uint32_t back = 0; back < 300; back += 25) {
		struct handover_fixture f;

		fixture_open(&f, 0 - back);
		fixture_record(&f, 250, 1);
		push_all(&f);
		ck_assert_uint_eq(f.rig.sent_count, 3);
		ck_assert_uint_eq(rig_sent(&f.rig, 2)->seq, 1 - back);
		ck_assert_uint_eq(rig_sent(&f.rig, 2)->payload_len, 100);
		ck_assert_uint_eq(rig_sent(&f.rig, 2)->tcp_flags, ACK);
		ck_assert_uint_eq(rig_sent(&f.rig, 0)->seq, 201 - back);
		ck_assert_uint_eq(rig_sent(&f.rig, 0)->payload_len, 50);
		ck_assert_uint_eq(rig_sent(&f.rig, 0)->tcp_flags, PA);
		ck_assert_uint_eq(rig_sent(&f.rig, 0)->ack, FIXTURE_BACKEND_ISN + 1);
		ck_assert_uint_eq(f.handover.replay.resend_ns, f.core.now.mono_ns + 200 * RIG_MS);
		push_all(&f); /* nothing new */
		ck_assert_uint_eq(f.rig.sent_count, 3);
		fixture_close(&f);
	}
}
END_TEST

START_TEST(the_window_is_kept)
{
	struct handover_fixture f;
	unsigned sent;

	fixture_open(&f, FIXTURE_ISN);
	f.handover.replay.window = 130;
	fixture_record(&f, 500, 1);
	push_all(&f);
	ck_assert_uint_eq(sent_bytes(&f, 0), 130);
	sent = f.rig.sent_count;
	acknowledge(&f, FIXTURE_ISN + 101, 130);
	ck_assert_uint_eq(sent_bytes(&f, sent), 100);
	sent = f.rig.sent_count;
	acknowledge(&f, FIXTURE_ISN + 231, 0);
	ck_assert_uint_eq(f.rig.sent_count, sent);
	f.handover.replay.shift = 3;
	acknowledge(&f, FIXTURE_ISN + 231, 20);
	ck_assert_uint_eq(sent_bytes(&f, sent), 160);
	fixture_close(&f);
}
END_TEST

/* One byte, so that the honeypot says when it has room again (RFC 9293, 3.8.6.1). */
START_TEST(a_closed_window_is_probed)
{
	struct handover_fixture f;

	fixture_open(&f, FIXTURE_ISN);
	fixture_record(&f, 500, 1);
	f.handover.replay.window = 0;
	push_all(&f);
	ck_assert_uint_eq(f.rig.sent_count, 0);
	ck_assert_uint_ne(f.handover.replay.resend_ns, 0);
	for (unsigned i = 1; i <= 100; i++) {
		ck_assert(hb_replay_resend(&f.core, &f.handover, HB_LEG_BACKEND));
		ck_assert_uint_eq(f.rig.sent_count, i);
		ck_assert_uint_eq(rig_sent(&f.rig, 0)->payload_len, 1);
		ck_assert_uint_eq(f.handover.replay.window, 0);
		acknowledge(&f, FIXTURE_ISN + 1, 0); /* it lives: no reason to give up */
	}
	acknowledge(&f, FIXTURE_ISN + 2, 200);
	ck_assert_uint_eq(f.handover.replay.una, FIXTURE_ISN + 2);
	ck_assert_uint_eq(sent_bytes(&f, 100), 200);
	fixture_close(&f);
}
END_TEST

START_TEST(what_is_not_acknowledged_is_sent_again_and_given_up)
{
	uint64_t wait = 200 * RIG_MS;
	struct handover_fixture f;
	unsigned tries = 0;

	fixture_open(&f, FIXTURE_ISN);
	fixture_record(&f, 150, 1);
	push_all(&f);
	for (;;) {
		struct hb_replay *replay = &f.handover.replay;
		unsigned sent = f.rig.sent_count;

		ck_assert_uint_eq(replay->resend_ns, f.core.now.mono_ns + wait);
		f.core.now.mono_ns = replay->resend_ns;
		if (!hb_replay_resend(&f.core, &f.handover, HB_LEG_BACKEND))
			break;
		tries++;
		wait = wait < RIG_SECOND ? wait * 2 : 2 * RIG_SECOND;
		ck_assert_uint_eq(sent_bytes(&f, sent), 150);
		ck_assert_uint_le(tries, 100);
	}
	ck_assert_uint_eq(tries, 12);
	ck_assert_uint_eq(f.handover.info.retransmissions, 12);
	fixture_close(&f);
}
END_TEST

/* An acknowledgement shows that it lives: all counts from the start. */
START_TEST(progress_starts_the_count_again)
{
	struct handover_fixture f;

	fixture_open(&f, FIXTURE_ISN);
	fixture_record(&f, 500, 1);
	push_all(&f);
	for (uint32_t i = 1; i <= 50; i++) {
		ck_assert(hb_replay_resend(&f.core, &f.handover, HB_LEG_BACKEND));
		acknowledge(&f, FIXTURE_ISN + 1 + 10 * i, 1000);
		ck_assert_uint_eq(f.handover.replay.rto_ns, 200 * RIG_MS);
	}
	ck_assert_uint_eq(f.handover.replay.resend_ns, 0);
	fixture_close(&f);
}
END_TEST

START_TEST(acknowledgements_of_nothing_change_nothing)
{
	struct handover_fixture f;
	struct hb_packet packet =
		fixture_segment(HB_TCP_PSH, FIXTURE_BACKEND_ISN + 1, FIXTURE_ISN + 50);

	fixture_open(&f, FIXTURE_ISN);
	fixture_record(&f, 100, 1);
	push_all(&f);
	acknowledge(&f, FIXTURE_ISN + 102, 1000); /* never sent */
	acknowledge(&f, FIXTURE_ISN, 1000);       /* old */
	acknowledge(&f, FIXTURE_ISN + 0x80000000, 1000);
	hb_replay_acknowledged(&f.core, &f.handover, &packet); /* has no ACK flag */
	ck_assert_uint_eq(f.handover.replay.una, FIXTURE_ISN + 1);
	ck_assert_uint_eq(f.rig.sent_count, 1);
	fixture_close(&f);
}
END_TEST

START_TEST(the_third_duplicate_sends_again)
{
	struct handover_fixture f;
	unsigned sent;

	fixture_open(&f, FIXTURE_ISN);
	fixture_record(&f, 300, 1);
	push_all(&f);
	sent = f.rig.sent_count;
	acknowledge(&f, FIXTURE_ISN + 1, 1000);
	acknowledge(&f, FIXTURE_ISN + 1, 1000);
	ck_assert_uint_eq(f.rig.sent_count, sent);
	acknowledge(&f, FIXTURE_ISN + 1, 1000);
	ck_assert_uint_eq(sent_bytes(&f, sent), 300);
	sent = f.rig.sent_count;
	acknowledge(&f, FIXTURE_ISN + 1, 1000); /* once is enough */
	ck_assert_uint_eq(f.rig.sent_count, sent);
	fixture_close(&f);
}
END_TEST

static enum hb_replay_result connect_with(struct handover_fixture *f, uint8_t offered, uint16_t mss)
{
	struct hb_packet packet =
		fixture_segment(SA, FIXTURE_BACKEND_ISN, f->flow.track.client_isn + 1);

	f->handover.replay = (struct hb_replay){ .connected = false };
	hb_replay_connect(&f->core, &f->handover);
	packet.options.present = offered;
	packet.options.mss = mss;
	packet.options.wscale = 5;
	f->core.now.mono_ns += 30 * RIG_MS;
	return hb_replay_input(&f->core, &f->handover, &packet);
}

START_TEST(segments_fit_backend_and_path)
{
	static const struct {
		uint16_t mtu, mss;
		bool timestamps;
		uint16_t expected;
	} cases[] = { { 1500, 1460, false, 1460 }, { 1500, 9000, false, 1460 },
		      { 9000, 8960, true, 8948 },  { 1500, 0, false, 536 },
		      { 1500, 1, false, 64 },      { 1500, 1, true, 52 },
		      { 576, 1460, false, 536 },   { 1500, 1000, true, 988 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t options = cases[i].timestamps ? HB_TCPOPT_TIMESTAMP : 0;
		struct handover_fixture f;

		fixture_open(&f, FIXTURE_ISN);
		f.core.mtu = cases[i].mtu;
		f.flow.track.granted = options;
		options |= cases[i].mss ? HB_TCPOPT_MSS : 0;
		ck_assert_int_eq(connect_with(&f, options, cases[i].mss), HB_REPLAY_GOES_ON);
		ck_assert_uint_eq(f.handover.replay.mss, cases[i].expected);
		fixture_close(&f);
	}
}
END_TEST

START_TEST(a_connection_is_measured)
{
	struct handover_fixture f;

	fixture_open(&f, FIXTURE_ISN);
	f.flow.track.granted = HB_TCPOPT_WSCALE | HB_TCPOPT_SACK_OK;
	ck_assert_int_eq(connect_with(&f, HB_TCPOPT_WSCALE | HB_TCPOPT_TIMESTAMP, 0),
			 HB_REPLAY_GOES_ON);
	ck_assert(f.handover.replay.connected);
	ck_assert_uint_eq(f.handover.replay.rtt_ns, 30 * RIG_MS);
	ck_assert_uint_eq(f.handover.replay.shift, 5);
	ck_assert_uint_eq(f.handover.replay.granted, HB_TCPOPT_WSCALE);
	ck_assert_uint_eq(f.handover.replay.window, 1000); /* never scaled in a SYN */
	ck_assert_uint_eq(f.handover.replay.rcv_nxt, FIXTURE_BACKEND_ISN + 1);
	fixture_close(&f);
}
END_TEST

/* Another connection at once, without them and with smaller segments; and the next one, too. */
START_TEST(a_backend_may_refuse_timestamps)
{
	struct handover_fixture f;

	fixture_open(&f, FIXTURE_ISN);
	f.flow.track.granted = HB_TCPOPT_TIMESTAMP;
	f.flow.track.client_mss = 1460;
	ck_assert_int_eq(connect_with(&f, 0, 0), HB_REPLAY_GOES_ON);
	ck_assert(!f.handover.replay.connected);
	ck_assert_uint_eq(f.rig.sent_count, 3);
	ck_assert_uint_eq(rig_sent(&f.rig, 1)->tcp_flags, HB_TCP_RST);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->tcp_flags, HB_TCP_SYN);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->options.present, HB_TCPOPT_MSS);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->options.mss, 1448);
	hb_replay_connect(&f.core, &f.handover);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->options.present, HB_TCPOPT_MSS);
	fixture_close(&f);
}
END_TEST

static enum hb_replay_result input(struct handover_fixture *f, uint8_t flags, uint32_t seq,
				   uint32_t ack)
{
	struct hb_packet packet = fixture_segment(flags, seq, ack);

	return hb_replay_input(&f->core, &f->handover, &packet);
}

/* RFC 9293, 3.10.7.3 */
START_TEST(while_connecting_only_an_answer_counts)
{
	struct handover_fixture f;
	const uint32_t isn = FIXTURE_ISN;

	fixture_open(&f, isn);
	hb_replay_connect(&f.core, &f.handover);
	ck_assert_int_eq(input(&f, HB_TCP_RST, 1, isn + 1), HB_REPLAY_GOES_ON);
	ck_assert_int_eq(input(&f, HB_TCP_RST | ACK, 1, isn + 2), HB_REPLAY_GOES_ON);
	ck_assert_int_eq(input(&f, HB_TCP_SYN, 1, isn + 1), HB_REPLAY_GOES_ON);
	ck_assert_int_eq(input(&f, ACK, 1, isn + 1), HB_REPLAY_GOES_ON);
	ck_assert_uint_eq(f.rig.sent_count, 1);
	ck_assert(!f.handover.replay.connected);
	ck_assert_int_eq(input(&f, HB_TCP_RST | ACK, 0, isn + 1), HB_REPLAY_REFUSED);
	fixture_close(&f);
}
END_TEST

/* Of an earlier session from the same port: it must forget that first. */
START_TEST(a_stale_backend_is_reset)
{
	struct handover_fixture f;

	fixture_open(&f, FIXTURE_ISN);
	hb_replay_connect(&f.core, &f.handover);
	ck_assert_int_eq(input(&f, ACK, 77, 4711), HB_REPLAY_GOES_ON);
	ck_assert_uint_eq(rig_sent(&f.rig, 1)->tcp_flags, HB_TCP_RST);
	ck_assert_uint_eq(rig_sent(&f.rig, 1)->seq, 4711);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->tcp_flags, HB_TCP_SYN);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->seq, FIXTURE_ISN);
	fixture_close(&f);
}
END_TEST

/* RFC 5961, 3.2 */
START_TEST(a_reset_needs_the_exact_number)
{
	struct handover_fixture f;
	const uint32_t next = FIXTURE_BACKEND_ISN + 1;

	fixture_open(&f, FIXTURE_ISN);
	ck_assert_int_eq(input(&f, HB_TCP_RST, next - 1, 0), HB_REPLAY_GOES_ON);
	ck_assert_int_eq(input(&f, HB_TCP_RST, next + 1, 0), HB_REPLAY_GOES_ON);
	ck_assert_int_eq(input(&f, HB_TCP_RST, next, 0), HB_REPLAY_RESET);
	fixture_close(&f);
}
END_TEST

START_TEST(deadlines)
{
	struct handover_fixture f;
	struct hb_replay *replay = &f.handover.replay;

	fixture_open(&f, FIXTURE_ISN);
	ck_assert_uint_eq(hb_replay_deadline(&f.core, &f.handover),
			  UINT64_MAX); /* nothing is awaited */
	fixture_record(&f, 10, FIXTURE_SERVER_ISN + 6);
	replay->answer_since_ns = 7 * RIG_SECOND;
	/* A backend that has said nothing at all is waited for as long as the handover may last. */
	ck_assert_uint_eq(hb_replay_deadline(&f.core, &f.handover), UINT64_MAX);
	f.handover.info.discarded_bytes = 3;
	ck_assert_uint_eq(hb_replay_deadline(&f.core, &f.handover), 9 * RIG_SECOND);
	replay->answer_bytes = 3;
	replay->answer_byte_ns = 7 * RIG_SECOND + 100 * RIG_MS;
	/* It did not end with PSH: more was to come. */
	ck_assert_uint_eq(hb_replay_deadline(&f.core, &f.handover), 7 * RIG_SECOND + 1600 * RIG_MS);
	replay->answer_psh = true;
	ck_assert_uint_eq(hb_replay_deadline(&f.core, &f.handover), 7 * RIG_SECOND + 120 * RIG_MS);
	replay->rtt_ns = 50 * RIG_MS;
	ck_assert_uint_eq(hb_replay_deadline(&f.core, &f.handover), 7 * RIG_SECOND + 200 * RIG_MS);
	replay->rcv_max++; /* a piece is missing: silence means nothing */
	ck_assert_uint_eq(hb_replay_deadline(&f.core, &f.handover), UINT64_MAX);
	replay->resend_ns = 8 * RIG_SECOND;
	ck_assert_uint_eq(hb_replay_deadline(&f.core, &f.handover), 8 * RIG_SECOND);
	replay->connected = false;
	ck_assert_uint_eq(hb_replay_deadline(&f.core, &f.handover), 8 * RIG_SECOND);
	fixture_close(&f);
}
END_TEST

START_TEST(done_means_told_and_answered)
{
	struct handover_fixture f;

	fixture_open(&f, FIXTURE_ISN);
	ck_assert(hb_replay_done(&f.handover)); /* there was nothing */
	f.handover.replay.connected = false;
	ck_assert(!hb_replay_done(&f.handover));
	f.handover.replay.connected = true;
	fixture_record(&f, 10, FIXTURE_SERVER_ISN + 1);
	f.handover.cut = FIXTURE_ISN + 11;
	ck_assert(!hb_replay_done(&f.handover));
	hb_replay_advance(&f.core, &f.handover); /* no banner was seen: the turn goes out */
	ck_assert_uint_eq(sent_bytes(&f, 0), 10);
	ck_assert(!hb_replay_done(&f.handover));
	acknowledge(&f, FIXTURE_ISN + 11, 1000);
	ck_assert(hb_replay_done(&f.handover));
	f.handover.frontend_answers = true; /* that answer is awaited, too */
	ck_assert(!hb_replay_done(&f.handover));
	fixture_close(&f);
}
END_TEST

/* Bytes for the client are kept as far as the budget goes; the rest comes again. */
START_TEST(kept_answers_have_a_limit)
{
	struct handover_fixture f;
	uint8_t bytes[100] = { 'y' };
	struct hb_packet packet = fixture_segment(PA, FIXTURE_BACKEND_ISN + 1, FIXTURE_ISN + 1);

	fixture_open(&f, FIXTURE_ISN);
	f.core.budget.max_each_bytes = 250;
	packet.data = bytes;
	packet.payload_len = sizeof(bytes);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(hb_replay_input(&f.core, &f.handover, &packet), HB_REPLAY_GOES_ON);
		packet.seq += 100;
	}
	ck_assert_uint_eq(f.handover.kept.len, 250);
	ck_assert_uint_eq(f.handover.kept.base, FIXTURE_BACKEND_ISN + 1);
	ck_assert_uint_eq(f.rig.sent_count, 0); /* the client is to acknowledge it */
	fixture_close(&f);
}
END_TEST

UNIT_MAIN("replay", what_is_sent_is_cut_to_size, the_window_is_kept, a_closed_window_is_probed,
	  what_is_not_acknowledged_is_sent_again_and_given_up, progress_starts_the_count_again,
	  acknowledgements_of_nothing_change_nothing, the_third_duplicate_sends_again,
	  segments_fit_backend_and_path, a_connection_is_measured, a_backend_may_refuse_timestamps,
	  while_connecting_only_an_answer_counts, a_stale_backend_is_reset,
	  a_reset_needs_the_exact_number, deadlines, done_means_told_and_answered,
	  kept_answers_have_a_limit)
