/* SPDX-License-Identifier: BSD-2-Clause */
#include "bed.h"

#include "build.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FLOWS_PER_CLIENT 1000
#define MAX_FLOWS 4000000

const struct bed_packet bed_session[4] = {
	{ CLIENT, NULL, HB_TCP_SYN, CLIENT_ISN, 0, 0 },
	{ SERVER, FRONTEND, HB_TCP_SYN | HB_TCP_ACK, SERVER_ISN, CLIENT_ISN + 1, 0 },
	{ CLIENT, NULL, HB_TCP_ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 0 },
	{ SERVER, BACKEND, HB_TCP_SYN | HB_TCP_ACK, BACKEND_ISN, CLIENT_ISN + 1, 0 },
};

void bed_die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

uint64_t bed_spent_ns(void)
{
	struct timespec spent;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
	return (uint64_t)spent.tv_sec * 1000000000 + (uint64_t)spent.tv_nsec;
}

/* xorshift64 */
uint32_t bed_draw(struct bed *bed, uint32_t below)
{
	bed->random ^= bed->random << 13;
	bed->random ^= bed->random >> 7;
	bed->random ^= bed->random << 17;
	return (uint32_t)((bed->random >> 32) * below >> 32);
}

struct hb_endpoint bed_endpoint(const char *text)
{
	struct hb_endpoint result;

	if (hb_endpoint_parse(text, &result) != 0)
		bed_die("bad address");
	return result;
}

struct hb_endpoint bed_ipv4(uint32_t address, uint16_t port)
{
	uint8_t bytes[4] = { (uint8_t)(address >> 24), (uint8_t)(address >> 16),
			     (uint8_t)(address >> 8), (uint8_t)address };

	return (struct hb_endpoint){ hb_addr_from_ipv4(bytes), port };
}

/* Packets are not seen, events cost what it takes to make them. */
static void swallow_packet(void *ctx, const struct hb_datagram *dgram)
{
	(void)ctx;
	(void)dgram;
}

static void swallow_event(void *ctx, const struct hb_event *event)
{
	(void)ctx;
	(void)event;
}

struct hb_policy *bed_policy(void)
{
	struct hb_policy *policy = hb_policy_new();
	struct hb_options options;

	hb_options_default(&options);
	options.max_flows = MAX_FLOWS;
	if (policy == NULL || hb_policy_set_options(policy, &options, NULL) != 0)
		bed_die("no policy");
	return policy;
}

void bed_open(struct bed *bed, struct hb_policy *policy, bool darknet)
{
	struct hb_setup setup = { .size = sizeof(setup), .ops = &bed->ops };
	struct hb_error err = { .code = HB_ERROR_NONE };

	bed->ops = (struct hb_ops){ .size = sizeof(bed->ops),
				    .emit = swallow_packet,
				    .event = swallow_event };
	bed->darknet = darknet;
	bed->flows = 0;
	bed->random = UINT64_C(0x9e3779b97f4a7c15);
	bed->now.mono_ns = 1000000000;
	bed->policy = policy;
	if (hb_policy_seal(policy, &err) != 0)
		bed_die(err.message);
	bed->engine = hb_engine_new(&setup, policy, NULL);
	if (bed->engine == NULL)
		bed_die("no engine");
}

void bed_close(struct bed *bed)
{
	hb_engine_free(bed->engine);
	hb_policy_unref(bed->policy);
}

/* Both ends of a flow: who opened it, and whom it is with. */
static void ends_of(const struct bed *bed, uint32_t flow, const struct bed_packet *packet,
		    struct hb_endpoint *opener, struct hb_endpoint *peer)
{
	uint16_t port = (uint16_t)(10000 + flow % FLOWS_PER_CLIENT);

	*opener = bed_ipv4(UINT32_C(0x64000000) + flow / FLOWS_PER_CLIENT, port);
	if (packet->server)
		*peer = bed_endpoint(packet->server);
	else if (bed->darknet)
		*peer = bed_ipv4(UINT32_C(0x0a000000) + flow, 80);
	else
		*peer = bed_endpoint(FRONTEND);
	if (packet->from != HONEYPOT)
		return;
	*peer = *opener;
	peer->port = 53;
	*opener = bed_endpoint(BACKEND);
	opener->port = port;
}

void bed_make(struct bed *bed, unsigned i, uint32_t flow, const struct bed_packet *packet)
{
	static const char payload[] = "twenty-four bytes in all";
	struct hb_build_tcp spec = { .ip = { .ttl = 60 },
				     .seq = packet->seq,
				     .ack = packet->ack,
				     .flags = packet->flags,
				     .window = 1000,
				     .payload = (const uint8_t *)payload,
				     .payload_len = packet->payload_len };
	struct hb_endpoint opener, peer;
	size_t len;

	ends_of(bed, flow, packet, &opener, &peer);
	spec.ip.src = packet->from == SERVER ? peer : opener;
	spec.ip.dst = packet->from == SERVER ? opener : peer;
	if (packet->flags)
		len = hb_build_tcp(bed->data[i], sizeof(bed->data[i]), &spec);
	else
		len = hb_build_udp(bed->data[i], sizeof(bed->data[i]), &spec.ip, spec.payload,
				   spec.payload_len);
	bed->dgrams[i] = (struct hb_datagram){
		.data = bed->data[i], .len = len, .cap = sizeof(bed->data[i]), .in_interface = 1
	};
}

uint64_t bed_input(struct bed *bed, unsigned count)
{
	uint64_t begin = bed_spent_ns();

	for (unsigned i = 0; i < count; i++) {
		bed->now.mono_ns += 100;
		hb_engine_input(bed->engine, &bed->dgrams[i], bed->now);
	}
	return bed_spent_ns() - begin;
}

void bed_open_sessions(struct bed *bed, uint32_t flows, unsigned opening)
{
	while (bed->flows < flows) {
		uint32_t left = flows - bed->flows;
		unsigned count = left < CHUNK ? left : CHUNK;

		for (unsigned step = 0; step < opening; step++) {
			for (unsigned i = 0; i < count; i++)
				bed_make(bed, i, bed->flows + i, &bed_session[step]);
			bed_input(bed, count);
		}
		bed->flows += count;
	}
}

struct hb_counters bed_counters(const struct bed *bed)
{
	struct hb_counters counters;

	hb_engine_get_counters(bed->engine, &counters);
	return counters;
}
