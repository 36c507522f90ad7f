/* SPDX-License-Identifier: BSD-2-Clause */
#include "offline.h"

#include "capture.h"
#include "output.h"
#include "tally.h"

#include <honeybrid/engine.h>

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "honeybridd: "
#define NS_PER_MS UINT64_C(1000000)

/* How often what waits for standard output is written, and the clock is looked at. */
#define PACKETS_PER_LOOK 1024
#define PROGRESS_NS (200 * NS_PER_MS)

struct offline {
	const struct hb_config *config;
	const char *path;
	struct hb_notice notice;
	unsigned kinds; /* of events that the log wants */
	struct hb_output *output;
	struct hb_capture *capture;
	struct hb_ops ops;
	struct hb_engine *engine;
	struct hb_tally tally;
	struct hb_time now;
	bool tally_failed;

	bool has_terminal; /* for the progress line */
	bool mixes;        /* the log goes to a terminal, too: presumably the same */
	bool is_shown;
	uint64_t shown_ns;
};

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

static void hide_progress(struct offline *offline)
{
	if (offline->is_shown)
		fputs("\r\033[K", stderr);
	offline->is_shown = false;
}

static void show_progress(struct offline *offline, uint64_t packets)
{
	int percent = hb_capture_percent(offline->capture);

	offline->is_shown = true;
	fprintf(stderr, "\r\033[K%s: ", offline->path);
	if (percent >= 0)
		fprintf(stderr, "%d %%, ", percent);
	fprintf(stderr, "%" PRIu64 " packets", packets);
}

/* A capture that is read at once shows no progress. */
static void look(struct offline *offline, uint64_t packets)
{
	bool is_hidden = offline->is_shown && offline->mixes;
	uint64_t now = clock_ns();

	if (offline->mixes)
		hide_progress(offline);
	hb_output_flush(offline->output);
	if (!offline->has_terminal || (!is_hidden && now - offline->shown_ns < PROGRESS_NS))
		return;
	offline->shown_ns = now;
	show_progress(offline, packets);
}

static void emit(void *ctx, const struct hb_datagram *dgram)
{
	(void)ctx;
	(void)dgram;
}

static void take_event(void *ctx, const struct hb_event *event)
{
	struct offline *offline = ctx;
	struct hb_log_record record;

	if (event->kind == HB_EVENT_FLOW_END &&
	    hb_tally_count(&offline->tally, &event->flow, event->tag) < 0)
		offline->tally_failed = true;
	if (!(offline->kinds & (1u << event->kind)))
		return;
	if (offline->mixes)
		hide_progress(offline);
	hb_logqueue_fill(&record, event);
	hb_output_take(offline->output, &record);
}

/* One capture gives one answer: what a rule draws is the same at each run. */
static int make_engine(struct offline *offline, struct hb_cli_error *err)
{
	struct hb_setup setup = { .size = sizeof(setup),
				  .ops = &offline->ops,
				  .ctx = offline,
				  .seed = "a capture's seed",
				  .dry_run = true };
	struct hb_error reason = { 0 };

	offline->ops =
		(struct hb_ops){ .size = sizeof(offline->ops), .emit = emit, .event = take_event };
	offline->engine = hb_engine_new(&setup, offline->config->policy, &reason);
	if (!offline->engine)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot make the engine: %s",
					reason.message);
	return 0;
}

static int open_all(struct offline *offline, struct hb_cli_error *err)
{
	offline->capture = hb_capture_open(offline->path, err);
	if (!offline->capture)
		return -1;
	offline->output = hb_output_open(offline->config, offline->config->options.max_flows,
					 &offline->notice, err);
	if (!offline->output)
		return -1;
	return make_engine(offline, err);
}

static void close_all(struct offline *offline)
{
	hb_engine_free(offline->engine);
	hb_output_close(offline->output);
	hb_capture_close(offline->capture);
	hb_tally_fini(&offline->tally);
}

/* Closed flows get their time to end as such; who still speaks ends with the capture. */
static void end_flows(struct offline *offline)
{
	offline->now.mono_ns += offline->config->options.closed_delay_ms * NS_PER_MS;
	offline->now.wall_us += INT64_C(1000) * offline->config->options.closed_delay_ms;
	hb_engine_advance(offline->engine, offline->now);
	hb_engine_stop(offline->engine, offline->now);
}

/* Returns 0 at the end of the capture, or -1 with *err filled in where it is damaged. */
static int run_packets(struct offline *offline, struct hb_cli_error *err)
{
	struct hb_datagram dgram;
	int result;

	for (uint64_t packets = 0;
	     (result = hb_capture_next(offline->capture, &dgram, &offline->now, err)) > 0;) {
		hb_engine_advance(offline->engine, offline->now);
		hb_engine_input(offline->engine, &dgram, offline->now);
		if (++packets % PACKETS_PER_LOOK == 0)
			look(offline, packets);
	}
	end_flows(offline);
	hide_progress(offline);
	hb_output_flush(offline->output);
	return result;
}

static void print_if(uint64_t count, const char *what)
{
	if (count > 0)
		fprintf(stderr, PREFIX "%" PRIu64 " %s\n", count, what);
}

static void print_summary(const struct offline *offline)
{
	struct hb_capture_counters capture;
	struct hb_counters engine;

	hb_capture_get_counters(offline->capture, &capture);
	hb_engine_get_counters(offline->engine, &engine);
	fprintf(stderr,
		PREFIX "%s: %" PRIu64 " packets in %" PRIu64 ".%03u s, flows: %" PRIu64 "\n",
		offline->path, capture.frames, capture.span_ns / (1000 * NS_PER_MS),
		(unsigned)(capture.span_ns / NS_PER_MS % 1000), engine.flows_started);
	print_if(capture.without_ip, "passed over: no IP in them");
	print_if(capture.too_short, "passed over: cut within their headers");
	print_if(engine.malformed, "passed over: malformed");
	print_if(engine.fragments, "were fragments");
	print_if(engine.reassembled, "packets could be put together of them");
	print_if(capture.completed, "cut by the snap length: their missing bytes count as zeros");
	hb_tally_print(&offline->tally, PREFIX, stderr);
	print_if(
		engine.handovers_declined,
		"of them would not have been handed over, though a rule accepts: see their reason");
	print_if(engine.contained, "packets that honeypots send would have been held back");
	print_if(engine.broken, "times a guarantee did not hold: this is a bug");
	if (offline->tally_failed)
		fputs(PREFIX "memory was short: not all flows are in this summary\n", stderr);
}

enum hb_exit hb_offline_run(struct hb_config *config, const char *path)
{
	struct offline offline = { .config = config, .path = path };
	struct hb_cli_error err = { .status = HB_EXIT_OK };

	config->outputs = HB_OUTPUT_STDOUT;
	config->log_verbose = true;
	offline.kinds = hb_output_kinds(config);
	offline.has_terminal = isatty(STDERR_FILENO);
	offline.mixes = isatty(STDOUT_FILENO);
	offline.shown_ns = clock_ns();
	if (open_all(&offline, &err) == 0) {
		run_packets(&offline, &err);
		print_summary(&offline);
	}
	if (err.status != HB_EXIT_OK)
		hb_notice_say(&offline.notice, "%s", err.message);
	close_all(&offline);
	return err.status;
}
