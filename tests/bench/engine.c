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
#include "bed.h"

#include "flow.h"

#include <stdio.h>
#include <string.h>

struct scene {
	const char *name;
	const char *filter, *rule; /* of the only target, and of its backend; NULL without one */
	unsigned opening;          /* packets of the session that come before: see bed_session */
	struct bed_packet packet;
};

#define UP(len)                                                                                    \
	{                                                                                          \
		CLIENT, NULL, HB_TCP_ACK, CLIENT_ISN + 1, SERVER_ISN + 1, len                      \
	}
#define DOWN(server, isn)                                                                          \
	{                                                                                          \
		SERVER, server, HB_TCP_ACK, isn + 1, CLIENT_ISN + 1, DATA                          \
	}

static const struct scene scenes[] = {
	{ "PROXY, to the frontend", DIRECT, NULL, 3, UP(DATA) },
	{ "PROXY, from the frontend", DIRECT, NULL, 3, DOWN(FRONTEND, SERVER_ISN) },
	{ "PROXY, darknet, to the frontend", DARKNET, NULL, 3, UP(DATA) },
	{ "PROXY, darknet, from the frontend", DARKNET, NULL, 3, DOWN(FRONTEND, SERVER_ISN) },
	{ "FORWARD, to the backend", DARKNET, "third", 4, UP(DATA) },
	{ "FORWARD, from the backend", DARKNET, "third", 4, DOWN(BACKEND, BACKEND_ISN) },
	{ "undecided, rule \"hash\", bare ACK", DARKNET, "new", 3, UP(0) },
	{ "new flow", DARKNET, "new", 0, { CLIENT, NULL, HB_TCP_SYN, CLIENT_ISN, 0, 0 } },
};

static struct hb_policy *make_policy(const char *filter, const char *rule)
{
	struct hb_setting third = { .name = "counter", .value = "1" };
	struct hb_endpoint frontend = bed_endpoint(FRONTEND), backend = bed_endpoint(BACKEND);
	struct hb_policy *policy = bed_policy();
	struct hb_target *target = hb_policy_add_target(policy);

	if (hb_policy_add_instance(policy, "third", hb_module_builtin("counter"), &third, 1,
				   NULL) != 0 ||
	    hb_policy_add_instance(policy, "new", hb_module_builtin("hash"), NULL, 0, NULL) != 0)
		bed_die("no module");
	if (target == NULL || hb_target_set_filter(target, filter, NULL) != 0 ||
	    hb_target_set_frontend(target, &frontend, NULL, NULL) != 0 ||
	    (rule && hb_target_add_backend(target, &backend, rule, NULL) != 0))
		bed_die("no target");
	return policy;
}

static void open_scene(struct bed *bed, const char *filter, const char *rule)
{
	bed_open(bed, make_policy(filter, rule), strcmp(filter, DARKNET) == 0);
}

/* Nanoseconds a packet; says so if the flows are not where they should be. */
static double time_scene(struct bed *bed, const struct scene *scene, uint32_t flows,
			 unsigned chunks)
{
	uint64_t spent_ns = 0, dropped;
	bool opens = scene->opening == 0;

	open_scene(bed, scene->filter, scene->rule);
	bed_open_sessions(bed, flows, opens ? 1 : scene->opening);
	dropped = bed_counters(bed).dropped;
	for (unsigned chunk = 0; chunk < chunks; chunk++) {
		for (unsigned i = 0; i < CHUNK; i++)
			bed_make(bed, i, opens ? bed->flows++ : bed_draw(bed, flows),
				 &scene->packet);
		spent_ns += bed_input(bed, CHUNK);
	}
	if (bed_counters(bed).dropped != dropped ||
	    (scene->opening == 4 && bed_counters(bed).handovers_done != flows))
		fprintf(stderr, "engine: \"%s\" is not what was measured\n", scene->name);
	bed_close(bed);
	return (double)spent_ns / ((double)chunks * CHUNK);
}

/* Memory of this process, in KiB. */
static long resident_kib(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long kib = 0;

	if (status == NULL)
		bed_die("no /proc");
	while (fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	fclose(status);
	return kib;
}

static void print_memory(struct bed *bed, uint32_t flows)
{
	long before = resident_kib(), taken;

	open_scene(bed, DARKNET, "new");
	bed_open_sessions(bed, flows, 3);
	taken = resident_kib() - before;
	printf("\nan undecided flow without payload: struct %zu bytes; %u of them take %ld MiB, "
	       "%.0f "
	       "bytes each\n",
	       sizeof(struct hb_flow), flows, taken / 1024, (double)taken * 1024 / flows);
	bed_close(bed);
}

static void print_scene(struct bed *bed, const struct scene *scene, const uint32_t *sizes,
			unsigned size_count, unsigned chunks)
{
	printf("%-36s", scene->name);
	for (unsigned i = 0; i < size_count; i++)
		printf(" %10.0f", time_scene(bed, scene, sizes[i], chunks));
	putchar('\n');
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 1000, 100000, 1000000 };
	static struct bed bed;
	bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
	unsigned size_count = quick ? 1 : sizeof(sizes) / sizeof(*sizes);

	if (argc > 1 && !quick) {
		fprintf(stderr, "usage: engine [--quick]\n");
		return 64;
	}
	print_memory(&bed, quick ? 1000 : 1000000);
	printf("\n%-36s", "engine, ns a packet; flows:");
	for (unsigned i = 0; i < size_count; i++)
		printf(" %10u", sizes[i]);
	putchar('\n');
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++)
		print_scene(&bed, &scenes[i], sizes, size_count, quick ? 1 : 50);
	return 0;
}
