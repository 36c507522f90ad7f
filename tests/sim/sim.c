/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs sessions through the engine, each from a seed.
 *
 * usage: sim [-v] [-x IMPAIRMENT]... SEED [COUNT]
 *
 * -v shows every packet, as a packet script. -x switches off: loss, reorder, duplicate, jitter,
 * corruption, offload, attack, or again (a second session from the same port).
 */
#include "check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct totals {
	unsigned runs, sessions, handed_over, undone, deceived, failed;
};

static bool run_one(uint64_t seed, unsigned without, FILE *trace, struct totals *totals)
{
	static struct plan plan;
	static struct world world;

	plan_make(&plan, seed, without);
	world_run(&world, &plan, trace);
	bool deceived = world.deceived;
	if (world.engine != NULL && !deceived)
		check_rest(&world);
	bool ok = world.wrong[0] == '\0';
	if (!ok)
		printf("# seed %" PRIu64 ": %s\n", seed, world.wrong);
	if (totals != NULL) {
		totals->runs++;
		totals->sessions += 1 + world.round;
		totals->handed_over += world.events[HB_EVENT_HANDOVER];
		totals->undone += world.events[HB_EVENT_HANDOVER_FAILED];
		totals->deceived += deceived;
		totals->failed += !ok;
	}
	world_free(&world);
	return ok;
}

static unsigned impairment(const char *word)
{
	static const char *const words[] = { "loss",       "reorder", "duplicate", "jitter",
					     "corruption", "offload", "attack",    "again" };

	for (unsigned i = 0; i < 8; i++) {
		if (strcmp(word, words[i]) == 0)
			return 1u << i;
	}
	fprintf(stderr, "sim: no impairment \"%s\"\n", word);
	exit(2);
}

int main(int argc, char **argv)
{
	unsigned without = 0, shown = 0;
	bool verbose = false;
	struct totals totals = { 0 };
	int option;

	while ((option = getopt(argc, argv, "vx:")) != -1) {
		if (option == 'v')
			verbose = true;
		else if (option == 'x')
			without |= impairment(optarg);
		else
			return 2;
	}
	if (optind >= argc) {
		fprintf(stderr, "usage: sim [-v] [-x IMPAIRMENT]... SEED [COUNT]\n");
		return 2;
	}
	uint64_t seed = strtoull(argv[optind], NULL, 0);
	uint64_t count = optind + 1 < argc ? strtoull(argv[optind + 1], NULL, 0) : 1;
	for (uint64_t i = 0; i < count; i++) {
		bool ok = run_one(seed + i, without, verbose ? stdout : NULL, &totals);

		if (!ok && !verbose && shown++ == 0)
			run_one(seed + i, without, stdout, NULL);
	}
	printf("# %u runs, %u sessions: %u handed over, %u undone or declined, %u deceived by "
	       "silence; %u failed\n",
	       totals.runs, totals.sessions, totals.handed_over, totals.undone, totals.deceived,
	       totals.failed);
	return totals.failed == 0 ? 0 : 1;
}
