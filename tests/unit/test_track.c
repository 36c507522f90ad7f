/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told from the packets that pass; dialogues are in tests/script. */
#include "track.h"

#include "unit.h"

#include <string.h>

#define ISN UINT32_C(1000)
#define SERVER_ISN UINT32_C(5000)

#define SYN HB_TCP_SYN
#define ACK HB_TCP_ACK
#define SA (HB_TCP_SYN | HB_TCP_ACK)
#define PA (HB_TCP_PSH | HB_TCP_ACK)
#define FA (HB_TCP_FIN | HB_TCP_ACK)

static struct hb_packet segment(uint8_t flags, uint32_t seq, uint32_t ack, size_t len)
{
	return (struct hb_packet){ .protocol = HB_PROTO_TCP,
				   .has_l4 = true,
				   .tcp_flags = flags,
				   .seq = seq,
				   .ack = ack,
				   .payload_len = len,
				   .window = 1000,
				   .ttl = 60 };
}

static void client(struct hb_track *track, uint8_t flags, uint32_t seq, uint32_t ack, size_t len)
{
	struct hb_packet packet = segment(flags, seq, ack, len);

	hb_track_client(track, &packet);
}

static void server(struct hb_track *track, uint8_t flags, uint32_t seq, uint32_t ack, size_t len)
{
	struct hb_packet packet = segment(flags, seq, ack, len);

	hb_track_server(track, &packet, 0);
}

static struct hb_track after_syn(uint32_t isn)
{
	struct hb_packet packet = segment(SYN, isn, 0, 0);
	struct hb_track track;

	memset(&track, 0xa5, sizeof(track));
	hb_track_init(&track, &packet);
	return track;
}

/* Established, with any numbers to begin with. */
static struct hb_track established(uint32_t isn, uint32_t server_isn)
{
	struct hb_track track = after_syn(isn);

	server(&track, SA, server_isn, isn + 1, 0);
	client(&track, ACK, isn + 1, server_isn + 1, 0);
	ck_assert(track.flags & HB_TRACK_ESTABLISHED);
	return track;
}

START_TEST(a_handshake_is_followed)
{
	struct hb_track track = after_syn(ISN);

	ck_assert_uint_eq(track.flags, 0);
	ck_assert_uint_eq(track.client_next, ISN + 1);
	server(&track, SA, SERVER_ISN, ISN + 1, 0);
	ck_assert_uint_eq(track.flags, HB_TRACK_SYN_ACK);
	ck_assert_uint_eq(track.server_isn, SERVER_ISN);
	ck_assert_uint_eq(track.server_next, SERVER_ISN + 1);
	ck_assert_uint_eq(track.server_ack, ISN + 1);
	ck_assert_uint_eq(track.edge, ISN + 1 + 1000);
	client(&track, ACK, ISN + 1, SERVER_ISN + 1, 0);
	ck_assert_uint_eq(track.flags, HB_TRACK_SYN_ACK | HB_TRACK_ESTABLISHED);
	ck_assert_uint_eq(track.client_ack, SERVER_ISN + 1);
}
END_TEST

START_TEST(only_an_answer_is_a_syn_ack)
{
	struct hb_track track = after_syn(ISN);

	server(&track, SYN, SERVER_ISN, 0, 0);
	server(&track, SA, SERVER_ISN, ISN, 0);              /* of something older */
	server(&track, SA, SERVER_ISN, ISN + 0x40000000, 0); /* of what nobody sent */
	client(&track, SA, ISN, ISN + 1, 0);
	ck_assert(!(track.flags & HB_TRACK_SYN_ACK));
	ck_assert_uint_eq(track.client_next, ISN + 1);
	server(&track, SA, SERVER_ISN, ISN + 1, 0);
	server(&track, SA, 7777, ISN + 1, 0); /* the first one counts */
	ck_assert_uint_eq(track.server_isn, SERVER_ISN);
}
END_TEST

struct grant {
	uint8_t offered, answered, granted;
	uint8_t client_shift, server_shift;
};

START_TEST(both_must_want_an_option)
{
	static const struct grant grants[] = {
		{ 0, 0, 0, 0, 0 },
		{ 0, HB_TCPOPT_WSCALE | HB_TCPOPT_TIMESTAMP, 0, 0, 0 },
		{ HB_TCPOPT_WSCALE | HB_TCPOPT_SACK_OK, 0, 0, 0, 0 },
		{ HB_TCPOPT_WSCALE | HB_TCPOPT_SACK_OK, HB_TCPOPT_WSCALE, HB_TCPOPT_WSCALE, 7, 3 },
		{ HB_TCPOPT_MSS | HB_TCPOPT_TIMESTAMP, HB_TCPOPT_MSS | HB_TCPOPT_TIMESTAMP,
		  HB_TCPOPT_MSS | HB_TCPOPT_TIMESTAMP, 0, 0 },
		{ HB_TCPOPT_FOREIGN, HB_TCPOPT_FOREIGN, HB_TCPOPT_FOREIGN, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
		const struct grant *grant = &grants[i];
		struct hb_packet syn = segment(SYN, ISN, 0, 0);
		struct hb_packet answer = segment(SA, SERVER_ISN, ISN + 1, 0);
		struct hb_track track;

		syn.options.present = grant->offered;
		syn.options.wscale = grant->offered & HB_TCPOPT_WSCALE ? 7 : 0;
		answer.options.present = grant->answered;
		answer.options.wscale = grant->answered & HB_TCPOPT_WSCALE ? 3 : 0;
		hb_track_init(&track, &syn);
		hb_track_server(&track, &answer, 0);
		ck_assert_uint_eq(track.granted, grant->granted);
		ck_assert_uint_eq(track.client_wscale, grant->client_shift);
		ck_assert_uint_eq(track.server_wscale, grant->server_shift);
	}
}
END_TEST

START_TEST(ecn_is_granted_by_one_bit)
{
	const uint8_t both = HB_TCP_ECE | HB_TCP_CWR;
	static const struct {
		uint8_t asked, answered;
		bool granted;
	} cases[] = { { HB_TCP_ECE | HB_TCP_CWR, HB_TCP_ECE, true },
		      { HB_TCP_ECE | HB_TCP_CWR, HB_TCP_ECE | HB_TCP_CWR, false }, /* reflected */
		      { HB_TCP_ECE | HB_TCP_CWR, 0, false },
		      { HB_TCP_ECE, HB_TCP_ECE, false },
		      { 0, HB_TCP_ECE, false } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hb_packet syn = segment(SYN | (cases[i].asked & both), ISN, 0, 0);
		struct hb_track track;

		hb_track_init(&track, &syn);
		server(&track, SA | cases[i].answered, SERVER_ISN, ISN + 1, 0);
		ck_assert(!!(track.flags & HB_TRACK_ECN) == cases[i].granted);
	}
}
END_TEST

static void follow_data(uint32_t isn, uint32_t server_isn)
{
	struct hb_track track = established(isn, server_isn);

	client(&track, PA, isn + 1, server_isn + 1, 10);
	ck_assert_uint_eq(track.client_next, isn + 11);
	client(&track, PA, isn + 1, server_isn + 1, 10); /* again */
	ck_assert_uint_eq(track.client_next, isn + 11);
	client(&track, PA, isn + 6, server_isn + 1, 10); /* some again, some new */
	ck_assert_uint_eq(track.client_next, isn + 16);
	client(&track, PA, isn + 20, server_isn + 1, 10); /* leaves a hole */
	ck_assert_uint_eq(track.client_next, isn + 16);
	server(&track, PA, server_isn + 1, isn + 16, 20);
	ck_assert_uint_eq(track.server_next, server_isn + 21);
	ck_assert_uint_eq(track.server_ack, isn + 16);
	ck_assert(track.flags & HB_TRACK_SERVER_PSH);
	server(&track, ACK, server_isn + 21, isn + 16, 5);
	ck_assert(!(track.flags & HB_TRACK_SERVER_PSH));
	client(&track, ACK, isn + 16, server_isn + 26, 0);
	ck_assert_uint_eq(track.client_ack, server_isn + 26);
}

/* With the wrap before, in and behind what is sent. */
START_TEST(data_is_followed_wherever_numbers_wrap)
{
	for (uint32_t back = 0; back < 40; back++) {
		follow_data(0 - back, SERVER_ISN);
		follow_data(ISN, 0 - back);
		follow_data(0 - back, 20 - back);
	}
}
END_TEST

/* RFC 5961, 5.2 */
START_TEST(an_ack_of_what_was_not_sent_changes_nothing)
{
	struct hb_track track = established(ISN, SERVER_ISN), before = track;
	struct hb_packet packet;

	client(&track, ACK, ISN + 1, SERVER_ISN + 2, 0);
	client(&track, ACK, ISN + 1, SERVER_ISN + 0x10000000, 0);
	client(&track, ACK, ISN + 1, SERVER_ISN, 0); /* old */
	packet = segment(ACK, ISN + 1, SERVER_ISN + 2, 0);
	hb_track_client_ack(&track, &packet);
	ck_assert_mem_eq(&track, &before, sizeof(track));
	server(&track, ACK, SERVER_ISN + 1, ISN + 2, 0);
	ck_assert_uint_eq(track.server_ack, ISN + 1);
	ck_assert_uint_eq(track.edge, before.edge);
}
END_TEST

START_TEST(a_fin_needs_all_before_it)
{
	struct hb_track track = established(ISN, SERVER_ISN);

	client(&track, FA, ISN + 5, SERVER_ISN + 1, 0); /* 4 bytes are missing */
	ck_assert(!(track.flags & HB_TRACK_CLIENT_FIN));
	client(&track, FA, ISN + 1, SERVER_ISN + 1, 4);
	ck_assert(track.flags & HB_TRACK_CLIENT_FIN);
	ck_assert_uint_eq(track.client_next, ISN + 6);
	client(&track, FA, ISN + 1, SERVER_ISN + 1, 4); /* again */
	ck_assert_uint_eq(track.client_next, ISN + 6);
	ck_assert(!hb_track_closed(&track));
	server(&track, FA, SERVER_ISN + 1, ISN + 6, 3);
	ck_assert(track.flags & HB_TRACK_SERVER_FIN);
	ck_assert_uint_eq(track.server_next, SERVER_ISN + 5);
	ck_assert(hb_track_closed(&track));
}
END_TEST

START_TEST(the_server_may_close_first)
{
	struct hb_track track = established(ISN, SERVER_ISN);

	server(&track, FA, SERVER_ISN + 1, ISN + 1, 0);
	ck_assert(!hb_track_closed(&track));
	client(&track, PA, ISN + 1, SERVER_ISN + 2, 10); /* half-closed */
	ck_assert_uint_eq(track.client_next, ISN + 11);
	client(&track, FA, ISN + 11, SERVER_ISN + 2, 0);
	ck_assert(hb_track_closed(&track));
}
END_TEST

/* RFC 5961, 3.2: any other number is not taken by who gets it. */
START_TEST(a_client_resets_with_the_exact_number)
{
	static const uint32_t wrong[] = { 0, ISN, ISN + 6, ISN + 20, ISN + 500, ISN + 0x80000000 };
	struct hb_track track = established(ISN, SERVER_ISN);

	client(&track, PA, ISN + 1, SERVER_ISN + 1, 10);
	server(&track, ACK, SERVER_ISN + 1, ISN + 11, 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		client(&track, HB_TCP_RST, wrong[i], 0, 0);
		ck_assert(!hb_track_closed(&track));
	}
	client(&track, HB_TCP_RST, ISN + 11, 0, 0);
	ck_assert(track.flags & HB_TRACK_RESET);
	ck_assert(hb_track_closed(&track));
}
END_TEST

/* The client may be behind what passed here; not before what it acknowledged. */
/* Data may have overtaken it: the server tells by acknowledging more than where it stands. */
START_TEST(a_reset_that_came_too_late_is_none)
{
	struct hb_track track = established(ISN, SERVER_ISN);
	struct hb_track before;

	client(&track, PA, ISN + 1, SERVER_ISN + 1, 10);
	before = track;
	client(&track, HB_TCP_RST, ISN + 1, 0, 0); /* where the server was */
	ck_assert(hb_track_closed(&track));
	server(&track, ACK, SERVER_ISN + 1, ISN + 1, 0); /* no news */
	ck_assert(hb_track_closed(&track));
	server(&track, ACK, SERVER_ISN + 1, ISN + 5000, 0); /* what it never got */
	ck_assert(hb_track_closed(&track));
	server(&track, ACK, SERVER_ISN + 1, ISN + 11, 0);
	ck_assert(!hb_track_closed(&track));

	track = before;
	client(&track, HB_TCP_RST, ISN + 11, 0, 0);       /* where the client is */
	server(&track, ACK, SERVER_ISN + 1, ISN + 11, 0); /* sent before it */
	ck_assert(hb_track_closed(&track));
	server(&track, ACK, SERVER_ISN + 1, ISN + 12, 0);
	ck_assert(!hb_track_closed(&track));
}
END_TEST

START_TEST(a_server_resets_where_the_client_may_be)
{
	struct hb_track track = established(ISN, SERVER_ISN);

	server(&track, PA, SERVER_ISN + 1, ISN + 1, 10);
	server(&track, HB_TCP_RST, SERVER_ISN, 0, 0);
	server(&track, HB_TCP_RST, SERVER_ISN + 12, 0, 0);
	server(&track, HB_TCP_RST | ACK, 0, ISN + 1, 0);
	ck_assert(!hb_track_closed(&track));
	server(&track, HB_TCP_RST, SERVER_ISN + 11, 0, 0);
	ck_assert(hb_track_closed(&track));
}
END_TEST

START_TEST(a_syn_may_be_refused)
{
	struct hb_track track = after_syn(ISN);

	server(&track, HB_TCP_RST | ACK, 0, ISN + 1, 0);
	ck_assert(hb_track_closed(&track));
}
END_TEST

/* Which of two SYNs a server knows is told by what it acknowledges, data of a SYN included. */
START_TEST(the_syn_ack_tells_which_syn_counts)
{
	static const struct {
		uint32_t other, acked, isn;
	} cases[] = {
		{ 900000, ISN + 1, ISN },      { 900000, 900001, 900000 },
		{ ISN + 8, ISN + 1, ISN },     { ISN + 8, ISN + 9, ISN + 8 },
		{ ISN + 8, ISN + 5, ISN },     { ISN - 8, ISN + 1, ISN },
		{ ISN - 8, ISN - 7, ISN - 8 }, { ISN + 8, ISN + 12, ISN },
		{ 900000, 900005, 900000 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hb_track track = after_syn(ISN), before = after_syn(cases[i].other);
		struct hb_syn syn = hb_track_unanswered(&before);

		hb_track_begins_after(&track, &syn);
		ck_assert_uint_eq(track.client_isn, ISN);
		track.flags |= HB_TRACK_LOOSE;
		server(&track, SA, SERVER_ISN, cases[i].acked, 0);
		ck_assert_uint_eq(track.flags, HB_TRACK_SYN_ACK | HB_TRACK_LOOSE);
		ck_assert_uint_eq(track.client_isn, cases[i].isn);
		ck_assert_uint_eq(track.client_next, cases[i].acked);
		ck_assert_uint_eq(track.server_isn, SERVER_ISN);
		ck_assert_uint_eq(track.server_next, SERVER_ISN + 1);
		ck_assert_uint_eq(track.server_ts, 0);
	}
}
END_TEST

/* What the server says before it has answered a SYN is of something older. */
START_TEST(nothing_comes_before_the_syn_ack)
{
	struct hb_track track = after_syn(ISN), before = after_syn(900000);
	struct hb_syn syn = hb_track_unanswered(&before);

	hb_track_begins_after(&track, &syn);
	server(&track, PA, 77, ISN, 10);
	server(&track, FA, 87, ISN, 0);
	ck_assert_uint_eq(track.flags, 0);
	server(&track, SA, SERVER_ISN, 900001, 0);
	ck_assert_uint_eq(track.client_isn, 900000);
	ck_assert_uint_eq(track.server_next, SERVER_ISN + 1);
}
END_TEST

static void client_ts(struct hb_track *track, uint32_t seq, uint32_t tsval)
{
	struct hb_packet packet = segment(ACK, seq, SERVER_ISN + 1, 0);

	packet.options.present = HB_TCPOPT_TIMESTAMP;
	packet.options.tsval = tsval;
	hb_track_client(track, &packet);
}

/* RFC 7323, 4.3 */
START_TEST(ts_recent_is_the_left_edges)
{
	struct hb_track track = established(ISN, SERVER_ISN);

	track.client_ts = UINT32_MAX - 1;
	client_ts(&track, ISN + 1, UINT32_MAX);
	ck_assert_uint_eq(track.client_ts, UINT32_MAX);
	client_ts(&track, ISN + 1, 3); /* later, across the wrap */
	ck_assert_uint_eq(track.client_ts, 3);
	client_ts(&track, ISN + 1, UINT32_MAX); /* earlier */
	ck_assert_uint_eq(track.client_ts, 3);
	client_ts(&track, ISN + 2, 10); /* beyond what was acknowledged: there is a hole */
	ck_assert_uint_eq(track.client_ts, 3);
	client(&track, ACK, ISN + 1, SERVER_ISN + 1, 0); /* without */
	ck_assert_uint_eq(track.client_ts, 3);
}
END_TEST

static void server_ts(struct hb_track *track, uint32_t tsval, uint32_t age_ms)
{
	struct hb_packet packet = segment(ACK, SERVER_ISN + 1, ISN + 1, 0);

	packet.options.present = HB_TCPOPT_TIMESTAMP;
	packet.options.tsval = tsval;
	hb_track_server(track, &packet, age_ms);
}

START_TEST(the_servers_clock_goes_on)
{
	struct hb_track track = established(ISN, SERVER_ISN);

	track.server_ts = UINT32_MAX - 10;
	server_ts(&track, UINT32_MAX - 5, 1000);
	ck_assert_uint_eq(hb_track_server_ts_at(&track, 1000), UINT32_MAX - 5);
	ck_assert_uint_eq(hb_track_server_ts_at(&track, 1010), 4);
	server_ts(&track, UINT32_MAX - 8, 1100); /* an older segment came late */
	ck_assert_uint_eq(hb_track_server_ts_at(&track, 1010), 4);
	server_ts(&track, 100, 1200);
	ck_assert_uint_eq(hb_track_server_ts_at(&track, 1201), 101);
}
END_TEST

/* The edge neither retracts nor is it told by what acknowledges too much. */
START_TEST(the_windows_edge_only_grows)
{
	struct hb_track track = established(ISN, SERVER_ISN);
	struct hb_packet packet = segment(ACK, SERVER_ISN + 1, ISN + 1, 0);

	track.server_wscale = 4;
	packet.window = 100;
	hb_track_server(&track, &packet, 0);
	ck_assert_uint_eq(track.edge, ISN + 1 + 1600);
	packet.window = 10;
	hb_track_server(&track, &packet, 0);
	ck_assert_uint_eq(track.edge, ISN + 1 + 1600);
	packet.window = UINT16_MAX;
	track.server_wscale = 14;
	hb_track_server(&track, &packet, 0);
	ck_assert_uint_eq(track.edge, ISN + 1 + (UINT32_C(65535) << 14));
}
END_TEST

START_TEST(the_clients_window_is_scaled)
{
	struct hb_track track = { .client_window = UINT16_MAX, .client_wscale = 14 };

	ck_assert_uint_eq(hb_track_client_window_bytes(&track), UINT32_C(65535) << 14);
	track.client_wscale = 0;
	ck_assert_uint_eq(hb_track_client_window_bytes(&track), 65535);
}
END_TEST

START_TEST(midstream_is_believed)
{
	static const uint8_t firsts[] = {
		ACK, PA, FA, HB_TCP_RST, SA, SYN | HB_TCP_RST, SYN | HB_TCP_FIN, 0
	};

	for (size_t i = 0; i < sizeof(firsts); i++) {
		struct hb_packet packet = segment(firsts[i], ISN, SERVER_ISN, 10);
		struct hb_track track;

		hb_track_init(&track, &packet);
		ck_assert(track.flags & HB_TRACK_MIDSTREAM);
		server(&track, SA, 77, ISN + 1, 0);
		ck_assert(!(track.flags & HB_TRACK_SYN_ACK));
		client(&track, PA, ISN + 100, SERVER_ISN, 10);
		ck_assert_uint_eq(track.client_next, ISN + 110);
		server(&track, HB_TCP_RST, 12345, 0, 0);
		ck_assert(hb_track_closed(&track));
	}
}
END_TEST

START_TEST(in_order_means_new_and_next)
{
	struct hb_track track = established(UINT32_MAX - 4, SERVER_ISN);
	struct hb_packet packet = segment(PA, UINT32_MAX - 3, SERVER_ISN + 1, 10);

	ck_assert(hb_track_in_order(&track, &packet));
	packet.payload_len = 0;
	ck_assert(!hb_track_in_order(&track, &packet));
	packet.payload_len = 10;
	packet.seq++;
	ck_assert(!hb_track_in_order(&track, &packet)); /* a hole */
	packet.seq -= 11;
	ck_assert(!hb_track_in_order(&track, &packet)); /* all known */
	packet.payload_len++;
	ck_assert(hb_track_in_order(&track, &packet));
}
END_TEST

START_TEST(syn_and_fin_take_a_number)
{
	struct hb_packet packet = segment(0, 0, 0, 7);

	ck_assert_uint_eq(hb_track_segment_len(&packet), 7);
	packet.tcp_flags = SYN;
	ck_assert_uint_eq(hb_track_segment_len(&packet), 8);
	packet.tcp_flags = FA;
	ck_assert_uint_eq(hb_track_segment_len(&packet), 8);
	packet.tcp_flags = SYN | HB_TCP_FIN;
	ck_assert_uint_eq(hb_track_segment_len(&packet), 9);
}
END_TEST

UNIT_MAIN("track", a_handshake_is_followed, only_an_answer_is_a_syn_ack, both_must_want_an_option,
	  ecn_is_granted_by_one_bit, data_is_followed_wherever_numbers_wrap,
	  an_ack_of_what_was_not_sent_changes_nothing, a_fin_needs_all_before_it,
	  the_server_may_close_first, a_client_resets_with_the_exact_number,
	  a_reset_that_came_too_late_is_none, a_server_resets_where_the_client_may_be,
	  a_syn_may_be_refused, the_syn_ack_tells_which_syn_counts,
	  nothing_comes_before_the_syn_ack, ts_recent_is_the_left_edges, the_servers_clock_goes_on,
	  the_windows_edge_only_grows, the_clients_window_is_scaled, midstream_is_believed,
	  in_order_means_new_and_next, syn_and_fin_take_a_number)
