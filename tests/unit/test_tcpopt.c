/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpopt.h"

#include "unit.h"

#include <string.h>

/* Where the options lie in the datagram of these tests. */
#define OFFSET 40

/* In memory of the exact size, for sanitizers. */
static struct hb_tcp_options parse(const uint8_t *bytes, size_t len)
{
	uint8_t *datagram = calloc(1, OFFSET + len);
	struct hb_tcp_options options;

	ck_assert_ptr_nonnull(datagram);
	memset(&options, 0xa5, sizeof(options));
	memcpy(datagram + OFFSET, bytes, len);
	hb_tcpopt_parse(datagram, OFFSET, len, &options);
	free(datagram);
	return options;
}

#define PARSE(...) parse((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static struct hb_tcp_options parse_nothing(void)
{
	return parse((const uint8_t *)"", 0);
}

START_TEST(no_options)
{
	struct hb_tcp_options o = parse_nothing();

	ck_assert_uint_eq(o.present, 0);
	ck_assert_uint_eq(o.timestamp_offset, 0);
	ck_assert_uint_eq(o.sack_offset, 0);
	ck_assert_uint_eq(o.sack_count, 0);
}
END_TEST

START_TEST(the_syn_of_a_usual_system)
{
	struct hb_tcp_options o = PARSE(2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0x01, 0x02, 0x03, 0x04, 0x05,
					0x06, 0x07, 0x08, 1, 3, 3, 7);

	ck_assert_uint_eq(o.present, HB_TCPOPT_MSS | HB_TCPOPT_SACK_OK | HB_TCPOPT_TIMESTAMP |
					     HB_TCPOPT_WSCALE);
	ck_assert_uint_eq(o.mss, 1460);
	ck_assert_uint_eq(o.wscale, 7);
	ck_assert_uint_eq(o.tsval, UINT32_C(0x01020304));
	ck_assert_uint_eq(o.tsecr, UINT32_C(0x05060708));
	ck_assert_uint_eq(o.timestamp_offset, OFFSET + 6);
}
END_TEST

START_TEST(sack_blocks)
{
	struct hb_tcp_options o =
		PARSE(1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 9);

	ck_assert_uint_eq(o.present, HB_TCPOPT_SACK);
	ck_assert_uint_eq(o.sack_count, 2);
	ck_assert_uint_eq(o.sack_offset, OFFSET + 2);
	ck_assert_uint_eq(o.sack[0].left, 1);
	ck_assert_uint_eq(o.sack[0].right, 2);
	ck_assert_uint_eq(o.sack[1].left, UINT32_MAX);
	ck_assert_uint_eq(o.sack[1].right, 9);
}
END_TEST

START_TEST(four_sack_blocks_are_the_most)
{
	uint8_t bytes[HB_TCPOPT_MAX_LEN] = { 5, 34, [34] = 1, 1, 1, 1, 1, 1 };
	struct hb_tcp_options o = parse(bytes, sizeof(bytes));

	ck_assert_uint_eq(o.sack_count, 4);
	ck_assert_uint_eq(o.present, HB_TCPOPT_SACK);
}
END_TEST

START_TEST(the_last_of_two_counts)
{
	struct hb_tcp_options o = PARSE(2, 4, 0x05, 0xb4, 2, 4, 0x02, 0x18, 3, 3, 7, 3, 3, 2);

	ck_assert_uint_eq(o.mss, 536);
	ck_assert_uint_eq(o.wscale, 2);
}
END_TEST

START_TEST(the_order_does_not_matter)
{
	struct hb_tcp_options o =
		PARSE(3, 3, 7, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 4, 2, 2, 4, 0x05, 0xb4);

	ck_assert_uint_eq(o.present, HB_TCPOPT_MSS | HB_TCPOPT_SACK_OK | HB_TCPOPT_TIMESTAMP |
					     HB_TCPOPT_WSCALE);
	ck_assert_uint_eq(o.mss, 1460);
	ck_assert_uint_eq(o.wscale, 7);
	ck_assert_uint_eq(o.timestamp_offset, OFFSET + 3);
}
END_TEST

START_TEST(window_scale_is_clamped)
{
	ck_assert_uint_eq(PARSE(3, 3, 14).wscale, 14);
	ck_assert_uint_eq(PARSE(3, 3, 15).wscale, 14);
	ck_assert_uint_eq(PARSE(3, 3, 255).wscale, 14);
	ck_assert_uint_eq(PARSE(3, 3, 0).present, HB_TCPOPT_WSCALE);
}
END_TEST

START_TEST(an_mss_of_zero_says_nothing)
{
	ck_assert_uint_eq(PARSE(2, 4, 0, 0).present, 0);
}
END_TEST

START_TEST(options_that_cannot_be_handed_over)
{
	ck_assert_uint_eq(PARSE(19, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0).present,
			  HB_TCPOPT_FOREIGN);                             /* MD5 */
	ck_assert_uint_eq(PARSE(29, 4, 1, 1).present, HB_TCPOPT_FOREIGN); /* TCP-AO */
	ck_assert_uint_eq(PARSE(30, 4, 0, 1).present, HB_TCPOPT_FOREIGN); /* MPTCP */
	ck_assert_uint_eq(PARSE(172, 2).present, HB_TCPOPT_FOREIGN);      /* AccECN */
	ck_assert_uint_eq(PARSE(174, 5, 1, 2, 3).present, HB_TCPOPT_FOREIGN);
	ck_assert_uint_eq(PARSE(34, 2).present, HB_TCPOPT_FASTOPEN);
	ck_assert_uint_eq(PARSE(34, 6, 1, 2, 3, 4).present, HB_TCPOPT_FASTOPEN);
	ck_assert_uint_eq(PARSE(28, 4, 0, 1).present, HB_TCPOPT_UNKNOWN); /* user timeout */
}
END_TEST

START_TEST(the_end_ends)
{
	ck_assert_uint_eq(PARSE(0, 3, 3, 7).present, 0);
	ck_assert_uint_eq(PARSE(4, 2, 0, 3, 3, 7).present, HB_TCPOPT_SACK_OK);
	ck_assert_uint_eq(PARSE(1, 1, 1, 1, 4, 2).present, HB_TCPOPT_SACK_OK);
}
END_TEST

START_TEST(an_impossible_length_ends_the_list)
{
	ck_assert_uint_eq(PARSE(4, 2, 8, 0, 3, 3, 7).present,
			  HB_TCPOPT_SACK_OK); /* zero: no loop */
	ck_assert_uint_eq(PARSE(4, 2, 8, 1, 3, 3, 7).present, HB_TCPOPT_SACK_OK);
	ck_assert_uint_eq(PARSE(4, 2, 200, 40, 3, 3, 7).present, HB_TCPOPT_SACK_OK);
	ck_assert_uint_eq(PARSE(4, 2, 8, 255).present, HB_TCPOPT_SACK_OK);
	ck_assert_uint_eq(PARSE(4, 2, 8).present, HB_TCPOPT_SACK_OK);    /* no length at all */
	ck_assert_uint_eq(PARSE(8, 10, 0, 0, 0, 1, 0, 0, 0).present, 0); /* a byte short */
}
END_TEST

START_TEST(a_wrong_length_skips_the_option)
{
	ck_assert_uint_eq(PARSE(2, 3, 5, 4, 2).present, HB_TCPOPT_SACK_OK);
	ck_assert_uint_eq(PARSE(3, 4, 5, 5, 4, 2).present, HB_TCPOPT_SACK_OK);
	ck_assert_uint_eq(PARSE(4, 3, 5, 3, 3, 1).present, HB_TCPOPT_WSCALE);
	ck_assert_uint_eq(PARSE(8, 6, 0, 0, 0, 1, 4, 2).present, HB_TCPOPT_SACK_OK);
	ck_assert_uint_eq(PARSE(5, 2, 4, 2).present, HB_TCPOPT_SACK_OK);
	ck_assert_uint_eq(PARSE(5, 9, 0, 0, 0, 1, 0, 0, 0, 4, 2).present, HB_TCPOPT_SACK_OK);
	ck_assert_uint_eq(PARSE(5, 11, 0, 0, 0, 1, 0, 0, 0, 2, 0, 4, 2).present, HB_TCPOPT_SACK_OK);
}
END_TEST

START_TEST(a_skipped_option_leaves_the_earlier_one)
{
	struct hb_tcp_options o = PARSE(2, 4, 0x05, 0xb4, 2, 3, 9);

	ck_assert_uint_eq(o.present, HB_TCPOPT_MSS);
	ck_assert_uint_eq(o.mss, 1460);
}
END_TEST

static const struct hb_tcp_options all = { .present = 0xff,
					   .mss = 1460,
					   .wscale = 7,
					   .tsval = UINT32_C(0x01020304),
					   .tsecr = UINT32_C(0x05060708) };

static void check_written(uint8_t present, bool syn, const char *bytes, size_t len)
{
	struct hb_tcp_options options = all;
	uint8_t out[HB_TCPOPT_MAX_LEN];

	options.present = present;
	ck_assert_uint_eq(hb_tcpopt_write(out, &options, syn), len);
	ck_assert_mem_eq(out, bytes, len);
}

#define TIMESTAMP_BYTES "\x08\x0a\x01\x02\x03\x04\x05\x06\x07\x08"

START_TEST(a_syn_is_written_as_linux_does)
{
	check_written(0xff, true, "\x02\x04\x05\xb4\x04\x02" TIMESTAMP_BYTES "\x01\x03\x03\x07",
		      20);
	check_written(HB_TCPOPT_MSS, true, "\x02\x04\x05\xb4", 4);
	check_written(HB_TCPOPT_TIMESTAMP, true, "\x01\x01" TIMESTAMP_BYTES, 12);
	check_written(HB_TCPOPT_SACK_OK, true, "\x01\x01\x04\x02", 4);
	check_written(HB_TCPOPT_MSS | HB_TCPOPT_SACK_OK | HB_TCPOPT_WSCALE, true,
		      "\x02\x04\x05\xb4\x01\x01\x04\x02\x01\x03\x03\x07", 12);
	check_written(0, true, "", 0);
}
END_TEST

START_TEST(other_segments_have_timestamp_and_sack_at_most)
{
	check_written(0xff, false, "\x01\x01" TIMESTAMP_BYTES, 12);
	check_written(0xff & ~HB_TCPOPT_TIMESTAMP, false, "", 0);
}
END_TEST

START_TEST(as_many_sack_blocks_as_fit)
{
	struct hb_tcp_options options = all, back;
	uint8_t out[HB_TCPOPT_MAX_LEN];

	options.sack_count = 4;
	for (uint32_t i = 0; i < 4; i++) {
		options.sack[i].left = 1000 * i;
		options.sack[i].right = 1000 * i + 500;
	}
	ck_assert_uint_eq(hb_tcpopt_write(out, &options, false), 40);
	back = parse(out, 40);
	ck_assert_uint_eq(back.present, HB_TCPOPT_TIMESTAMP | HB_TCPOPT_SACK);
	ck_assert_uint_eq(back.sack_count, 3);
	ck_assert_uint_eq(back.sack[2].right, 2500);
	options.present = HB_TCPOPT_SACK;
	ck_assert_uint_eq(hb_tcpopt_write(out, &options, false), 36);
	back = parse(out, 36);
	ck_assert_uint_eq(back.present, HB_TCPOPT_SACK);
	ck_assert_uint_eq(back.sack_count, 4);
}
END_TEST

START_TEST(what_is_written_reads_back)
{
	for (unsigned present = 0; present < 0x20; present++) {
		uint8_t wanted = (uint8_t)(present & ~(unsigned)HB_TCPOPT_SACK);
		struct hb_tcp_options options = all, back;
		uint8_t out[HB_TCPOPT_MAX_LEN];
		size_t len;

		options.present = (uint8_t)present;
		len = hb_tcpopt_write(out, &options, true);
		ck_assert_uint_eq(len % 4, 0);
		back = parse(out, len);
		ck_assert_uint_eq(back.present, wanted);
		ck_assert_uint_eq(back.mss, wanted & HB_TCPOPT_MSS ? all.mss : 0);
		ck_assert_uint_eq(back.wscale, wanted & HB_TCPOPT_WSCALE ? all.wscale : 0);
		ck_assert_uint_eq(back.tsval, wanted & HB_TCPOPT_TIMESTAMP ? all.tsval : 0);
		ck_assert_uint_eq(back.tsecr, wanted & HB_TCPOPT_TIMESTAMP ? all.tsecr : 0);
	}
}
END_TEST

UNIT_MAIN("tcpopt", no_options, the_syn_of_a_usual_system, sack_blocks,
	  four_sack_blocks_are_the_most, the_last_of_two_counts, the_order_does_not_matter,
	  window_scale_is_clamped, an_mss_of_zero_says_nothing, options_that_cannot_be_handed_over,
	  the_end_ends, an_impossible_length_ends_the_list, a_wrong_length_skips_the_option,
	  a_skipped_option_leaves_the_earlier_one, a_syn_is_written_as_linux_does,
	  other_segments_have_timestamp_and_sack_at_most, as_many_sack_blocks_as_fit,
	  what_is_written_reads_back)
