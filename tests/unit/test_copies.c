/* SPDX-License-Identifier: BSD-2-Clause */
#include "copies.h"

#include "handover_fixture.h"

#include <string.h>

#define FIRST (FIXTURE_ISN + 1)

struct copies_fixture {
	struct hb_budget budget;
	struct hb_record *record;
	uint8_t buf[256];
};

/* "abcd" is recorded; "ijkl" came early, eight bytes behind the first. */
static void open_copies(struct copies_fixture *f)
{
	*f = (struct copies_fixture){ .budget = { .max_total_bytes = 1 << 20,
						  .max_each_bytes = 1 << 16 } };
	f->record = hb_record_new(&f->budget, FIRST);
	ck_assert_ptr_nonnull(f->record);
	hb_record_tcp(f->record, &f->budget, FIRST, (const uint8_t *)"abcd", 4, 1);
	hb_record_tcp(f->record, &f->budget, FIRST + 8, (const uint8_t *)"ijkl", 4, 1);
}

/* What becomes of a segment with this payload. */
static void check_segment(struct copies_fixture *f, const struct hb_record *record, uint32_t seq,
			  const char *text, const char *becomes)
{
	struct hb_build_tcp spec = { .ip = rig_ip(RIG_CLIENT, 40000, RIG_BACKEND, 80),
				     .seq = seq,
				     .flags = HB_TCP_ACK,
				     .payload = (const uint8_t *)text,
				     .payload_len = strlen(text) };
	struct hb_datagram dgram = { .data = f->buf };
	struct hb_packet packet;
	struct hb_edit edit;

	dgram.len = dgram.cap = hb_build_tcp(f->buf, sizeof(f->buf), &spec);
	ck_assert_int_eq(hb_packet_parse(f->buf, dgram.len, &packet), 0);
	hb_edit_begin(&edit, &dgram, &packet);
	hb_copies_unify(record, &edit);
	ck_assert_int_eq(hb_edit_finish(&edit),
			 strcmp(text, becomes) == 0 ? HB_ACCEPT : HB_ACCEPT_MODIFIED);
	ck_assert_mem_eq(f->buf + packet.payload_offset, becomes, strlen(becomes));
	ck_assert(hb_packet_checksum_ok(&packet));
}

/* The first copy counts in the stream; of what came early the one that Linux takes; the rest stays. */
START_TEST(later_copies_are_made_equal)
{
	struct copies_fixture f;

	open_copies(&f);
	check_segment(&f, f.record, FIRST, "abcd", "abcd");
	check_segment(&f, f.record, FIRST, "ABCD", "abcd");
	check_segment(&f, f.record, FIRST + 3, "DEFGHIJKLMN", "dEFGHIJKLMN"); /* begins first */
	check_segment(&f, f.record, FIRST + 9, "JK", "jk");
	check_segment(&f, f.record, FIRST + 4, "EFGH", "EFGH");
	check_segment(&f, f.record, FIRST - 2, "__A", "__a");
	check_segment(&f, f.record, FIRST + 12, "M", "M");
	check_segment(&f, f.record, FIRST, "", "");
	hb_record_free(f.record, &f.budget);
}
END_TEST

START_TEST(without_a_record_nothing_is_known)
{
	struct copies_fixture f;

	open_copies(&f);
	check_segment(&f, NULL, FIRST, "ABCD", "ABCD");
	hb_record_give_up(f.record, &f.budget);
	check_segment(&f, f.record, FIRST, "ABCD", "ABCD");
	hb_record_free(f.record, &f.budget);
}
END_TEST

UNIT_MAIN("copies", later_copies_are_made_equal, without_a_record_nothing_is_known)
