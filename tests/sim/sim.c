/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs sessions through the engine, each from a seed.
 *
 * usage: sim [-v] [-x IMPAIRMENT]... SEED [COUNT]
 *        sim [-v] -m [FIRST [COUNT]]
 *
 * -v shows every packet, as a packet script. -x switches off: loss, reorder, duplicate, jitter,
 * corruption, offload, attack, again (a second session from the same port), company, ecn, hops
 * (routers), or errors (narrow links, and losses that are told).
 * -m runs the option matrix instead: all pairs of honeypots' options, or COUNT of them from FIRST
 * on.
 */
#include "check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct totals {
	unsigned runs, sessions, handed_over, undone, deceived, failed;
};

struct run_options {
	unsigned without;
	bool matrix, verbose;
};

static void print_options(const struct plan *plan, enum role role)
{
	const struct tcp_config *config = &plan->tcp[role];

	printf("# %s: timestamps %s, SACK %s, ", plan_role_name(role),
	       config->options & HB_TCPOPT_TIMESTAMP ? "on" : "off",
	       config->options & HB_TCPOPT_SACK_OK ? "on" : "off");
	if (config->options & HB_TCPOPT_WSCALE)
		printf("window scale %u, ", config->wscale);
	else
		printf("window scale off, ");
	printf("MSS %u, ECN %s\n", config->mss, config->ecn ? "on" : "off");
}

static void print_failure(const struct world *world, bool matrix)
{
	printf("# %s %" PRIu64 ": %s\n", matrix ? "pair" : "seed", world->sessions[0].plan->seed,
	       world->wrong);
	if (!matrix)
		return;
	print_options(world->sessions[0].plan, ROLE_FRONTEND);
	print_options(world->sessions[0].plan, ROLE_BACKEND);
}

static bool run_one(uint64_t seed, const struct run_options *options, FILE *trace,
		    struct totals *totals)
{
	static struct plans plans;
	static struct world world;

	if (options->matrix)
		plans_make_pair(&plans, (unsigned)seed);
	else
		plans_make(&plans, seed, options->without);
	world_run(&world, &plans, trace);
	unsigned deceived = world_deceived(&world);
	if (world.engine != NULL && deceived == 0)
		check_rest(&world);
	if (options->matrix)
		check_pair(&world.sessions[0]);
	bool ok = world.wrong[0] == '\0';
	if (!ok)
		print_failure(&world, options->matrix);
	if (totals != NULL) {
		totals->runs++;
		totals->sessions += world_rounds(&world);
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
					     "corruption", "offload", "attack",    "again",
					     "company",    "ecn",     "hops",      "errors" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) == 0)
			return 1u << i;
	}
	fprintf(stderr, "sim: no impairment \"%s\"\n", word);
	exit(2);
}

static int usage(void)
{
	fprintf(stderr, "usage: sim [-v] [-x IMPAIRMENT]... SEED [COUNT]\n"
			"       sim [-v] -m [FIRST [COUNT]]\n");
	return 2;
}

static void run_all(uint64_t first, uint64_t count, const struct run_options *options,
		    struct totals *totals)
{
	unsigned shown = 0;

	for (uint64_t i = 0; i < count; i++) {
		bool ok = run_one(first + i, options, options->verbose ? stdout : NULL, totals);

		if (!ok && !options->verbose && shown++ == 0)
			run_one(first + i, options, stdout, NULL);
	}
	printf("# %u runs, %u sessions: %u handed over, %u undone or declined, %u deceived by "
	       "silence; %u failed\n",
	       totals->runs, totals->sessions, totals->handed_over, totals->undone,
	       totals->deceived, totals->failed);
}

int main(int argc, char **argv)
{
	struct run_options options = { 0 };
	struct totals totals = { 0 };
	int option;

	while ((option = getopt(argc, argv, "mvx:")) != -1) {
		if (option == 'm')
			options.matrix = true;
		else if (option == 'v')
			options.verbose = true;
		else if (option == 'x')
			options.without |= impairment(optarg);
		else
			return usage();
	}
	if (options.matrix ? options.without != 0 : optind >= argc)
		return usage();
	uint64_t first = optind < argc ? strtoull(argv[optind], NULL, 0) : 0;
	uint64_t count = optind < argc ? 1 : PLAN_PAIRS;
	if (optind + 1 < argc)
		count = strtoull(argv[optind + 1], NULL, 0);
	if (options.matrix && (first >= PLAN_PAIRS || count > PLAN_PAIRS - first))
		return usage();
	run_all(first, count, &options, &totals);
	return totals.failed == 0 ? 0 : 1;
}
