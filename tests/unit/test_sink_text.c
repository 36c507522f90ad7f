/* SPDX-License-Identifier: BSD-2-Clause */
#include "sink_text.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

#define MS UINT64_C(1000000)

/* The reference's example: 2009-08-13 12:24:14.507182 where local time is UTC. */
static struct hb_log_record make(const char *client, const char *attacked)
{
	struct hb_log_record record = { .kind = HB_EVENT_FLOW_END };

	setenv("TZ", "UTC", 1);
	record.flow = (struct hb_flow_info){ .id = 17,
					     .state = HB_STATE_INIT,
					     .protocol = 6,
					     .started = { 5000 * MS, 1250166254507182 },
					     .last_packet = { 6069 * MS + 999999, 0 },
					     .packets = 1,
					     .bytes = 76 };
	ck_assert_int_eq(hb_endpoint_parse(client, &record.flow.client), 0);
	ck_assert_int_eq(hb_endpoint_parse(attacked, &record.flow.attacked), 0);
	record.flow.honeypot_client_port = record.flow.client.port;
	return record;
}

static void expect(const struct hb_log_record *record, const struct hb_flow_history *history,
		   const char *expected)
{
	char line[HB_SINK_TEXT_SIZE];
	size_t length = hb_sink_text_format(record, history, line);

	ck_assert_str_eq(line, expected);
	ck_assert_uint_eq(length, strlen(expected));
}

#define START "2009-08-13 12:24:14.507182 1.069 "

START_TEST(the_documented_line)
{
	struct hb_log_record record = make("192.0.2.7:40312", "198.51.100.9:80");

	expect(&record, NULL, START "TCP 192.0.2.7:40312 -> 198.51.100.9:80 1 76 INIT");
}
END_TEST

START_TEST(time_is_local)
{
	struct hb_log_record record = make("192.0.2.7:40312", "198.51.100.9:80");

	setenv("TZ", "XYZ-05:30", 1);
	expect(&record, NULL,
	       "2009-08-13 17:54:14.507182 1.069 "
	       "TCP 192.0.2.7:40312 -> 198.51.100.9:80 1 76 INIT");
}
END_TEST

START_TEST(other_protocols_and_versions)
{
	struct hb_log_record record = make("[2001:db8::7]:40312", "[2001:db8::1]:80");

	record.flow.protocol = 17;
	record.flow.state = HB_STATE_FORWARD;
	expect(&record, NULL, START "UDP [2001:db8::7]:40312 -> [2001:db8::1]:80 1 76 FORWARD");
	record.flow.protocol = 58;
	record.flow.state = HB_STATE_PROXY;
	expect(&record, NULL, START "ICMP 2001:db8::7 -> 2001:db8::1 1 76 PROXY");
	record = make("192.0.2.7:8", "198.51.100.9:8");
	record.flow.protocol = 1;
	record.flow.state = HB_STATE_CONTROL;
	expect(&record, NULL, START "ICMP 192.0.2.7 -> 198.51.100.9 1 76 CONTROL");
	record.flow.protocol = 47;
	record.flow.state = HB_STATE_DROPPED;
	expect(&record, NULL, START "47 192.0.2.7 -> 198.51.100.9 1 76 DROPPED");
	record = make("192.0.2.7", "198.51.100.9");
	expect(&record, NULL, START "TCP 192.0.2.7:0 -> 198.51.100.9:0 1 76 INIT");
}
END_TEST

START_TEST(a_flow_of_one_packet_lasts_no_time)
{
	struct hb_log_record record = make("192.0.2.7:40312", "198.51.100.9:80");

	record.flow.last_packet = record.flow.started;
	expect(&record, NULL,
	       "2009-08-13 12:24:14.507182 0.000 "
	       "TCP 192.0.2.7:40312 -> 198.51.100.9:80 1 76 INIT");
}
END_TEST

#define LINE START "TCP 192.0.2.7:40312 -> 198.51.100.9:80 1 76 INIT"

START_TEST(states_not_reached_are_dots)
{
	struct hb_log_record record = make("192.0.2.7:40312", "198.51.100.9:80");
	struct hb_flow_history history = { 0 };

	expect(&record, &history, LINE " ** 17 .|.|. .|. .|.|. .|.|. .|.|.");
}
END_TEST

/* Of a flow that was refused, or that a honeypot started. */
START_TEST(a_trace_without_a_decision_stands_behind)
{
	struct hb_log_record record = make("192.0.2.7:40312", "198.51.100.9:80");
	struct hb_flow_history history = { .stays = { [HB_STATE_INIT] = { true, 1 * MS, 1, 60 } } };

	snprintf(record.trace, sizeof(record.trace), "-known;?new");
	snprintf(record.reason, sizeof(record.reason), "idle");
	expect(&record, &history,
	       LINE " ** 17 0.001|1|60 .|. .|.|. .|.|. .|.|. trace:-known;?new reason:\"idle\"");
	history.stays[HB_STATE_DECISION] = (struct hb_stay){ true, 2 * MS, 1, 60 };
	expect(&record, &history,
	       LINE " ** 17 0.001|1|60 0.002|-known;?new .|.|. .|.|. .|.|. reason:\"idle\"");
}
END_TEST

START_TEST(states_have_figures)
{
	struct hb_log_record record = make("192.0.2.7:40312", "198.51.100.9:80");
	struct hb_flow_history history = {
		.stays = {
			[HB_STATE_INIT] = { true, 1 * MS, 1, 60 },
			[HB_STATE_DECISION] = { true, 1234 * MS, 3, 180 },
			[HB_STATE_REPLAY] = { true, 20 * MS, 2, 90 },
			[HB_STATE_FORWARD] = { true, 61000 * MS, 1000, 5000000000 },
		},
		.handed_over = true,
		.handover = { .latency_us = 20034,
			      .turns = 3,
			      .replayed_bytes = 17,
			      .discarded_bytes = 204,
			      .recorded_bytes = 98,
			      .problems = 66 },
	};

	strcpy(record.trace, "+source;?hash;+counter");
	expect(&record, &history,
	       LINE " ** 17 0.001|1|60 1.234|+source;?hash;+counter 0.020|2|90|error:66 "
		    "61.000|1000|5000000000 .|.|. handover:20.034ms turns:3 replayed:17 "
		    "answers:98/204");
	record.flow.honeypot_client_port = 1024;
	strcpy(record.tag, "clone-1");
	expect(&record, &history,
	       LINE
	       " ** 17 0.001|1|60 1.234|+source;?hash;+counter 0.020|2|90|error:66 "
	       "61.000|1000|5000000000 .|.|. port:1024 clone:clone-1 handover:20.034ms turns:3 "
	       "replayed:17 answers:98/204");
}
END_TEST

START_TEST(a_failure_says_why)
{
	struct hb_log_record record = make("192.0.2.7:40312", "198.51.100.9:80");
	struct hb_flow_history history = {
		.stays = { [HB_STATE_PROXY] = { true, 0, 0, 0 } },
		.failed = true,
		.failure = "the backend said \"no\"\n",
	};

	strcpy(record.reason, "midstream");
	expect(&record, &history,
	       LINE " ** 17 .|.|. .|. .|.|. .|.|. 0.000|0|0 reason:\"the backend said 'no'?\"");
	history.failed = false;
	expect(&record, &history,
	       LINE " ** 17 .|.|. .|. .|.|. .|.|. 0.000|0|0 reason:\"midstream\"");
}
END_TEST

START_TEST(the_longest_line_fits)
{
	struct hb_log_record record =
		make("[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:40312", "[2001:db8:eeee::1]:65535");
	struct hb_flow_history history = { .failed = true, .handed_over = true };
	char line[HB_SINK_TEXT_SIZE];

	record.flow.packets = record.flow.bytes = record.flow.id = UINT64_MAX;
	record.flow.last_packet.mono_ns = UINT64_MAX;
	record.flow.honeypot_client_port = UINT16_MAX;
	memset(&history.handover, 0xff, sizeof(history.handover));
	for (int i = 0; i < HB_STATE_COUNT; i++)
		history.stays[i] = (struct hb_stay){ true, UINT64_MAX, UINT64_MAX, UINT64_MAX };
	memset(record.trace, 'x', sizeof(record.trace) - 1);
	memset(history.failure, 'y', sizeof(history.failure) - 1);
	memset(record.tag, 'z', sizeof(record.tag) - 1);
	hb_sink_text_format(&record, &history, line);
	ck_assert_ptr_nonnull(strstr(line, "yyy\" handover:4294967.295ms turns:4294967295 "
					   "replayed:4294967295 "
					   "answers:4294967295/4294967295"));
}
END_TEST

UNIT_MAIN("sink_text", the_documented_line, time_is_local, other_protocols_and_versions,
	  a_flow_of_one_packet_lasts_no_time, states_not_reached_are_dots,
	  a_trace_without_a_decision_stands_behind, states_have_figures, a_failure_says_why,
	  the_longest_line_fits)
