/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rules cost: nanoseconds a packet through the engine for each built-in module, for longer and
 * longer rules, and nanoseconds an answer of a module alone that remembers or searches much.
 *
 *	rules [--quick]
 *
 * A figure is the median of many chunks of packets. Behind it stands how many times the figure it is
 * that comes first in its column, or, of a module alone, in its row.
 */
#include "bed.h"

#include "registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLOWS 1000
#define CHUNKS_MAX 50
#define SETTINGS_MAX 3
#define SHORT_LIST "10"
#define LONG_LIST "100000"
#define REQUEST_TEXT                                                                               \
	"GET /page.php?id=7&path=../../etc/hosts HTTP/1.1\r\nHost: www.example.org\r\n\r\n"
#define HOSTILE "(a+)+[^a]" /* each way of cutting up a run of "a" is tried */

/* What a module's answer takes longer with, so that it is timed alone, too. */
enum grows { NEITHER, SOURCES, BYTES };

/* A module with its parameters. A list's file is named by how many entries it has. */
struct row {
	const char *title, *function;
	enum grows grows_with;
	struct hb_setting settings[SETTINGS_MAX];
};

static const struct row backend_rows[] = {
	{ "yesno", "yesno", NEITHER, { { "value", "no", 0, 0 } } },
	{ "backpick_random", "backpick_random", NEITHER, { { NULL, NULL, 0, 0 } } },
	{ "counter", "counter", NEITHER, { { "counter", "1000000", 0, 0 } } },
	{ "hash, sha1", "hash", BYTES, { { NULL, NULL, 0, 0 } } },
	{ "hash, sha256", "hash", BYTES, { { "digest", "sha256", 0, 0 } } },
	{ "list, 10 entries", "list", SOURCES, { { "file", SHORT_LIST, 0, 0 } } },
	{ "list, 100,000 entries", "list", SOURCES, { { "file", LONG_LIST, 0, 0 } } },
	{ "payload, bytes", "payload", BYTES, { { "bytes", "passwd", 0, 0 } } },
	{ "payload, expression",
	  "payload",
	  BYTES,
	  { { "expression", "(?i)pass(wd|word)", 0, 0 } } },
	{ "payload, hostile", "payload", BYTES, { { "expression", HOSTILE, 0, 0 } } },
	{ "proto", "proto", BYTES, { { "protocol", "tls", 0, 0 } } },
	{ "random", "random", NEITHER, { { "value", "1000000", 0, 0 } } },
	{ "source", "source", SOURCES, { { NULL, NULL, 0, 0 } } },
	{ "source_time", "source_time", SOURCES, { { NULL, NULL, 0, 0 } } },
	{ "time", "time", NEITHER, { { "hours", "22:00-06:00", 0, 0 } } },
};

#define RATE(word)                                                                                 \
	{                                                                                          \
		"rate, " word, "rate", SOURCES,                                                    \
		{                                                                                  \
			{ "of", word, 0, 0 },                                                      \
			{                                                                          \
				"max", "1000000000000", 0, 0                                       \
			}                                                                          \
		}                                                                                  \
	}

static const struct row control_rows[] = {
	{ "yesno", "yesno", NEITHER, { { "value", "yes", 0, 0 } } },
	{ "control", "control", SOURCES, { { "max_packet", "1000000000", 0, 0 } } },
	{ "dns_control", "dns_control", NEITHER, { { "ip", "203.0.113.53", 0, 0 } } },
	RATE("connections"),
	RATE("packets"),
	RATE("bytes"),
	RATE("destinations"),
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* What is timed: packets of flows that are so far, in a policy of one target. */
struct scene {
	const char *frontend, *backpick, *backend, *control; /* rules; NULL: none */
	unsigned opening; /* packets of TCP that come before, 0: none */
	bool once;        /* one packet a flow */
	struct bed_packet packet;
};

#define SYN                                                                                        \
	{                                                                                          \
		CLIENT, NULL, HB_TCP_SYN, CLIENT_ISN, 0, 0                                         \
	}
#define REQUEST                                                                                    \
	{                                                                                          \
		CLIENT, NULL, HB_TCP_ACK, CLIENT_ISN + 1, SERVER_ISN + 1, DATA                     \
	}
#define DATAGRAM                                                                                   \
	{                                                                                          \
		CLIENT, NULL, 0, 0, 0, DATA                                                        \
	}

/*
 * One module "m", whatever it says: in the frontend's rule; in a backend's that rejects at the
 * request; in one that is asked again and again.
 */
static const struct scene scenes[] = {
	{ "m or yes", NULL, "later", NULL, 0, true, SYN },
	{ NULL, NULL, "(m and no) or not request", NULL, 3, true, REQUEST },
	{ NULL, NULL, "(m and no) or later", NULL, 0, false, DATAGRAM },
};

/* The same for a module that picks, but in no frontend's rule. */
static const struct scene backpick_scenes[] = {
	{ NULL, NULL, NULL, NULL, 0, false, SYN },
	{ NULL, "m and no", "no or not request", NULL, 3, true, REQUEST },
	{ NULL, "(m and no) or later", "no or later", NULL, 0, false, DATAGRAM },
};

/* No rule at all, where the flow would be so far. */
static const struct scene without[] = {
	{ NULL, NULL, NULL, NULL, 0, true, SYN },
	{ NULL, NULL, NULL, NULL, 3, true, REQUEST },
	{ NULL, NULL, NULL, NULL, 0, false, DATAGRAM },
};

static const struct scene control_scene = {
	NULL, NULL, "later", "m", 0, false, { HONEYPOT, NULL, 0, 0, 0, DATA }
};

static struct bed bed;
static unsigned chunks = CHUNKS_MAX;
static char list_paths[2][32]; /* SHORT_LIST, LONG_LIST */

static void make_list(char path[32], unsigned count)
{
	strcpy(path, "/tmp/honeybrid-bench-XXXXXX");

	int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (file == NULL)
		bed_die("no temporary file");
	for (unsigned i = 0; i < count; i++) /* so that none touch */
		fprintf(file, "%u.%u.%u.%u\n", 100 + (i >> 20), i >> 12 & 255, i >> 4 & 255,
			(i & 15) << 1);
	fclose(file);
}

static size_t settings_of(const struct row *row, struct hb_setting settings[SETTINGS_MAX])
{
	size_t count = 0;

	for (; count < SETTINGS_MAX && row->settings[count].name; count++) {
		settings[count] = row->settings[count];
		if (strcmp(settings[count].name, "file") == 0)
			settings[count].value =
				list_paths[strcmp(settings[count].value, LONG_LIST) == 0];
	}
	return count;
}

static void add_module(struct hb_policy *policy, const char *name, const struct row *row)
{
	struct hb_setting settings[SETTINGS_MAX];
	size_t count = settings_of(row, settings);
	struct hb_error err = { .code = HB_ERROR_NONE };

	if (hb_policy_add_instance(policy, name, hb_module_builtin(row->function), settings, count,
				   &err) != 0)
		bed_die(err.message);
}

static void open_scene(const struct scene *scene, const struct row *row)
{
	static const struct row no = { "no", "yesno", NEITHER, { { "value", "no", 0, 0 } } };
	static const struct row later = {
		"later", "counter", NEITHER, { { "counter", "1000000", 0, 0 } }
	};
	static const struct row yes = { "yes", "yesno", NEITHER, { { "value", "yes", 0, 0 } } };
	static const struct row request = {
		"request", "counter", NEITHER, { { "counter", "2", 0, 0 } }
	};
	struct hb_endpoint frontend = bed_endpoint(FRONTEND), backend = bed_endpoint(BACKEND);
	struct hb_policy *policy = bed_policy();
	struct hb_target *target = hb_policy_add_target(policy);
	struct hb_error err = { .code = HB_ERROR_NONE };

	add_module(policy, "no", &no);
	add_module(policy, "yes", &yes);
	add_module(policy, "later", &later);
	add_module(policy, "request", &request);
	add_module(policy, "m", row);
	if (target == NULL || hb_target_set_filter(target, DARKNET, &err) != 0 ||
	    hb_target_set_frontend(target, &frontend, scene->frontend, &err) != 0 ||
	    (scene->backend && hb_target_add_backend(target, &backend, scene->backend, &err)) ||
	    (scene->backpick && hb_target_set_backpick(target, scene->backpick, &err) != 0) ||
	    (scene->control && hb_target_set_control(target, scene->control, &err) != 0))
		bed_die(err.message);
	bed_open(&bed, policy, true);
}

static int compare_figures(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *figures, unsigned count)
{
	qsort(figures, count, sizeof(*figures), compare_figures);
	return (figures[count / 2] + figures[(count - 1) / 2]) / 2;
}

/* Nanoseconds a packet. Nothing may have been handed over, and nothing contained. */
static double time_scene(const struct scene *scene, const struct row *row)
{
	double figures[CHUNKS_MAX];

	open_scene(scene, row);
	for (unsigned chunk = 0; chunk < chunks; chunk++) {
		uint32_t first = bed.flows;

		if (scene->once)
			bed_open_sessions(&bed, first + CHUNK, scene->opening);
		else
			bed_open_sessions(&bed, FLOWS, scene->opening);
		for (unsigned i = 0; i < CHUNK; i++)
			bed_make(&bed, i, scene->once ? first + i : bed_draw(&bed, FLOWS),
				 &scene->packet);
		figures[chunk] = (double)bed_input(&bed, CHUNK) / CHUNK;
	}
	if (bed_counters(&bed).handovers_done + bed_counters(&bed).handovers_failed +
		    bed_counters(&bed).handovers_declined + bed_counters(&bed).contained !=
	    0)
		fprintf(stderr, "rules: \"%s\" is not what was measured\n", row->title);
	bed_close(&bed);
	return median(figures, chunks);
}

static void print_figure(double figure, double *first)
{
	if (*first <= 0)
		*first = figure;
	printf(figure < 99.5 ? " %8.1f" : " %8.0f", figure);
	printf(" %7.2f", figure / *first);
	fflush(stdout);
}

static void print_backend_rows(void)
{
	double first[COUNT(scenes)] = { 0 };

	printf("\n%-26s %16s %16s %16s\n", "ns a packet, times yesno", "new flow",
	       "request rejected", "datagram deferred");
	for (size_t i = 0; i < COUNT(backend_rows); i++) {
		const struct row *row = &backend_rows[i];
		bool picks = hb_module_builtin(row->function)->flags & HB_MODULE_PICKS;

		printf("%-26s", row->title);
		if (picks)
			printf(" %16s", "-");
		for (size_t j = picks; j < COUNT(scenes); j++)
			print_figure(time_scene(picks ? &backpick_scenes[j] : &scenes[j], row),
				     &first[j]);
		putchar('\n');
	}
	printf("%-26s", "no rule at all");
	for (size_t j = 0; j < COUNT(without); j++)
		print_figure(time_scene(&without[j], &backend_rows[0]), &first[j]);
	putchar('\n');
}

/* "m or m or ... or later", with so many names. */
static void print_lengths(void)
{
	static const unsigned lengths[] = { 1, 4, 16, 32 };
	char rule[512];
	double first = 0;

	printf("\n%-26s %16s\n", "ns a packet, times the 1st", "datagram deferred");
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct scene scene = scenes[2];
		char *end = rule;

		for (unsigned j = 1; j < lengths[i]; j++)
			end = stpcpy(end, "m or ");
		strcpy(end, "later");
		scene.backend = rule;
		printf("a rule of %2u modules        ", lengths[i]);
		print_figure(time_scene(&scene, &backend_rows[0]), &first);
		putchar('\n');
	}
}

static void print_control_rows(void)
{
	double first = 0;

	printf("\n%-26s %16s\n", "ns a packet, times yesno", "of a honeypot");
	for (size_t i = 0; i < COUNT(control_rows); i++) {
		printf("%-26s", control_rows[i].title);
		print_figure(time_scene(&control_scene, &control_rows[i]), &first);
		putchar('\n');
	}
}

/* --- a module alone */

static void fill(uint8_t *text, size_t len, const char *with)
{
	for (size_t i = 0, period = strlen(with); i < len; i++)
		text[i] = (uint8_t)with[i % period];
}

/* How many sources there are, and how much they say. */
struct load {
	uint32_t sources;
	size_t payload_len;
};

/* Asks about a flow of one of so many sources, each with a destination of its own. */
static void ask(const struct hb_instance *instance, const struct hb_packet *packet, uint32_t source)
{
	static struct hb_time now = { .wall_us = 1000000 };
	const struct hb_flow_info flow = {
		.id = ++now.mono_ns,
		.protocol = HB_PROTO_TCP,
		.client = bed_ipv4(UINT32_C(0x64000000) + source, 10000),
		.attacked = bed_ipv4(UINT32_C(0x0a000000) + source, 80),
	};
	const struct hb_query query = {
		.size = sizeof(query), .packet = packet, .flow = &flow, .now = now
	};

	hb_instance_decide(instance, &query);
}

/* Nanoseconds an answer, once all sources are known. */
static double time_answers(const struct row *row, const struct load *load)
{
	static uint8_t text[4096];
	const bool hostile = strstr(row->title, "hostile") != NULL;
	const unsigned answers = hostile ? 1 : CHUNK;
	const struct hb_packet packet = { .data = text,
					  .len = load->payload_len,
					  .payload_len = load->payload_len };
	struct hb_setting settings[SETTINGS_MAX];
	size_t count = settings_of(row, settings);
	struct hb_instance *instance =
		hb_instance_new("m", hb_module_builtin(row->function), settings, count, NULL);
	double figures[CHUNKS_MAX];

	if (instance == NULL)
		bed_die("no instance");
	fill(text, sizeof(text), hostile ? "a" : REQUEST_TEXT);
	for (uint32_t i = 0; i < load->sources; i++)
		ask(instance, &packet, i);
	for (unsigned chunk = 0; chunk < chunks; chunk++) {
		uint64_t begin = bed_spent_ns();

		for (unsigned i = 0; i < answers; i++)
			ask(instance, &packet, bed_draw(&bed, load->sources));
		figures[chunk] = (double)(bed_spent_ns() - begin) / answers;
	}
	hb_instance_free(instance);
	return median(figures, chunks);
}

static void print_answers(const struct row *rows, size_t count, enum grows what,
			  const struct load loads[3])
{
	for (size_t i = 0; i < count; i++) {
		double first = 0;

		if (rows[i].grows_with != what)
			continue;
		printf("%-26s", rows[i].title);
		for (int j = 0; j < 3; j++)
			print_figure(time_answers(&rows[i], &loads[j]), &first);
		putchar('\n');
	}
}

static void print_modules_alone(void)
{
	static const struct load sources[] = { { 1, 0 }, { 1000, 0 }, { 100000, 0 } };
	static const struct load bytes[] = { { 1, 24 }, { 1, 1460 }, { 1, 4096 } };

	printf("\n%-26s %16d %16d %16d\n", "ns an answer; sources:", 1, 1000, 100000);
	print_answers(control_rows, COUNT(control_rows), SOURCES, sources);
	print_answers(backend_rows, COUNT(backend_rows), SOURCES, sources);
	printf("\n%-26s %16d %16d %16d\n", "ns an answer; bytes:", 24, 1460, 4096);
	print_answers(backend_rows, COUNT(backend_rows), BYTES, bytes);
}

static bool has_row(const struct row *rows, size_t count, const char *function)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(rows[i].function, function) == 0)
			return true;
	}
	return false;
}

/* A module without a row would be one whose cost nobody knows. */
static void check_rows(void)
{
	const struct hb_module *module;

	for (size_t i = 0; (module = hb_module_builtin_at(i)) != NULL; i++) {
		if (!has_row(backend_rows, COUNT(backend_rows), module->name) &&
		    !has_row(control_rows, COUNT(control_rows), module->name))
			bed_die("a built-in module has no row in rules.c");
	}
}

int main(int argc, char **argv)
{
	bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;

	if (argc > 1 && !quick) {
		fprintf(stderr, "usage: rules [--quick]\n");
		return 64;
	}
	if (quick)
		chunks = 1;
	check_rows();
	make_list(list_paths[0], 10);
	make_list(list_paths[1], 100000);
	print_backend_rows();
	print_lengths();
	print_control_rows();
	print_modules_alone();
	unlink(list_paths[0]);
	unlink(list_paths[1]);
	return 0;
}
