/* SPDX-License-Identifier: BSD-2-Clause */
/* What one flow may make the gateway remember, and how far it may make it reach. */
#include "record.h"
#include "rig.h"

#define LIMIT 4096
#define RECORD sizeof(struct hb_record)

#define PA (HB_TCP_PSH | HB_TCP_ACK)

/* A client's session of a policy that remembers little and waits for a decision for ever. */
static void open_session(struct rig *rig)
{
	struct hb_target *target = rig_open(rig);

	rig_instance(rig, "never", "counter", "counter", "1000000");
	rig_backend(target, RIG_BACKEND, "never");
	rig->options.max_flow_buffer_bytes = LIMIT;
	rig_start(rig);
	rig_handshake(rig);
}

static enum hb_verdict say(struct rig *rig, uint32_t seq, const char *text)
{
	return rig_tcp(rig,
		       &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, PA, seq, 5001, .text = text });
}

/* Pieces of one byte behind a hole cost more memory than they have payload. */
START_TEST(early_pieces_are_bounded)
{
	struct rig rig;

	open_session(&rig);
	for (uint32_t i = 0; i < 450; i++) {
		ck_assert_int_eq(say(&rig, 1002 + 2 * i, "x"), HB_ACCEPT_MODIFIED);
		ck_assert_uint_le(rig_counters(&rig).buffered_bytes, LIMIT + RECORD);
	}
	ck_assert_int_eq(rig.state, HB_STATE_PROXY);
	rig_close(&rig);
}
END_TEST

/* A copy of a piece that is there already takes no memory. */
START_TEST(an_early_piece_is_kept_once)
{
	struct rig rig;
	uint64_t first;

	open_session(&rig);
	say(&rig, 1002, "piece");
	first = rig_counters(&rig).buffered_bytes;
	ck_assert_uint_gt(first, 0);
	for (int i = 0; i < 10; i++)
		say(&rig, 1002, "piece");
	ck_assert_uint_eq(rig_counters(&rig).buffered_bytes, first);
	rig_close(&rig);
}
END_TEST

/* Held until the backend was heard of. Empty ones take memory, too. */
START_TEST(held_datagrams_are_bounded)
{
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "yes");
	rig.options.max_flow_buffer_bytes = LIMIT;
	rig_start(&rig);
	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(rig_udp(&rig, RIG_CLIENT, RIG_ATTACKED, i % 2 ? "" : "datagram"),
				 HB_DROP);
		ck_assert_uint_le(rig_counters(&rig).buffered_bytes, LIMIT + RECORD);
	}
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	ck_assert_uint_gt(rig_counters(&rig).buffered_bytes, LIMIT / 2);
	ck_assert_uint_eq(rig.sent_count, 1000); /* the backend got them all the same */
	rig_close(&rig);
}
END_TEST

/* Datagrams of a byte: what each costs counts. At a cap the recording ends, and the flow goes on. */
START_TEST(turns_are_bounded)
{
	struct hb_target *target;
	struct rig rig;
	uint64_t most = 0;

	target = rig_open(&rig);
	rig_instance(&rig, "never", "counter", "counter", "1000000");
	rig_backend(target, RIG_BACKEND, "never");
	rig.options.max_flow_buffer_bytes = LIMIT;
	rig_start(&rig);
	for (int i = 0; i < 450; i++) {
		uint64_t now;

		ck_assert_int_eq(rig_udp(&rig, RIG_CLIENT, RIG_ATTACKED, "x"), HB_ACCEPT_MODIFIED);
		now = rig_counters(&rig).buffered_bytes;
		if (now > most)
			most = now;
		ck_assert_uint_le(now, RECORD + 2 * LIMIT);
	}
	ck_assert_uint_gt(most, RECORD + LIMIT / 2);
	ck_assert_int_eq(rig.state, HB_STATE_PROXY);
	ck_assert_uint_eq(rig_counters(&rig).handovers_declined, 1);
	ck_assert_uint_eq(rig_counters(&rig).buffered_bytes, 0);
	rig_close(&rig);
}
END_TEST

/* A differing copy is made equal up to the last odd byte: an address sanitizer sees a step more. */
START_TEST(a_copy_is_changed_to_its_end)
{
	struct rig rig;

	open_session(&rig);
	say(&rig, 1001, "abc");
	ck_assert_int_eq(say(&rig, 1001, "abX"), HB_ACCEPT_MODIFIED);
	ck_assert_uint_eq(rig.packet.payload_len, 3);
	ck_assert_mem_eq(rig.data + rig.packet.payload_offset, "abc", 3);
	ck_assert(hb_packet_checksum_ok(&rig.packet));
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("bounds", early_pieces_are_bounded, turns_are_bounded, an_early_piece_is_kept_once,
	  held_datagrams_are_bounded, a_copy_is_changed_to_its_end)
