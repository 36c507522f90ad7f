/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the engine itself costs, without kernel and queue: nanoseconds a packet of 64 bytes, among a
 * thousand flows and among a million, and memory a flow.
 *
 *	engine [--quick]
 *
 * Packets are of flows drawn at random, each a different one, so that with a million flows nearly
 * everything that is looked at has to come from memory first.
 */
#include "build.h"
#include "flow.h"

#include <honeybrid/honeybrid.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK 4096 /* packets that are made before they are timed */
#define CLIENT_ISN 1000
#define SERVER_ISN 5000
#define BACKEND_ISN 90000
#define FLOWS_PER_CLIENT 1000
#define MAX_FLOWS 4000000
#define FRONTEND "198.51.100.9:80"
#define BACKEND "203.0.113.9:80"

struct bench {
	const char *filter; /* of the only target */
	const char *rule;   /* of its backend; NULL without one */
	struct hb_policy *policy;
	struct hb_engine *engine;
	struct hb_ops ops;
	struct hb_time now;
	uint32_t flows;
	uint64_t random;
	struct hb_datagram dgrams[CHUNK];
	uint8_t data[CHUNK][128];
};

/* One packet of a session, as far as it does not depend on the flow. */
struct packet {
	bool from_server;
	const char *server; /* NULL: the attacked address */
	uint8_t flags;
	uint32_t seq, ack;
	size_t payload_len;
};

struct scene {
	const char *name;
	const char *filter, *rule;
	unsigned opening; /* packets of the session that come before: see session */
	struct packet packet;
};

/* The third one hands the flow over, where there is a rule for that; the fourth completes it. */
static const struct packet session[] = {
	{ false, NULL, HB_TCP_SYN, CLIENT_ISN, 0, 0 },
	{ true, FRONTEND, HB_TCP_SYN | HB_TCP_ACK, SERVER_ISN, CLIENT_ISN + 1, 0 },
	{ false, NULL, HB_TCP_ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 0 },
	{ true, BACKEND, HB_TCP_SYN | HB_TCP_ACK, BACKEND_ISN, CLIENT_ISN + 1, 0 },
};

#define DIRECT "dst host 198.51.100.9"
#define DARKNET "dst net 10.0.0.0/8"
#define DATA 24
#define UP(len)                                                                                    \
	{                                                                                          \
		false, NULL, HB_TCP_ACK, CLIENT_ISN + 1, SERVER_ISN + 1, len                       \
	}
#define DOWN(server, isn)                                                                          \
	{                                                                                          \
		true, server, HB_TCP_ACK, isn + 1, CLIENT_ISN + 1, DATA                            \
	}

static const struct scene scenes[] = {
	{ "PROXY, to the frontend", DIRECT, NULL, 3, UP(DATA) },
	{ "PROXY, from the frontend", DIRECT, NULL, 3, DOWN(FRONTEND, SERVER_ISN) },
	{ "PROXY, darknet, to the frontend", DARKNET, NULL, 3, UP(DATA) },
	{ "PROXY, darknet, from the frontend", DARKNET, NULL, 3, DOWN(FRONTEND, SERVER_ISN) },
	{ "FORWARD, to the backend", DARKNET, "third", 4, UP(DATA) },
	{ "FORWARD, from the backend", DARKNET, "third", 4, DOWN(BACKEND, BACKEND_ISN) },
	{ "undecided, rule \"hash\", bare ACK", DARKNET, "new", 3, UP(0) },
	{ "new flow", DARKNET, "new", 0, { false, NULL, HB_TCP_SYN, CLIENT_ISN, 0, 0 } },
};

static void die(const char *what)
{
	fprintf(stderr, "engine: %s\n", what);
	exit(1);
}

/* Of the processor, not of the clock on the wall: others may run meanwhile. */
static uint64_t spent_until_now_ns(void)
{
	struct timespec spent;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
	return (uint64_t)spent.tv_sec * 1000000000 + (uint64_t)spent.tv_nsec;
}

/* xorshift64: the same flows in each run. */
static uint32_t draw(struct bench *bench, uint32_t below)
{
	bench->random ^= bench->random << 13;
	bench->random ^= bench->random >> 7;
	bench->random ^= bench->random << 17;
	return (uint32_t)((bench->random >> 32) * below >> 32);
}

static struct hb_endpoint endpoint(const char *text)
{
	struct hb_endpoint result;

	if (hb_endpoint_parse(text, &result) != 0)
		die("bad address");
	return result;
}

static struct hb_endpoint ipv4(uint32_t address, uint16_t port)
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

static void make_policy(struct bench *bench)
{
	struct hb_setting third = { .name = "counter", .value = "1" };
	struct hb_options options;
	struct hb_endpoint frontend = endpoint(FRONTEND), backend = endpoint(BACKEND);
	struct hb_target *target;

	hb_options_default(&options);
	options.max_flows = MAX_FLOWS;
	bench->policy = hb_policy_new();
	if (bench->policy == NULL || hb_policy_set_options(bench->policy, &options, NULL) != 0 ||
	    hb_policy_add_instance(bench->policy, "third", hb_module_builtin("counter"), &third, 1,
				   NULL) != 0 ||
	    hb_policy_add_instance(bench->policy, "new", hb_module_builtin("hash"), NULL, 0,
				   NULL) != 0)
		die("no policy");
	target = hb_policy_add_target(bench->policy);
	if (target == NULL || hb_target_set_filter(target, bench->filter, NULL) != 0 ||
	    hb_target_set_frontend(target, &frontend, NULL, NULL) != 0 ||
	    (bench->rule && hb_target_add_backend(target, &backend, bench->rule, NULL) != 0) ||
	    hb_policy_seal(bench->policy, NULL) != 0)
		die("no target");
}

static void open_bench(struct bench *bench, const char *filter, const char *rule)
{
	struct hb_setup setup = { .size = sizeof(setup), .ops = &bench->ops };

	bench->ops = (struct hb_ops){ .size = sizeof(bench->ops),
				      .emit = swallow_packet,
				      .event = swallow_event };
	bench->filter = filter;
	bench->rule = rule;
	bench->flows = 0;
	bench->random = UINT64_C(0x9e3779b97f4a7c15);
	bench->now.mono_ns = 1000000000;
	make_policy(bench);
	bench->engine = hb_engine_new(&setup, bench->policy, NULL);
	if (bench->engine == NULL)
		die("no engine");
}

static void close_bench(struct bench *bench)
{
	hb_engine_free(bench->engine);
	hb_policy_unref(bench->policy);
}

/* Makes one packet of a flow: place number i of the chunk. */
static void make_packet(struct bench *bench, unsigned i, uint32_t flow, const struct packet *packet)
{
	static const char payload[] = "twenty-four bytes in all";
	bool darknet = strcmp(bench->filter, DARKNET) == 0;
	struct hb_endpoint client = ipv4(UINT32_C(0x64000000) + flow / FLOWS_PER_CLIENT,
					 (uint16_t)(10000 + flow % FLOWS_PER_CLIENT));
	struct hb_endpoint server = packet->server ? endpoint(packet->server)
				    : darknet      ? ipv4(UINT32_C(0x0a000000) + flow, 80)
						   : endpoint(FRONTEND);
	struct hb_build_tcp spec = { .ip = { .src = packet->from_server ? server : client,
					     .dst = packet->from_server ? client : server,
					     .ttl = 60 },
				     .seq = packet->seq,
				     .ack = packet->ack,
				     .flags = packet->flags,
				     .window = 1000,
				     .payload = (const uint8_t *)payload,
				     .payload_len = packet->payload_len };
	size_t len;

	len = hb_build_tcp(bench->data[i], sizeof(bench->data[i]), &spec);
	bench->dgrams[i] = (struct hb_datagram){
		.data = bench->data[i], .len = len, .cap = sizeof(bench->data[i]), .in_interface = 1
	};
}

static void input(struct bench *bench, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		bench->now.mono_ns += 100;
		hb_engine_input(bench->engine, &bench->dgrams[i], bench->now);
	}
}

/* Opens sessions until there are so many. */
static void open_sessions(struct bench *bench, uint32_t flows, unsigned opening)
{
	while (bench->flows < flows) {
		uint32_t left = flows - bench->flows;
		unsigned count = left < CHUNK ? left : CHUNK;

		for (unsigned step = 0; step < opening; step++) {
			for (unsigned i = 0; i < count; i++)
				make_packet(bench, i, bench->flows + i, &session[step]);
			input(bench, count);
		}
		bench->flows += count;
	}
}

static struct hb_counters counters_of(const struct bench *bench)
{
	struct hb_counters counters;

	hb_engine_get_counters(bench->engine, &counters);
	return counters;
}

/* Nanoseconds a packet; says so if the flows are not where they should be. */
static double time_scene(struct bench *bench, const struct scene *scene, uint32_t flows,
			 unsigned chunks)
{
	uint64_t spent_ns = 0, dropped;
	bool opens = scene->opening == 0;

	open_bench(bench, scene->filter, scene->rule);
	open_sessions(bench, flows, opens ? 1 : scene->opening);
	dropped = counters_of(bench).dropped;
	for (unsigned chunk = 0; chunk < chunks; chunk++) {
		uint64_t begin;

		for (unsigned i = 0; i < CHUNK; i++)
			make_packet(bench, i, opens ? bench->flows++ : draw(bench, flows),
				    &scene->packet);
		begin = spent_until_now_ns();
		input(bench, CHUNK);
		spent_ns += spent_until_now_ns() - begin;
	}
	if (counters_of(bench).dropped != dropped ||
	    (scene->opening == 4 && counters_of(bench).handovers_done != flows))
		fprintf(stderr, "engine: \"%s\" is not what was measured\n", scene->name);
	close_bench(bench);
	return (double)spent_ns / ((double)chunks * CHUNK);
}

/* Memory of this process, in KiB. */
static long resident_kib(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long kib = 0;

	if (status == NULL)
		die("no /proc");
	while (fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	fclose(status);
	return kib;
}

static void print_memory(struct bench *bench, uint32_t flows)
{
	long before = resident_kib(), taken;

	open_bench(bench, DARKNET, "new");
	open_sessions(bench, flows, 3);
	taken = resident_kib() - before;
	printf("\nan undecided flow without payload: struct %zu bytes; %u of them take %ld MiB, "
	       "%.0f "
	       "bytes each\n",
	       sizeof(struct hb_flow), flows, taken / 1024, (double)taken * 1024 / flows);
	close_bench(bench);
}

static void print_scene(struct bench *bench, const struct scene *scene, const uint32_t *sizes,
			unsigned size_count, unsigned chunks)
{
	printf("%-36s", scene->name);
	for (unsigned i = 0; i < size_count; i++)
		printf(" %10.0f", time_scene(bench, scene, sizes[i], chunks));
	putchar('\n');
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 1000, 100000, 1000000 };
	static struct bench bench;
	bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
	unsigned size_count = quick ? 1 : sizeof(sizes) / sizeof(*sizes);

	if (argc > 1 && !quick) {
		fprintf(stderr, "usage: engine [--quick]\n");
		return 64;
	}
	print_memory(&bench, quick ? 1000 : 1000000);
	printf("\n%-36s", "engine, ns a packet; flows:");
	for (unsigned i = 0; i < size_count; i++)
		printf(" %10u", sizes[i]);
	putchar('\n');
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++)
		print_scene(&bench, &scenes[i], sizes, size_count, quick ? 1 : 50);
	return 0;
}
