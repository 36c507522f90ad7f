/* SPDX-License-Identifier: BSD-2-Clause */
/* What passes to a frontend, and what is kept of it; dialogues are in tests/script. */
#include "proxy.h"

#include "handover_fixture.h"

#define PA (HB_TCP_PSH | HB_TCP_ACK)

static enum hb_verdict say(struct rig *rig, uint32_t seq, const char *text,
			   const struct hb_datagram *as)
{
	uint8_t buf[2048];
	size_t len = rig_build_tcp(
		buf, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, PA, seq, 5001, text });

	if (as->mark != 0) /* here: of what the sum is to be wrong by */
		buf[36] = (uint8_t)(buf[36] ^ as->mark);
	return rig_input(rig, buf, len, as);
}

static bool payload_is(const struct rig *rig, const char *text)
{
	return rig->packet.payload_len == strlen(text) &&
	       memcmp(rig->data + rig->packet.payload_offset, text, strlen(text)) == 0;
}

/* Undecided for as long as a test lasts. */
static void open_session(struct rig *rig)
{
	struct hb_target *target = rig_open(rig);

	rig_instance(rig, "never", "counter", "counter", "1000");
	rig_backend(target, RIG_BACKEND, "never");
	rig_start(rig);
	rig_handshake(rig);
	ck_assert_int_eq(rig->state, HB_STATE_DECISION);
}

/* The frontend will not take it: nor is it the first copy of anything. */
START_TEST(a_wrong_sum_is_passed_and_forgotten)
{
	const struct hb_datagram wrong = { .mark = 0xff }, right = { .mark = 0 };
	struct rig rig;

	open_session(&rig);
	ck_assert_int_eq(say(&rig, 1001, "evil", &wrong), HB_ACCEPT_MODIFIED);
	ck_assert(payload_is(&rig, "evil"));
	ck_assert(!hb_packet_checksum_ok(&rig.packet));
	ck_assert_uint_eq(rig_counters(&rig).buffered_bytes, 0);
	ck_assert_int_eq(say(&rig, 1001, "good", &right), HB_ACCEPT_MODIFIED);
	ck_assert(payload_is(&rig, "good"));
	ck_assert_int_eq(say(&rig, 1001, "EVIL", &right), HB_ACCEPT_MODIFIED);
	ck_assert(payload_is(&rig, "good"));
	ck_assert(hb_packet_checksum_ok(&rig.packet));
	rig_close(&rig);
}
END_TEST

/* A sum that a device would finish cannot be wrong yet, and comes back finished. */
START_TEST(an_unfinished_sum_is_believed)
{
	const struct hb_datagram partial = { .mark = 0xff, .checksum = HB_CHECKSUM_PARTIAL };
	struct rig rig;

	open_session(&rig);
	ck_assert_int_eq(say(&rig, 1001, "good", &partial), HB_ACCEPT_MODIFIED);
	ck_assert(hb_packet_checksum_ok(&rig.packet));
	ck_assert_uint_gt(rig_counters(&rig).buffered_bytes, 0);
	rig_close(&rig);
}
END_TEST

/* A super-packet's length must not change; its sum is none yet. */
START_TEST(copies_in_a_super_packet_are_made_equal)
{
	const struct hb_datagram plain = { .mark = 0 };
	const struct hb_datagram gso = { .checksum = HB_CHECKSUM_PARTIAL, .gso = true };
	struct rig rig;

	open_session(&rig);
	say(&rig, 1001, "hello", &plain);
	ck_assert_int_eq(say(&rig, 1001, "HELLO THERE", &gso), HB_ACCEPT_MODIFIED);
	ck_assert(payload_is(&rig, "hello THERE"));
	ck_assert_int_eq(say(&rig, 1004, "lo ther", &gso), HB_ACCEPT_MODIFIED);
	ck_assert(payload_is(&rig, "lo THER"));
	rig_close(&rig);
}
END_TEST

/* When no backend wants the session there is nothing to keep. */
START_TEST(a_rejected_session_is_not_recorded)
{
	const struct hb_datagram plain = { .mark = 0 };
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "not third");
	rig_start(&rig);
	rig_handshake(&rig);
	say(&rig, 1001, "one", &plain);
	ck_assert_int_eq(rig.state, HB_STATE_DECISION);
	ck_assert_uint_gt(rig_counters(&rig).buffered_bytes, 0);
	say(&rig, 1004, "two", &plain);
	ck_assert_int_eq(rig.state, HB_STATE_PROXY);
	ck_assert_uint_eq(rig_counters(&rig).buffered_bytes, 0);
	say(&rig, 1007, "three", &plain);
	ck_assert_uint_eq(rig_counters(&rig).buffered_bytes, 0);
	ck_assert_uint_eq(rig_counters(&rig).handovers_declined, 0); /* nobody wanted one */
	rig_close(&rig);
}
END_TEST

START_TEST(what_is_refused_reaches_who_serves)
{
	static const struct {
		enum hb_flow_state state;
		enum hb_verdict verdict;
		const char *to;
	} cases[] = { { HB_STATE_DECISION, HB_ACCEPT_MODIFIED, RIG_FRONTEND },
		      { HB_STATE_PROXY, HB_ACCEPT_MODIFIED, RIG_FRONTEND },
		      { HB_STATE_FORWARD, HB_ACCEPT_MODIFIED, RIG_BACKEND },
		      { HB_STATE_REPLAY, HB_DROP, NULL },
		      { HB_STATE_DROPPED, HB_DROP, NULL },
		      { HB_STATE_INIT, HB_DROP, NULL } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct handover_fixture f;
		uint8_t buf[2048];
		struct hb_datagram dgram = { .data = buf };
		struct hb_packet packet;

		fixture_open(&f, FIXTURE_ISN);
		f.flow.state = (uint8_t)cases[i].state;
		dgram.len = dgram.cap = rig_build_tcp(
			buf, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, PA, 1001, 5001, "x" });
		ck_assert_int_eq(hb_packet_parse(buf, dgram.len, &packet), 0);
		ck_assert_int_eq(hb_proxy_unseen(&f.flow, &dgram, &packet), cases[i].verdict);
		if (cases[i].to != NULL) {
			struct hb_addr to = rig_addr(cases[i].to);

			ck_assert_int_eq(hb_packet_parse(buf, dgram.len, &packet), 0);
			ck_assert(hb_addr_equal(&packet.dst, &to));
		}
		fixture_close(&f);
	}
}
END_TEST

static enum hb_verdict knock(struct rig *rig, uint32_t seq, bool tracked)
{
	uint8_t buf[2048];
	size_t len =
		rig_build_tcp(buf, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_SYN, seq });

	return rig_input(rig, buf, len,
			 &(struct hb_datagram){ .in_interface = 1, .tracked = tracked });
}

/* Behind DNAT one port that scans a network has one leg, which we cannot take apart. */
START_TEST(sessions_that_share_a_leg_stay_at_the_frontend)
{
	struct rig rig;

	open_session(&rig);
	ck_assert_int_eq(knock(&rig, 1000, true), HB_ACCEPT_MODIFIED); /* the same one's, again */
	ck_assert_int_eq(knock(&rig, 7000, false), HB_ACCEPT_MODIFIED);
	ck_assert_int_eq(rig.state, HB_STATE_DECISION);
	ck_assert_int_eq(knock(&rig, 7000, true), HB_ACCEPT_MODIFIED);
	ck_assert_int_eq(rig.state, HB_STATE_PROXY);
	ck_assert_str_eq(rig.reason, "the client's port has more than one session here");
	/* Where one of them ends, the others go on, and more may come. */
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_RST, 1001 });
	rig_advance(&rig, 60 * RIG_SECOND);
	ck_assert_int_eq(knock(&rig, 9000, true), HB_ACCEPT_MODIFIED);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 1);
	rig_advance(&rig, 119 * RIG_SECOND);
	ck_assert_uint_eq(rig_counters(&rig).flows, 1);
	rig_advance(&rig, 2 * RIG_SECOND);
	ck_assert_uint_eq(rig_counters(&rig).flows, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(sessions_may_share_a_leg_from_the_start)
{
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "yes");
	rig_start(&rig);
	knock(&rig, 1000, true);
	knock(&rig, 7000, true);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 1);
	ck_assert_int_eq(rig.state, HB_STATE_PROXY);
	rig_close(&rig);
}
END_TEST

/*
 * One of them was never answered, so that the gateway knows no number of the server's: what that says to
 * the others passes all the same.
 */
START_TEST(who_shares_a_leg_with_a_lost_syn_is_served)
{
	struct rig rig;

	rig_open(&rig);
	rig_start(&rig);
	knock(&rig, 1000, true);
	knock(&rig, 70000000, true);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, HB_TCP_SYN | HB_TCP_ACK, 5000,
					 70000001 });
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_ACK, 70000001, 5001 });
	ck_assert_int_ne(rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, PA, 5001,
							  70000001, "hello" }),
			 HB_DROP);
	rig_close(&rig);
}
END_TEST

static void close_session(struct rig *rig)
{
	rig_tcp(rig,
		&(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_FIN | HB_TCP_ACK, 1001, 5001 });
	rig_tcp(rig,
		&(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, HB_TCP_FIN | HB_TCP_ACK, 9001, 1002 });
}

/*
 * What is handed over already goes on, alone. While it is open, its server answers a SYN as any does
 * (RFC 5961, 4.2); once it is closed, conntrack takes the SYN for a new session, and would know nothing of
 * the answer's.
 */
START_TEST(nobody_joins_what_was_handed_over)
{
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "yes");
	rig_start(&rig);
	rig_handshake(&rig);
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	ck_assert_int_eq(knock(&rig, 7000, true), HB_DROP);
	rig_connect(&rig);
	ck_assert_int_eq(rig.state, HB_STATE_FORWARD);
	ck_assert_int_eq(knock(&rig, 7000, true), HB_ACCEPT_MODIFIED);
	ck_assert_int_eq(knock(&rig, 1000, true), HB_ACCEPT_MODIFIED);
	close_session(&rig);
	ck_assert_int_eq(knock(&rig, 900, true), HB_DROP);
	ck_assert_int_eq(knock(&rig, 1000, true), HB_ACCEPT_MODIFIED);
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("proxy", a_wrong_sum_is_passed_and_forgotten, an_unfinished_sum_is_believed,
	  copies_in_a_super_packet_are_made_equal, a_rejected_session_is_not_recorded,
	  what_is_refused_reaches_who_serves, sessions_that_share_a_leg_stay_at_the_frontend,
	  sessions_may_share_a_leg_from_the_start, who_shares_a_leg_with_a_lost_syn_is_served,
	  nobody_joins_what_was_handed_over)
