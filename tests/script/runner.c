/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plays packet scripts against the engine: no network, virtual time.
 *
 *	runner [-v] FILE.pkt…	exits with 1 if one of them does not go as it is written
 *
 * -v prints the whole dialogue, in the language of the scripts, and goes on after a mistake.
 */
#include "script.h"

#include <string.h>
#include <unistd.h>

static bool run_file(const char *path, bool verbose)
{
	struct script script;
	bool ok = script_parse(path, &script) && script_play(&script, verbose);

	script_fini(&script);
	return ok;
}

int main(int argc, char **argv)
{
	bool verbose = false, ok = true;
	int option;

	while ((option = getopt(argc, argv, "v")) != -1) {
		if (option != 'v')
			return 64;
		verbose = true;
	}
	if (optind == argc) {
		fprintf(stderr, "usage: runner [-v] FILE.pkt...\n");
		return 64;
	}
	for (int i = optind; i < argc; i++)
		ok &= run_file(argv[i], verbose);
	return ok ? 0 : 1;
}
