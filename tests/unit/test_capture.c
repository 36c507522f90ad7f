/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture.h"

#include "scratch.h"

#include <honeybrid/honeybrid.h>

#define LINK_RAW 101
#define LINK_RADIO 127

#define HEADERS 40
#define PAYLOAD 10

/* From 10.0.0.1:4096 to 10.0.0.2:80. */
static const uint8_t tcp[HEADERS + PAYLOAD] = "\x45\0\0\x32\0\1\0\0\x40\6\0\0\x0a\0\0\1\x0a\0\0\2"
					      "\x10\0\0\x50\0\0\0\1\0\0\0\1\x50\x18\4\0\0\0\0\0"
					      "abcdefghi";

static struct scratch scratch;
static FILE *file;

static void put32(uint32_t value)
{
	ck_assert_uint_eq(fwrite(&value, sizeof(value), 1, file), 1);
}

/* A file with times in nanoseconds, in this machine's byte order. */
static void begin(uint32_t link)
{
	scratch = scratch_make();
	file = fopen(scratch_file(&scratch, "x.pcap"), "we");
	ck_assert_ptr_nonnull(file);
	put32(UINT32_C(0xa1b23c4d));
	put32(2 | 4 << 16);
	put32(0);
	put32(0);
	put32(65535);
	put32(link);
}

static void put(uint32_t s, uint32_t ns, const void *bytes, uint32_t captured, uint32_t len)
{
	put32(s);
	put32(ns);
	put32(captured);
	put32(len);
	if (bytes)
		ck_assert_uint_eq(fwrite(bytes, 1, captured, file), captured);
}

static struct hb_capture *open_it(struct hb_cli_error *err)
{
	static char path[512];

	ck_assert_int_eq(fclose(file), 0);
	snprintf(path, sizeof(path), "%s", scratch_file(&scratch, "x.pcap"));
	return hb_capture_open(path, err);
}

static void finish(struct hb_capture *capture)
{
	hb_capture_close(capture);
	scratch_remove(&scratch);
}

static struct hb_time next_time(struct hb_capture *capture)
{
	struct hb_datagram dgram;
	struct hb_time time;

	ck_assert_int_eq(hb_capture_next(capture, &dgram, &time, NULL), 1);
	return time;
}

START_TEST(time_counts_from_the_first_packet_and_never_goes_back)
{
	struct hb_datagram dgram;
	struct hb_capture *capture;
	struct hb_time time;

	begin(LINK_RAW);
	put(1000, 500000000, tcp, sizeof(tcp), sizeof(tcp));
	put(1002, 0, tcp, sizeof(tcp), sizeof(tcp));
	put(1001, 0, tcp, sizeof(tcp), sizeof(tcp));
	put(1700000000, 1000000000, tcp, sizeof(tcp), sizeof(tcp)); /* no part of a second */
	put(1003, 7, tcp, sizeof(tcp), sizeof(tcp));
	capture = open_it(NULL);
	ck_assert_ptr_nonnull(capture);
	time = next_time(capture);
	ck_assert_uint_eq(time.mono_ns, 0);
	ck_assert_int_eq(time.wall_us, INT64_C(1000500000));
	for (int i = 0; i < 3; i++) {
		time = next_time(capture);
		ck_assert_uint_eq(time.mono_ns, 1500000000);
		ck_assert_int_eq(time.wall_us, INT64_C(1002000000));
	}
	time = next_time(capture);
	ck_assert_uint_eq(time.mono_ns, 2500000007);
	ck_assert_int_eq(hb_capture_next(capture, &dgram, &time, NULL), 0);
	ck_assert_int_eq(hb_capture_percent(capture), 100);
	finish(capture);
}
END_TEST

START_TEST(a_cut_packet_is_filled_up_with_zeros)
{
	static const uint8_t zeros[PAYLOAD - 3];
	struct hb_datagram dgram;
	struct hb_packet packet;
	struct hb_time time;
	struct hb_capture *capture;
	struct hb_capture_counters counters;

	begin(LINK_RAW);
	put(1, 0, tcp, sizeof(tcp), sizeof(tcp));
	put(1, 0, tcp, HEADERS + 3, sizeof(tcp));
	capture = open_it(NULL);
	ck_assert_ptr_nonnull(capture);
	next_time(capture);
	ck_assert_int_eq(hb_capture_next(capture, &dgram, &time, NULL), 1);
	ck_assert_uint_eq(dgram.len, sizeof(tcp));
	ck_assert_int_eq(hb_packet_parse(dgram.data, dgram.len, &packet), 0);
	ck_assert_uint_eq(packet.payload_len, PAYLOAD);
	ck_assert_mem_eq(dgram.data, tcp, HEADERS + 3);
	ck_assert_mem_eq(dgram.data + HEADERS + 3, zeros, sizeof(zeros));
	hb_capture_get_counters(capture, &counters);
	ck_assert_uint_eq(counters.completed, 1);
	ck_assert_uint_eq(counters.too_short, 0);
	finish(capture);
}
END_TEST

START_TEST(headers_must_be_whole)
{
	struct hb_datagram dgram;
	struct hb_time time;
	struct hb_capture *capture;
	struct hb_capture_counters counters;

	begin(LINK_RAW);
	for (uint32_t len = 0; len < HEADERS; len++)
		put(1, 0, tcp, len, sizeof(tcp));
	put(1, 0, tcp, HEADERS, sizeof(tcp)); /* just so */
	capture = open_it(NULL);
	ck_assert_ptr_nonnull(capture);
	ck_assert_int_eq(hb_capture_next(capture, &dgram, &time, NULL), 1);
	hb_capture_get_counters(capture, &counters);
	ck_assert_uint_eq(counters.frames, HEADERS + 1);
	ck_assert_uint_eq(counters.without_ip, 1); /* the empty one */
	ck_assert_uint_eq(counters.too_short, HEADERS - 1);
	ck_assert_uint_eq(counters.completed, 1);
	finish(capture);
}
END_TEST

/* What claims more than the frame ever had is the engine's to refuse. */
START_TEST(a_packet_that_was_never_whole_stays_so)
{
	struct hb_datagram dgram;
	struct hb_time time;
	struct hb_capture *capture;

	begin(LINK_RAW);
	put(1, 0, tcp, HEADERS + 3, HEADERS + 3);
	put(1, 0, tcp, HEADERS + 2, HEADERS + 3);
	capture = open_it(NULL);
	ck_assert_ptr_nonnull(capture);
	for (size_t len = HEADERS + 3; len >= HEADERS + 2; len--) {
		ck_assert_int_eq(hb_capture_next(capture, &dgram, &time, NULL), 1);
		ck_assert_uint_eq(dgram.len, len);
	}
	finish(capture);
}
END_TEST

START_TEST(damage_is_told_with_its_place)
{
	struct hb_cli_error err = { 0 };
	struct hb_datagram dgram;
	struct hb_time time;
	struct hb_capture *capture;

	begin(LINK_RAW);
	put(1, 0, tcp, sizeof(tcp), sizeof(tcp));
	put(1, 0, NULL, sizeof(tcp), sizeof(tcp));
	capture = open_it(&err);
	ck_assert_ptr_nonnull(capture);
	ck_assert_int_eq(hb_capture_next(capture, &dgram, &time, &err), 1);
	ck_assert_int_eq(hb_capture_next(capture, &dgram, &time, &err), -1);
	ck_assert_int_eq(err.status, HB_EXIT_CAPTURE);
	ck_assert_ptr_nonnull(strstr(err.message, "x.pcap: damaged behind packet 1: "));
	finish(capture);
}
END_TEST

START_TEST(what_cannot_be_used_is_refused)
{
	struct hb_cli_error err = { 0 };

	begin(LINK_RADIO);
	ck_assert_ptr_null(open_it(&err));
	ck_assert_int_eq(err.status, HB_EXIT_CAPTURE);
	ck_assert_ptr_nonnull(strstr(
		err.message, "link type 127 (IEEE802_11_RADIO) is not supported: Ethernet, "));
	file = fopen(scratch_file(&scratch, "x.pcap"), "we");
	ck_assert_ptr_nonnull(file);
	fputs("no capture at all, but long enough", file);
	ck_assert_ptr_null(open_it(&err));
	ck_assert_int_eq(err.status, HB_EXIT_CAPTURE);
	ck_assert_ptr_nonnull(strstr(err.message, "x.pcap: not a capture: "));
	ck_assert_ptr_null(hb_capture_open(scratch_file(&scratch, "none"), &err));
	ck_assert_int_eq(err.status, HB_EXIT_NO_INPUT);
	ck_assert_ptr_null(hb_capture_open(scratch.path, &err));
	ck_assert_int_eq(err.status, HB_EXIT_NO_INPUT);
	finish(NULL);
}
END_TEST

UNIT_MAIN("capture", time_counts_from_the_first_packet_and_never_goes_back,
	  a_cut_packet_is_filled_up_with_zeros, headers_must_be_whole,
	  a_packet_that_was_never_whole_stays_so, damage_is_told_with_its_place,
	  what_cannot_be_used_is_refused)
