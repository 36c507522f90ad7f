/* SPDX-License-Identifier: BSD-2-Clause */
/* What must be seen to after a handover; dialogues are in tests/script. */
#include "forward.h"

#include "rig.h"

#define ACK HB_TCP_ACK
#define SA (HB_TCP_SYN | HB_TCP_ACK)
#define PA (HB_TCP_PSH | HB_TCP_ACK)
#define FA (HB_TCP_FIN | HB_TCP_ACK)

/* Handed over at the handshake: numbers of the client's 1001, of the backend's 9001 for 5001. */
static void open_forward(struct rig *rig)
{
	rig_backend(rig_open(rig), RIG_BACKEND, "yes");
	rig_start(rig);
	rig_handshake(rig);
	rig_connect(rig);
	ck_assert_int_eq(rig->state, HB_STATE_FORWARD);
	rig->sent_count = 0;
}

static enum hb_verdict backend(struct rig *rig, uint8_t flags, uint32_t seq, const char *text,
			       uint16_t window)
{
	return rig_tcp(rig, &(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, flags, seq, 1001, text,
					       .window = window });
}

static enum hb_verdict client(struct rig *rig, uint8_t flags, uint32_t seq, uint32_t ack)
{
	return rig_tcp(rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, flags, seq, ack });
}

START_TEST(numbers_are_shown_as_the_frontends)
{
	struct hb_addr attacked = rig_addr(RIG_ATTACKED), to = rig_addr(RIG_BACKEND);
	struct rig rig;

	open_forward(&rig);
	ck_assert_int_eq(backend(&rig, PA, 9001, "hello", 1000), HB_ACCEPT_MODIFIED);
	ck_assert(hb_addr_equal(&rig.packet.src, &attacked));
	ck_assert_uint_eq(rig.packet.seq, 5001);
	ck_assert_uint_eq(rig.packet.ack, 1001);
	ck_assert_int_eq(client(&rig, ACK, 1001, 5006), HB_ACCEPT_MODIFIED);
	ck_assert(hb_addr_equal(&rig.packet.dst, &to));
	ck_assert_uint_eq(rig.packet.seq, 1001);
	ck_assert_uint_eq(rig.packet.ack, 9006);
	ck_assert_uint_eq(rig.sent_count, 0);
	rig_close(&rig);
}
END_TEST

/* The client was promised 1000 bytes: a smaller window takes nothing back. */
START_TEST(the_windows_edge_stays)
{
	static const struct {
		uint16_t window, shown;
	} cases[] = { { 10, 1000 }, { 999, 1000 }, { 1000, 1000 }, { 2000, 2000 }, { 5, 2000 } };
	struct rig rig;

	open_forward(&rig);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(backend(&rig, ACK, 9001, NULL, cases[i].window),
				 HB_ACCEPT_MODIFIED);
		ck_assert_uint_eq(rig.packet.window, cases[i].shown);
	}
	rig_close(&rig);
}
END_TEST

/* Our ACK of it was lost. */
START_TEST(a_repeated_syn_ack_stays_here)
{
	struct rig rig;

	open_forward(&rig);
	ck_assert_int_eq(backend(&rig, SA, 9000, NULL, 1000), HB_DROP);
	ck_assert_uint_eq(rig.sent_count, 1);
	ck_assert_uint_eq(rig_sent(&rig, 0)->tcp_flags, ACK);
	ck_assert_uint_eq(rig_sent(&rig, 0)->seq, 1001);
	ck_assert_uint_eq(rig_sent(&rig, 0)->ack, 9001);
	rig_close(&rig);
}
END_TEST

START_TEST(a_reset_passes_with_the_clients_number)
{
	struct rig rig;

	open_forward(&rig);
	ck_assert_int_eq(backend(&rig, HB_TCP_RST, 9001, NULL, 1), HB_ACCEPT_MODIFIED);
	ck_assert_uint_eq(rig.packet.seq, 5001);
	ck_assert_uint_eq(rig.packet.window, 1);
	rig_advance(&rig, 3 * RIG_SECOND);
	ck_assert_uint_eq(rig.events[HB_EVENT_FLOW_END], 1);
	rig_close(&rig);
}
END_TEST

START_TEST(a_backend_closes)
{
	struct rig rig;

	open_forward(&rig);
	ck_assert_int_eq(backend(&rig, FA, 9001, "bye", 1000), HB_ACCEPT_MODIFIED);
	ck_assert_uint_eq(rig.packet.tcp_flags, FA);
	ck_assert_int_eq(client(&rig, FA, 1001, 5005), HB_ACCEPT_MODIFIED);
	ck_assert_uint_eq(rig.packet.ack, 9005);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, ACK, 9005, 1002 });
	rig_advance(&rig, 3 * RIG_SECOND);
	ck_assert_uint_eq(rig.events[HB_EVENT_FLOW_END], 1);
	rig_close(&rig);
}
END_TEST

/* The frontend was reset; if that got lost, it learns it now. */
START_TEST(a_former_frontend_is_told_to_forget)
{
	struct rig rig;

	open_forward(&rig);
	ck_assert_int_eq(rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, PA, 5001, 1001,
							  "hello" }),
			 HB_DROP);
	ck_assert_uint_eq(rig.sent_count, 1);
	ck_assert_uint_eq(rig_sent(&rig, 0)->tcp_flags, HB_TCP_RST);
	ck_assert_uint_eq(rig_sent(&rig, 0)->seq, 1001);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, HB_TCP_RST, 5001 });
	ck_assert_uint_eq(rig.sent_count, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(a_former_frontend_of_datagrams_is_ignored)
{
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "yes");
	rig_start(&rig);
	rig_udp(&rig, RIG_CLIENT, RIG_ATTACKED, "one");
	rig_udp(&rig, RIG_BACKEND, RIG_CLIENT, "1");
	ck_assert_int_eq(rig.state, HB_STATE_FORWARD);
	rig.sent_count = 0;
	ck_assert_int_eq(rig_udp(&rig, RIG_FRONTEND, RIG_CLIENT, "1"), HB_DROP);
	ck_assert_uint_eq(rig.sent_count, 0);
	ck_assert_int_eq(rig_udp(&rig, RIG_CLIENT, RIG_ATTACKED, ""), HB_ACCEPT_MODIFIED);
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("forward", numbers_are_shown_as_the_frontends, the_windows_edge_stays,
	  a_repeated_syn_ack_stays_here, a_reset_passes_with_the_clients_number, a_backend_closes,
	  a_former_frontend_is_told_to_forget, a_former_frontend_of_datagrams_is_ignored)
