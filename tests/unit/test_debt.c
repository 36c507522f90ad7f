/* SPDX-License-Identifier: BSD-2-Clause */
/* What the gateway owes to a honeypot, number by number; dialogues are in tests/script. */
#include "debt.h"

#include "handover_fixture.h"

#define ACK HB_TCP_ACK
#define PA (HB_TCP_PSH | HB_TCP_ACK)

/* Ten bytes are held, from cut on; nothing is acknowledged for them yet. */
static void open_held(struct handover_fixture *f, uint32_t isn)
{
	fixture_open(f, isn);
	fixture_record(f, 10, FIXTURE_SERVER_ISN + 1);
}

/* With the wrap before, in and behind what is owed. */
START_TEST(debt_lasts_until_it_is_delivered)
{
	for (uint32_t back = 0; back < 20; back++) {
		const uint32_t isn = 0 - back;
		struct handover_fixture f;

		open_held(&f, isn);
		ck_assert(!hb_debt_is_open(&f.handover));
		hb_debt_incur(&f.core, &f.flow);
		ck_assert_uint_eq(f.handover.owed, isn + 11);
		ck_assert(hb_debt_is_open(&f.handover));
		f.handover.replay.una = isn + 11; /* told in the replay: that is no delivery */
		ck_assert(hb_debt_is_open(&f.handover));
		f.handover.phase = HB_PHASE_COMMITTED;
		ck_assert(!hb_debt_is_open(&f.handover));
		f.handover.replay.una = isn + 10;
		ck_assert(hb_debt_is_open(&f.handover));
		fixture_close(&f);
	}
}
END_TEST

START_TEST(the_client_is_told_what_arrived)
{
	struct handover_fixture f;

	open_held(&f, FIXTURE_ISN);
	hb_debt_incur(&f.core, &f.flow);
	ck_assert_uint_eq(f.rig.sent_count, 1);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->tcp_flags, ACK);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->seq, FIXTURE_SERVER_ISN + 1);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->ack, FIXTURE_ISN + 11);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->window, 990); /* the edge stays where it is */
	hb_debt_incur(&f.core, &f.flow);                     /* nothing new */
	ck_assert_uint_eq(f.rig.sent_count, 1);
	hb_debt_acknowledge(&f.core, &f.flow);
	ck_assert_uint_eq(f.rig.sent_count, 2);
	fixture_close(&f);
}
END_TEST

START_TEST(a_window_that_is_full_is_closed)
{
	struct handover_fixture f;

	open_held(&f, FIXTURE_ISN);
	f.flow.track.edge = FIXTURE_ISN + 11;
	hb_debt_incur(&f.core, &f.flow);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->window, 0);
	f.flow.track.edge = FIXTURE_ISN + 5; /* cannot be; and opens nothing */
	hb_debt_acknowledge(&f.core, &f.flow);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->window, 0);
	fixture_close(&f);
}
END_TEST

/* What the frontend still lacks the client must be able to send again. */
START_TEST(no_debt_above_what_the_frontend_lacks)
{
	struct handover_fixture f;

	open_held(&f, FIXTURE_ISN);
	f.handover.cut = FIXTURE_ISN + 6;
	f.handover.owed = f.handover.cut;
	hb_debt_incur(&f.core, &f.flow);
	ck_assert_uint_eq(f.rig.sent_count, 0);
	ck_assert(!hb_debt_is_open(&f.handover));
	fixture_close(&f);
}
END_TEST

/* A segment of a honeypot's in memory of its own; returns whether it passes. */
static bool from_honeypot(struct handover_fixture *f, uint8_t flags, uint32_t ack, const char *text,
			  struct hb_packet *after)
{
	static uint8_t buf[2048];
	struct hb_build_tcp spec = { .ip = rig_ip(RIG_BACKEND, 0, RIG_CLIENT, 0),
				     .seq = FIXTURE_BACKEND_ISN + 1,
				     .ack = ack,
				     .flags = flags,
				     .payload = (const uint8_t *)text,
				     .payload_len = strlen(text) };
	struct hb_datagram dgram = { .data = buf };
	struct hb_packet packet, shown;
	struct hb_edit edit;
	bool passes;

	dgram.len = dgram.cap = hb_build_tcp(buf, sizeof(buf), &spec);
	ck_assert_int_eq(hb_packet_parse(buf, dgram.len, &packet), 0);
	hb_edit_begin(&edit, &dgram, &packet);
	shown = packet;
	passes = hb_debt_from_honeypot(&f->handover, &edit, &shown);
	hb_edit_finish(&edit);
	ck_assert_int_eq(hb_packet_parse(buf, dgram.len, after), 0);
	ck_assert(hb_packet_checksum_ok(after));
	return passes;
}

/* Until it is paid the client never sees a lower number. */
START_TEST(a_honeypots_ack_is_raised)
{
	struct handover_fixture f;
	struct hb_packet after;

	open_held(&f, FIXTURE_ISN);
	hb_debt_incur(&f.core, &f.flow);
	ck_assert(!from_honeypot(&f, ACK, FIXTURE_ISN + 1, "", &after)); /* says nothing else */
	ck_assert(!from_honeypot(&f, ACK, FIXTURE_ISN + 10, "", &after));
	ck_assert(from_honeypot(&f, ACK, FIXTURE_ISN + 11, "", &after));
	ck_assert_uint_eq(after.ack, FIXTURE_ISN + 11);
	ck_assert(from_honeypot(&f, PA, FIXTURE_ISN + 1, "data", &after));
	ck_assert_uint_eq(after.ack, FIXTURE_ISN + 11);
	ck_assert(from_honeypot(&f, ACK | HB_TCP_FIN, FIXTURE_ISN + 1, "", &after));
	ck_assert_uint_eq(after.ack, FIXTURE_ISN + 11);
	ck_assert(from_honeypot(&f, HB_TCP_RST, FIXTURE_ISN + 1, "", &after));
	ck_assert_uint_eq(after.ack, FIXTURE_ISN + 1); /* has none */
	f.handover.owed = f.handover.cut;
	ck_assert(from_honeypot(&f, ACK, FIXTURE_ISN + 1, "", &after));
	ck_assert_uint_eq(after.ack, FIXTURE_ISN + 1);
	fixture_close(&f);
}
END_TEST

/* What ends the session waits behind what is owed. */
START_TEST(the_clients_end_waits)
{
	struct handover_fixture f;
	struct hb_packet rst = fixture_segment(HB_TCP_RST, FIXTURE_ISN + 11, 0);
	struct hb_packet fin = fixture_segment(HB_TCP_FIN | ACK, FIXTURE_ISN + 11, 0);
	struct hb_packet ack = fixture_segment(ACK, FIXTURE_ISN + 11, 0);

	open_held(&f, FIXTURE_ISN);
	ck_assert(hb_debt_from_client(&f.core, &f.flow, &rst));
	ck_assert(!f.handover.client_reset);
	hb_debt_incur(&f.core, &f.flow);
	ack.ack = fin.ack = f.flow.track.server_next;
	ck_assert(hb_debt_from_client(&f.core, &f.flow, &ack));
	fin.seq--; /* an old one: answered */
	ck_assert(!hb_debt_from_client(&f.core, &f.flow, &fin));
	ck_assert(!f.handover.client_fin);
	fin.seq++;
	ck_assert(!hb_debt_from_client(&f.core, &f.flow, &fin));
	ck_assert(f.handover.client_fin);
	ck_assert(!hb_debt_from_client(&f.core, &f.flow, &rst));
	ck_assert(f.handover.client_reset);
	fixture_close(&f);
}
END_TEST

START_TEST(what_is_paid_is_forgotten)
{
	struct handover_fixture f;

	open_held(&f, FIXTURE_ISN);
	hb_debt_incur(&f.core, &f.flow);
	f.handover.phase = HB_PHASE_COMMITTED;
	f.handover.client_reset = true;
	hb_debt_settle(&f.core, &f.flow); /* not yet */
	ck_assert_ptr_nonnull(f.flow.record);
	f.handover.replay.una = FIXTURE_ISN + 11;
	f.handover.replay.resend_ns = 1;
	hb_debt_settle(&f.core, &f.flow);
	ck_assert_ptr_null(f.flow.record);
	ck_assert_uint_eq(f.core.budget.used_bytes, 0);
	ck_assert_uint_eq(f.handover.replay.resend_ns, 0);
	/* Now the RST may go, with the number that is expected. */
	ck_assert_uint_eq(f.rig.sent_count, 2);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->tcp_flags, HB_TCP_RST);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->seq, FIXTURE_ISN + 11);
	ck_assert(hb_track_closed(&f.flow.track));
	hb_debt_settle(&f.core, &f.flow);
	ck_assert_uint_eq(f.rig.sent_count, 2);
	fixture_close(&f);
}
END_TEST

START_TEST(what_cannot_be_paid_is_written_off)
{
	struct handover_fixture f;
	struct hb_addr backend = rig_addr(RIG_BACKEND), client = rig_addr(RIG_CLIENT);

	open_held(&f, FIXTURE_ISN);
	hb_debt_incur(&f.core, &f.flow);
	f.handover.phase = HB_PHASE_COMMITTED;
	f.handover.replay.una = FIXTURE_ISN + 4;
	f.handover.client_reset = true;
	hb_debt_write_off(&f.core, &f.flow);
	ck_assert_uint_eq(f.rig.sent_count, 3);
	ck_assert(hb_addr_equal(&rig_sent(&f.rig, 1)->dst, &backend));
	ck_assert_uint_eq(rig_sent(&f.rig, 1)->seq, FIXTURE_ISN + 4);
	ck_assert(hb_addr_equal(&rig_sent(&f.rig, 0)->dst, &client));
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->seq, FIXTURE_SERVER_ISN + 1);
	ck_assert_ptr_null(f.flow.record);
	ck_assert(!hb_debt_is_open(&f.handover));
	ck_assert(hb_track_closed(&f.flow.track));
	fixture_close(&f);
}
END_TEST

/* The clock that the client sees must not seem to go back later. */
START_TEST(a_stamp_is_the_last_one_shown)
{
	struct handover_fixture f;
	struct hb_build_tcp spec = { .seq = 1 };

	open_held(&f, FIXTURE_ISN);
	f.flow.track.server_ts = 700;
	f.flow.track.client_ts = 300;
	hb_debt_stamp(&f.flow, &spec);
	ck_assert_uint_eq(spec.options.present, 0);
	f.flow.track.granted = HB_TCPOPT_TIMESTAMP;
	hb_debt_stamp(&f.flow, &spec);
	ck_assert_uint_eq(spec.options.present, HB_TCPOPT_TIMESTAMP);
	ck_assert_uint_eq(spec.options.tsval, 700);
	ck_assert_uint_eq(spec.options.tsecr, 300);
	fixture_close(&f);
}
END_TEST

/* Behind all that was held, to whoever serves. */
START_TEST(bare_segments_stand_behind_what_is_held)
{
	struct handover_fixture f;
	struct hb_addr frontend = rig_addr(RIG_FRONTEND);

	open_held(&f, FIXTURE_ISN);
	hb_debt_send_fin(&f.core, &f.flow, HB_LEG_FRONTEND, 77);
	ck_assert(hb_addr_equal(&rig_sent(&f.rig, 0)->dst, &frontend));
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->tcp_flags, HB_TCP_FIN | ACK);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->seq, FIXTURE_ISN + 11);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->ack, 77);
	f.flow.track.client_wscale = 2; /* which the backend did not grant */
	hb_debt_send_ack(&f.core, &f.flow, HB_LEG_BACKEND, 78);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->tcp_flags, ACK);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->window, 4000);
	f.handover.replay.granted = HB_TCPOPT_WSCALE;
	hb_debt_send_ack(&f.core, &f.flow, HB_LEG_BACKEND, 78);
	ck_assert_uint_eq(rig_sent(&f.rig, 0)->window, 1000);
	fixture_close(&f);
}
END_TEST

UNIT_MAIN("debt", debt_lasts_until_it_is_delivered, the_client_is_told_what_arrived,
	  a_window_that_is_full_is_closed, no_debt_above_what_the_frontend_lacks,
	  a_honeypots_ack_is_raised, the_clients_end_waits, what_is_paid_is_forgotten,
	  what_cannot_be_paid_is_written_off, a_stamp_is_the_last_one_shown,
	  bare_segments_stand_behind_what_is_held)
