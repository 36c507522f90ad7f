/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Damaged state files of every module that has them: cut off at each byte, and with each byte replaced
 * by others. A file is refused by name and line, and left as it is, or what is known then is what
 * stands in it.
 */
#include "module_fixture.h"
#include "scratch.h"

#include "store_file.h"
#include "store_text.h"
#include "target.h"

#include <fcntl.h>

#define S_US INT64_C(1000000)
#define NOW_S INT64_C(1249600127)
#define FILE_MAX 4096
#define LINES_MAX 32

static const struct {
	const char *function;
	struct hb_setting settings[2]; /* but for "backup" */
} cases[] = {
	{ "control", { { NULL, NULL, 0, 0 } } },
	{ "hash", { { NULL, NULL, 0, 0 } } },
	{ "hash", { { "digest", "sha256", 1, 1 } } },
	{ "rate", { { "of", "packets", 1, 1 }, { "max", "7", 1, 1 } } },
	{ "source", { { NULL, NULL, 0, 0 } } },
	{ "source_time", { { NULL, NULL, 0, 0 } } },
};

#define CASES (sizeof(cases) / sizeof(*cases))

static struct scratch scratch;
static struct hb_policy *policy;
static struct hb_instance *instance;

/* A whole file of the module that is tested, and what is made of it. */
static char whole[FILE_MAX], damaged[FILE_MAX];
static size_t whole_len;

static void make(size_t i)
{
	struct hb_setting settings[3] = { { "backup", scratch_file(&scratch, "state"), 1, 1 } };
	size_t count = 1;

	for (; count < 3 && cases[i].settings[count - 1].name; count++)
		settings[count] = cases[i].settings[count - 1];
	policy = hb_policy_new();
	ck_assert_int_eq(hb_policy_add_instance(policy, "m", hb_module_builtin(cases[i].function),
						settings, count, NULL),
			 0);
	instance = policy->instances[0];
}

/* Asks so that there are several entries, of several groups where the module has them. */
static void ask_about_many(void)
{
	static const char *const sources[] = { "192.0.2.7", "2001:db8::7", "10.9.0.3" };
	static const char *const payloads[] = { "GET /", "# end", "a=b\tc[x]" };
	static const uint16_t ports[] = { 80, 8080 };
	struct asked asked;

	asked_init(&asked);
	for (uint64_t i = 0; i < 12; i++) {
		const char *payload = payloads[i % 3];

		asked.query.now.wall_us = (NOW_S + 7 * (int64_t)i) * S_US;
		ck_assert_int_eq(hb_addr_parse(sources[i % 3], &asked.flow.client.addr), 0);
		asked.flow.attacked.port = ports[i % 2];
		asked.flow.id = i + 1;
		asked.packet.data = (const uint8_t *)payload;
		asked.packet.payload_len = strlen(payload);
		hb_instance_decide(instance, &asked.query);
	}
}

static void make_whole_file(size_t i)
{
	const struct hb_time now = { .wall_us = (NOW_S + 100) * S_US };

	scratch = scratch_make();
	make(i);
	ck_assert_int_eq(hb_policy_load(policy, NULL), 0);
	ask_about_many();
	ck_assert_uint_ge(hb_store_count(hb_instance_store(instance)), 3);
	ck_assert_int_eq(hb_policy_save(policy, now, NULL), 0);
	hb_policy_unref(policy);
	snprintf(whole, sizeof(whole), "%s", scratch_read(&scratch, "state"));
	whole_len = strlen(whole);
	ck_assert_uint_lt(whole_len + 1, sizeof(whole));
}

/* Not truncated first: some file systems would wait for the disk then. */
static void write_state(const char *text, size_t len)
{
	int fd = open(scratch_file(&scratch, "state"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	unit_require(fd >= 0);
	unit_require(pwrite(fd, text, len, 0) == (ssize_t)len);
	unit_require(ftruncate(fd, (off_t)len) == 0);
	close(fd);
}

/* --- what stands in a file, read in a way of the test's own: a line each, with its group */

struct content {
	size_t count;
	char lines[LINES_MAX][2 * HB_STORE_TEXT_SIZE];
};

static int compare_lines(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void content_add(struct content *content, const char *group, const char *entry)
{
	unit_require(content->count < LINES_MAX);
	snprintf(content->lines[content->count++], sizeof(content->lines[0]), "%s %s", group,
		 entry);
}

/* Numbers without zeros in front, digits of keys in lower case, addresses as they are written. */
static void in_one_spelling(char *entry, char out[HB_STORE_TEXT_SIZE])
{
	char *fields = strchr(entry, '='), text[HB_ADDR_TEXT_SIZE];
	struct hb_addr addr;
	size_t len;

	unit_require(fields);
	*fields++ = '\0';
	for (char *c = entry; *c; c++)
		*c |= *c >= 'A' && *c <= 'F' ? 'a' ^ 'A' : 0;
	len = (size_t)snprintf(out, HB_STORE_TEXT_SIZE, "%s",
			       hb_addr_parse(entry, &addr) == 0 ? hb_addr_format(&addr, text)
								: entry);
	for (int i = 0; fields; i++) {
		const char *field = strsep(&fields, "\t");

		while (i < 5 && field[0] == '0' && field[1] != '\0')
			field++;
		len += (size_t)snprintf(out + len, HB_STORE_TEXT_SIZE - len, "\t%s", field);
	}
}

static void content_of_text(struct content *content, char *text)
{
	char group[HB_STORE_TEXT_SIZE] = "", entry[HB_STORE_TEXT_SIZE];

	content->count = 0;
	for (char *line = strsep(&text, "\n"); text; line = strsep(&text, "\n")) {
		if (line[0] == '[') {
			snprintf(group, sizeof(group), "%.*s", (int)strcspn(line + 1, "]"),
				 line + 1);
		} else if (line[0] != '\0' && line[0] != '#') {
			in_one_spelling(line, entry);
			content_add(content, group, entry);
		}
	}
	qsort(content->lines, content->count, sizeof(content->lines[0]), compare_lines);
}

static void content_of_store(struct content *content)
{
	const struct hb_store *store = hb_instance_store(instance);
	char text[HB_STORE_TEXT_SIZE], entry[HB_STORE_TEXT_SIZE];
	struct hb_store_copy copy;

	content->count = 0;
	ck_assert_int_eq(hb_store_copy(store, 0, &copy), 0);
	for (size_t i = 0; i < copy.count; i++) {
		hb_store_text_write(hb_store_get_layout(store), copy.items[i], text);
		in_one_spelling(text, entry);
		content_add(content, copy.items[i]->group, entry);
	}
	hb_store_copy_free(&copy);
	qsort(content->lines, content->count, sizeof(content->lines[0]), compare_lines);
}

static void expect_content(char *text)
{
	static struct content in_file, known;

	content_of_text(&in_file, text);
	content_of_store(&known);
	unit_require(known.count == in_file.count);
	for (size_t i = 0; i < known.count; i++)
		unit_require(strcmp(known.lines[i], in_file.lines[i]) == 0);
}

/* --- what is said of a damaged file */

/* The line's number that an error names; its message ends with what can be done. */
static int line_of(const struct hb_error *err)
{
	char place[640];
	int line = 0;

	ck_assert_int_eq(err->code, HB_ERROR_STATE);
	snprintf(place, sizeof(place), "state file \"%s\", line ", scratch_file(&scratch, "state"));
	ck_assert_msg(strncmp(err->message, place, strlen(place)) == 0, "%s", err->message);
	ck_assert_int_eq(sscanf(err->message + strlen(place), "%d: ", &line), 1);
	ck_assert_msg(strstr(err->message, "or move the file away") != NULL, "%s", err->message);
	return line;
}

static void expect_untouched(size_t len)
{
	static char now[FILE_MAX];
	FILE *file = fopen(scratch_file(&scratch, "state"), "re");

	ck_assert_int_lt(hb_policy_save(policy, (struct hb_time){ .mono_ns = 0 }, NULL), 0);
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fread(now, 1, sizeof(now), file), len);
	ck_assert_mem_eq(now, damaged, len);
	fclose(file);
}

/* Loads what is damaged: 0 if it is taken, else the line that is named. */
static int load_damaged(size_t i, size_t len)
{
	struct hb_error err = { .code = HB_ERROR_NONE };
	int line = 0;

	write_state(damaged, len);
	make(i);
	if (hb_policy_load(policy, &err) == 0) {
		damaged[len] = '\0';
		expect_content(damaged);
	} else {
		line = line_of(&err);
		expect_untouched(len);
	}
	hb_policy_unref(policy);
	return line;
}

/* The number of the line that a byte is in. */
static int line_at(size_t at)
{
	int line = 1;

	for (size_t i = 0; i < at; i++)
		line += whole[i] == '\n';
	return line;
}

static void cut_everywhere(size_t i)
{
	make_whole_file(i);
	for (size_t len = 1; len < whole_len; len++) {
		memcpy(damaged, whole, len);
		ck_assert_int_eq(load_damaged(i, len), line_at(len - 1));
	}
	/* Nothing at all is what touch(1) makes. */
	ck_assert_int_eq(load_damaged(i, 0), 0);
	memcpy(damaged, whole, whole_len);
	ck_assert_int_eq(load_damaged(i, whole_len), 0);
	scratch_remove(&scratch);
}

START_TEST(a_cut_is_refused_wherever_it_is)
{
	for (size_t i = 0; i < CASES; i++)
		cut_everywhere(i);
}
END_TEST

/* What people write promises nothing: of that a cut between two lines cannot be told. */
static void cut_without_first_line(size_t i)
{
	size_t head = sizeof(STATE_HEAD) - 1;

	make_whole_file(i);
	for (size_t end = head + 1; end <= whole_len; end++) {
		bool between = whole[end - 1] == '\n';
		int line = line_at(end - 1) - 1;

		memcpy(damaged, whole + head, end - head);
		ck_assert_int_eq(load_damaged(i, end - head), between ? 0 : line);
	}
	scratch_remove(&scratch);
}

START_TEST(without_its_first_line_a_file_may_end_with_any)
{
	for (size_t i = 0; i < CASES; i++)
		cut_without_first_line(i);
}
END_TEST

/* Another digit may be as good; but it is refused, or what is known is what stands there. */
static void change_everywhere(size_t i)
{
	static const uint8_t others[] = { 0, '\n', '\t', '=', '#', '[', ']', '0', 'A', 'f', 0xff };
	unsigned taken = 0, refused = 0;

	make_whole_file(i);
	for (size_t at = 0; at < whole_len; at++) {
		for (size_t j = 0; j < sizeof(others) + 8; j++) {
			uint8_t byte = (uint8_t)whole[at];

			memcpy(damaged, whole, whole_len);
			damaged[at] = (char)(j < 8 ? byte ^ 1U << j : others[j - 8]);

			int line = load_damaged(i, whole_len);

			/* A line that became two, a group that is none now, show behind it. */
			unit_require(line == 0 || line >= line_at(at));
			taken += line == 0;
			refused += line > 0;
		}
	}
	ck_assert_uint_gt(taken, whole_len);
	ck_assert_uint_gt(refused, whole_len);
	scratch_remove(&scratch);
}

START_TEST(no_byte_that_is_other_does_more_than_it_says)
{
	for (size_t i = 0; i < CASES; i++)
		change_everywhere(i);
}
END_TEST

static bool is_tested(const char *function)
{
	for (size_t i = 0; i < CASES; i++) {
		if (strcmp(cases[i].function, function) == 0)
			return true;
	}
	return false;
}

START_TEST(each_module_with_a_file_is_tested)
{
	const struct hb_module *module;

	for (size_t i = 0; (module = hb_module_builtin_at(i)) != NULL; i++)
		ck_assert_msg((module->store != NULL) == is_tested(module->name), "%s",
			      module->name);
}
END_TEST

UNIT_MAIN("store_damage", each_module_with_a_file_is_tested, a_cut_is_refused_wherever_it_is,
	  without_its_first_line_a_file_may_end_with_any,
	  no_byte_that_is_other_does_more_than_it_says)
