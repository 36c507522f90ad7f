/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each conf/NAME.conf is read, and all that is printed about it must be conf/NAME.expected, whose
 * last line is the status. To write that file: honeybridd -t -v -c NAME.conf, and read what it
 * says.
 */
#include "config.h"

#include "unit.h"

#include <glob.h>
#include <string.h>

static char *slurp(const char *path, size_t *length)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	FILE *copy;
	int c;

	if (!file)
		ck_abort_msg("cannot open %s", path);
	copy = open_memstream(&text, &size);
	while ((c = getc(file)) != EOF)
		putc(c, copy);
	fclose(file);
	fclose(copy);
	*length = size;
	return text;
}

/* What -t -v prints, and the status. */
static char *read_config(const char *name, const char *text, size_t length)
{
	char *said = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&said, &size);
	enum hb_exit status;
	struct hb_config *config = hb_config_parse(name, text, length, out, &status);

	if (config) {
		fprintf(out, "%s: ok\n", name);
		hb_config_explain(config, out);
	}
	fprintf(out, "status %d\n", (int)status);
	fclose(out);
	ck_assert(!config == (status != HB_EXIT_OK));
	hb_config_free(config);
	return said;
}

static void check_file(const char *path)
{
	char expected_path[512];
	size_t length, expected_length;
	char *text = slurp(path, &length);
	const char *name = strrchr(path, '/') + 1;
	char *said = read_config(name, text, length), *expected;

	snprintf(expected_path, sizeof(expected_path), "%.*s.expected",
		 (int)(strlen(path) - strlen(".conf")), path);
	expected = slurp(expected_path, &expected_length);
	if (strcmp(said, expected) != 0)
		ck_abort_msg("%s: expected:\n%s\ngot:\n%s", name, expected, said);
	free(text);
	free(said);
	free(expected);
}

START_TEST(files_give_the_expected_messages)
{
	glob_t found;

	ck_assert_int_eq(glob(CONF_DIR "/*.conf", 0, NULL, &found), 0);
	ck_assert_uint_gt(found.gl_pathc, 10);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_file(found.gl_pathv[i]);
	globfree(&found);
}
END_TEST

static struct hb_config *parse(const char *text)
{
	enum hb_exit status;
	struct hb_config *config = hb_config_parse("x", text, strlen(text), stderr, &status);

	ck_assert_ptr_nonnull(config);
	return config;
}

#define TARGET "target { filter \"ip\"; frontend 10.0.0.2; }"

START_TEST(defaults_are_the_documented_ones)
{
	struct hb_config *config = parse(TARGET);

	ck_assert_uint_eq(config->outputs, HB_OUTPUT_FILES);
	ck_assert_str_eq(config->exec_directory, "/var/run");
	ck_assert_str_eq(config->log_directory, "/var/log/honeybrid");
	ck_assert_str_eq(config->log_file, "honeybrid.log");
	ck_assert(!config->log_rotation && !config->log_verbose);
	ck_assert(!config->debug && !config->daemonize);
	ck_assert_uint_eq(config->uplink_mask, 0xffff);
	ck_assert_uint_eq(config->proof_mark, 0x40000000);
	ck_assert_uint_eq(config->own_mark, 0x80000000);
	ck_assert_uint_eq(config->options.expiration_delay_s, 120);
	hb_config_free(config);
}
END_TEST

START_TEST(values_arrive)
{
	size_t length;
	char *text = slurp(CONF_DIR "/everything.conf", &length);
	char *said = NULL;
	FILE *out = open_memstream(&said, &length);
	enum hb_exit status;
	struct hb_config *config = hb_config_parse("x", text, strlen(text), out, &status);

	ck_assert_ptr_nonnull(config);
	ck_assert_uint_eq(config->outputs, HB_OUTPUT_SYSLOG | HB_OUTPUT_STDOUT);
	ck_assert_str_eq(config->exec_directory, "/etc//x#y");
	ck_assert_str_eq(config->log_directory, "/var/log/with space");
	ck_assert_str_eq(config->log_file, "flows.log");
	ck_assert_str_eq(config->module_directory, "/usr/lib/honeybrid");
	ck_assert(config->log_verbose && !config->debug && !config->daemonize);
	ck_assert(config->options.reset_ext && !config->options.deny_hih_init);
	ck_assert_uint_eq(config->options.expiration_delay_s, 60);
	ck_assert_uint_eq(config->options.established_timeout_s, 3600);
	ck_assert_uint_eq(config->options.max_packet_buffer, 0);
	ck_assert_uint_eq(config->options.max_flows, 1000);
	ck_assert_uint_eq(config->options.max_flow_buffer_bytes, 4096);
	ck_assert_uint_eq(config->options.max_total_buffer_bytes, UINT64_C(8589934592));
	ck_assert_uint_eq(config->options.handover_timeout_ms, 7000);
	ck_assert_uint_eq(config->uplink_mask, 0xff);
	ck_assert_uint_eq(config->proof_mark, 0x100);
	ck_assert_uint_eq(config->own_mark, 512);
	hb_config_free(config);
	fclose(out);
	free(said);
	free(text);
}
END_TEST

START_TEST(booleans_have_eight_spellings)
{
	static const char *const words[] = { "yes", "on", "true", "1", "no", "off", "false", "0" };

	for (int i = 0; i < 8; i++) {
		char text[128];
		struct hb_config *config;

		snprintf(text, sizeof(text), "config { debug = %s; } " TARGET, words[i]);
		config = parse(text);
		ck_assert_int_eq(config->debug, i < 4);
		hb_config_free(config);
	}
}
END_TEST

START_TEST(an_escape_is_only_for_quotes)
{
	struct hb_config *config = parse("config { log_file = \"a\\\\\\\"b\\tc\\\\d\"; } " TARGET);

	ck_assert_str_eq(config->log_file, "a\\\\\"b\\tc\\\\d");
	hb_config_free(config);
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
	char *said = read_config("x", "config {\0 }", 11);

	ck_assert_str_eq(said, "x: error: not a text file: it contains a NUL byte\nstatus 78\n");
	free(said);
}
END_TEST

static void expect_unreadable(const char *path, const char *reason)
{
	char *said = NULL, expected[256];
	size_t size = 0;
	FILE *out = open_memstream(&said, &size);
	enum hb_exit status;

	ck_assert_ptr_null(hb_config_load(path, HB_INTERFACES_REAL, out, &status));
	fclose(out);
	ck_assert_int_eq(status, HB_EXIT_NO_INPUT);
	snprintf(expected, sizeof(expected), "%s: error: cannot read the configuration: %s\n", path,
		 reason);
	ck_assert_str_eq(said, expected);
	free(said);
}

START_TEST(what_cannot_be_read_is_said)
{
	expect_unreadable("/nonexistent/honeybrid.conf", "No such file or directory");
	expect_unreadable("/", "Is a directory");
}
END_TEST

/* Every prefix and every single missing byte: nothing may crash, leak, or pass for more than it is.
 */
START_TEST(damaged_files_are_survived)
{
	size_t length;
	char *text = slurp(CONF_DIR "/case-study.conf", &length);
	char *damaged = malloc(length);

	for (size_t i = 0; i < length; i++) {
		free(read_config("x", text, i));
		memcpy(damaged, text, i);
		memcpy(damaged + i, text + i + 1, length - i - 1);
		free(read_config("x", damaged, length - 1));
	}
	free(damaged);
	free(text);
}
END_TEST

UNIT_MAIN("config", files_give_the_expected_messages, defaults_are_the_documented_ones,
	  values_arrive, booleans_have_eight_spellings, an_escape_is_only_for_quotes,
	  a_nul_byte_is_refused, what_cannot_be_read_is_said, damaged_files_are_survived)
