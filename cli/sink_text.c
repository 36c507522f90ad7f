/* SPDX-License-Identifier: BSD-2-Clause */
#include "sink_text.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define NS_PER_MS 1000000

struct line {
	char *text;
	size_t used;
};

static void __attribute__((format(printf, 2, 3))) add(struct line *line, const char *format, ...)
{
	size_t room = HB_SINK_TEXT_SIZE - line->used;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line->text + line->used, room, format, args);
	va_end(args);
	if (length > 0)
		line->used += (size_t)length < room ? (size_t)length : room - 1;
}

static void add_time(struct line *line, int64_t wall_us)
{
	time_t seconds = wall_us / 1000000;
	char text[32];
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || strftime(text, sizeof(text), "%F %T", &tm) == 0)
		text[0] = '\0';
	add(line, "%s.%06d", text, (int)(wall_us % 1000000));
}

static void add_duration(struct line *line, uint64_t ns)
{
	uint64_t ms = ns / NS_PER_MS;

	add(line, "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
}

/* What terminals and the log's readers would take as more than text is not written. */
static void add_text(struct line *line, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"')
			add(line, "'");
		else
			add(line, "%c", c < 0x20 || c == 0x7f ? '?' : c);
	}
}

static void add_endpoint(struct line *line, const struct hb_endpoint *endpoint, bool has_port)
{
	char text[HB_ADDR_TEXT_SIZE];

	hb_addr_format(&endpoint->addr, text);
	if (!has_port)
		add(line, "%s", text);
	else if (hb_addr_is_ipv4(&endpoint->addr))
		add(line, "%s:%u", text, (unsigned)endpoint->port);
	else
		add(line, "[%s]:%u", text, (unsigned)endpoint->port);
}

static void add_flow(struct line *line, const struct hb_flow_info *flow)
{
	bool has_port = flow->protocol == IPPROTO_TCP || flow->protocol == IPPROTO_UDP;

	if (flow->protocol == IPPROTO_TCP)
		add(line, " TCP ");
	else if (flow->protocol == IPPROTO_UDP)
		add(line, " UDP ");
	else if (flow->protocol == IPPROTO_ICMP || flow->protocol == IPPROTO_ICMPV6)
		add(line, " ICMP ");
	else
		add(line, " %u ", (unsigned)flow->protocol);
	add_endpoint(line, &flow->client, has_port);
	add(line, " -> ");
	add_endpoint(line, &flow->attacked, has_port);
	add(line, " %" PRIu64 " %" PRIu64 " %s", flow->packets, flow->bytes,
	    hb_flow_state_name(flow->state));
}

static void add_stay(struct line *line, const struct hb_stay *stay)
{
	if (!stay->reached) {
		add(line, " .|.|.");
		return;
	}
	add(line, " ");
	add_duration(line, stay->duration_ns);
	add(line, "|%" PRIu64 "|%" PRIu64, stay->packets, stay->bytes);
}

static void add_decision(struct line *line, const struct hb_stay *stay, const char *trace)
{
	if (!stay->reached) {
		add(line, " .|.");
		return;
	}
	add(line, " ");
	add_duration(line, stay->duration_ns);
	add(line, "|");
	add_text(line, trace);
}

static void add_reason(struct line *line, const char *reason)
{
	add(line, " reason:\"");
	add_text(line, reason);
	add(line, "\"");
}

static void add_handover(struct line *line, const struct hb_handover_info *info)
{
	add(line, " handover:%" PRIu32 ".%03" PRIu32 "ms", info->latency_us / 1000,
	    info->latency_us % 1000);
	add(line, " turns:%" PRIu32 " replayed:%" PRIu32, info->turns, info->replayed_bytes);
	add(line, " answers:%" PRIu32 "/%" PRIu32, info->recorded_bytes, info->discarded_bytes);
}

static void add_history(struct line *line, const struct hb_log_record *end,
			const struct hb_flow_history *history)
{
	const struct hb_stay *stays = history->stays;

	add(line, " ** %" PRIu64, end->flow.id);
	add_stay(line, &stays[HB_STATE_INIT]);
	add_decision(line, &stays[HB_STATE_DECISION], end->trace);
	add_stay(line, &stays[HB_STATE_REPLAY]);
	if (stays[HB_STATE_REPLAY].reached)
		add(line, "|error:%" PRIu32, history->handover.problems);
	add_stay(line, &stays[HB_STATE_FORWARD]);
	add_stay(line, &stays[HB_STATE_PROXY]);
	/* The frontend's rule refused it, or a control rule was asked: no DECISION to stand in. */
	if (!stays[HB_STATE_DECISION].reached && end->trace[0]) {
		add(line, " trace:");
		add_text(line, end->trace);
	}
	if (end->flow.honeypot_client_port != end->flow.client.port)
		add(line, " port:%u", (unsigned)end->flow.honeypot_client_port);
	if (end->tag[0])
		add(line, " clone:%s", end->tag);
	if (history->failed)
		add_reason(line, history->failure);
	else if (end->reason[0])
		add_reason(line, end->reason);
	if (history->handed_over)
		add_handover(line, &history->handover);
}

size_t hb_sink_text_format(const struct hb_log_record *end, const struct hb_flow_history *history,
			   char buf[HB_SINK_TEXT_SIZE])
{
	const struct hb_flow_info *flow = &end->flow;
	struct line line = { .text = buf };
	uint64_t duration_ns = 0;

	if (flow->last_packet.mono_ns > flow->started.mono_ns)
		duration_ns = flow->last_packet.mono_ns - flow->started.mono_ns;
	add_time(&line, flow->started.wall_us);
	add(&line, " ");
	add_duration(&line, duration_ns);
	add_flow(&line, flow);
	if (history)
		add_history(&line, end, history);
	return line.used;
}
