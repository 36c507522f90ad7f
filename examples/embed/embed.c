/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine in a program of your own: no daemon, no queue, no network, no clock.
 *
 *	cc -o embed embed.c $(pkg-config --cflags --libs libhoneybrid) && ./embed
 *
 * Packets come from an array and time is counted by hand. Where they come from in earnest (a queue,
 * a capture, another program's stack) is up to the embedder: the loop stays as it is in main().
 */
#include <honeybrid/honeybrid.h>

#include "packets.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_packet(const char *what, const uint8_t *data, size_t len)
{
	struct hb_packet packet;
	char src[HB_ADDR_TEXT_SIZE], dst[HB_ADDR_TEXT_SIZE];

	if (hb_packet_parse(data, len, &packet) != 0)
		return;
	printf("  %s %s -> %s seq %" PRIu32 " ack %" PRIu32 ", %zu bytes\n", what,
	       hb_addr_format(&packet.src, src), hb_addr_format(&packet.dst, dst), packet.seq,
	       packet.ack, packet.payload_len);
}

/* The engine sends a packet of its own: put it on the wire. It is only lent for the call. */
static void emit(void *ctx, const struct hb_datagram *dgram)
{
	(void)ctx;
	print_packet("emit", dgram->data, dgram->len);
}

/* The engine tells what happened: write it to a log. */
static void event(void *ctx, const struct hb_event *event)
{
	(void)ctx;
	if (event->kind == HB_EVENT_FLOW_STATE)
		printf("  flow %" PRIu64 " is in state %s\n", event->flow.id,
		       hb_flow_state_name(event->flow.state));
	else if (event->kind == HB_EVENT_HANDOVER)
		printf("  handover to backend %u after %" PRIu32 " us, decided by %s\n",
		       event->flow.backend, event->handover.latency_us, event->trace);
	else if (event->kind == HB_EVENT_FLOW_END)
		printf("  flow %" PRIu64 " ends as %s after %" PRIu64 " packets\n", event->flow.id,
		       hb_flow_state_name(event->flow.state), event->flow.packets);
}

/* What a configuration file says otherwise: one frontend, one backend that gets what is new. */
static struct hb_policy *make_policy(struct hb_error *err)
{
	struct hb_policy *policy = hb_policy_new();
	struct hb_target *target = policy == NULL ? NULL : hb_policy_add_target(policy);
	struct hb_endpoint frontend, backend;

	hb_endpoint_parse("198.51.100.2", &frontend);
	hb_endpoint_parse("198.51.100.3", &backend);
	if (target != NULL &&
	    hb_policy_add_instance(policy, "new", hb_module_builtin("hash"), NULL, 0, err) == 0 &&
	    hb_target_set_filter(target, "tcp port 80", err) == 0 &&
	    hb_target_set_frontend(target, &frontend, NULL, err) == 0 &&
	    hb_target_add_backend(target, &backend, "new", err) == 0 &&
	    hb_policy_seal(policy, err) == 0)
		return policy;
	hb_policy_unref(policy);
	return NULL;
}

int main(void)
{
	static const char *const verdicts[HB_VERDICT_COUNT] = { "drop", "accept",
								"accept modified" };
	const struct hb_ops ops = { .size = sizeof(ops), .emit = emit, .event = event };
	/* The seed keys the flow table: take sixteen random bytes where attackers can reach it. */
	const struct hb_setup setup = { .size = sizeof(setup), .ops = &ops, .seed = { 1 } };
	struct hb_error err = { .message = "out of memory" };
	struct hb_policy *policy = make_policy(&err);
	struct hb_engine *engine = policy == NULL ? NULL : hb_engine_new(&setup, policy, &err);
	struct hb_time now = { .mono_ns = 1, .wall_us = 1 };

	hb_policy_unref(policy); /* the engine has a reference of its own */
	if (engine == NULL) {
		fprintf(stderr, "embed: %s\n", err.message);
		return 1;
	}
	for (size_t i = 0; i < sizeof(session) / sizeof(session[0]); i++) {
		uint8_t buffer[2048]; /* the engine changes packets in place and may add options */
		struct hb_datagram dgram = { .data = buffer,
					     .len = session[i].len,
					     .cap = sizeof(buffer) };
		enum hb_verdict verdict;

		memcpy(buffer, session[i].bytes, session[i].len);
		now.mono_ns += 1000000; /* a millisecond a packet */
		now.wall_us += 1000;
		if (hb_engine_next_deadline(engine) <= now.mono_ns)
			hb_engine_advance(engine, now);
		printf("%s\n", session[i].who);
		verdict = hb_engine_input(engine, &dgram, now);
		printf("  verdict: %s\n", verdicts[verdict]);
		if (verdict == HB_ACCEPT_MODIFIED)
			print_packet("goes on as", dgram.data, dgram.len);
	}
	printf("stop\n");
	hb_engine_stop(engine, now);
	hb_engine_free(engine);
	return 0;
}
