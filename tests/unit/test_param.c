/* SPDX-License-Identifier: BSD-2-Clause */
#include "param.h"

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	LIMIT,
	MODE,
	TITLE,
	FILE_NAME,
	OFFSET,
	VALUES,
};

static const struct hb_param_word modes[] = { { "on", 1 }, { "off", 0 }, { NULL, 0 } };

static const struct hb_param params[] = {
	[LIMIT] = { .name = "limit",
		    .type = HB_PARAM_INTEGER,
		    .required = true,
		    .min = 1,
		    .max = 100,
		    .help = "how many" },
	[MODE] = { .name = "mode",
		   .type = HB_PARAM_WORD,
		   .max = 1,
		   .default_integer = 1,
		   .words = modes },
	[TITLE] = { .name = "title", .type = HB_PARAM_STRING, .default_text = "none" },
	[FILE_NAME] = { .name = "file", .type = HB_PARAM_PATH },
	[OFFSET] = { .name = "offset",
		     .type = HB_PARAM_INTEGER,
		     .min = INT64_MIN,
		     .max = INT64_MAX },
	{ .name = NULL },
};

static const struct hb_module module = { .name = "example", .params = params };

static struct hb_param_value values[VALUES];
static struct hb_error err;

static int check(const struct hb_setting *settings, size_t count)
{
	memset(values, 0, sizeof(values));
	memset(&err, 0, sizeof(err));
	return hb_param_check(&module, settings, count, values, &err);
}

/* Checks one setting beside the one that must be there. */
static int check_one(const char *name, const char *value)
{
	const struct hb_setting settings[] = { { "limit", "5", 1, 1 }, { name, value, 7, 9 } };

	return check(settings, 2);
}

static void assert_refused(const char *name, const char *value, const char *message)
{
	ck_assert_int_eq(check_one(name, value), -EINVAL);
	ck_assert_str_eq(err.message, message);
	ck_assert_int_eq(err.code, HB_ERROR_CONFIG);
	ck_assert_int_eq(err.line, 7);
	ck_assert_int_eq(err.column, 9);
	hb_param_clear(values, VALUES);
}

START_TEST(defaults_fill_what_is_not_given)
{
	const struct hb_setting settings[] = { { "limit", "42", 1, 1 } };

	ck_assert_int_eq(check(settings, 1), 0);
	ck_assert_int_eq(values[LIMIT].integer, 42);
	ck_assert_int_eq(values[MODE].integer, 1);
	ck_assert_str_eq(values[TITLE].text, "none");
	ck_assert_ptr_null(values[FILE_NAME].text);
	ck_assert_int_eq(values[OFFSET].integer, 0);
	hb_param_clear(values, VALUES);
	ck_assert_ptr_null(values[TITLE].text);
}
END_TEST

START_TEST(each_type_is_read)
{
	const struct hb_setting settings[] = {
		{ "offset", "-9223372036854775808", 1, 1 },
		{ "file", "/tmp/x y", 2, 1 },
		{ "title", "", 3, 1 },
		{ "mode", "OFF", 4, 1 },
		{ "limit", "100", 5, 1 },
	};

	ck_assert_int_eq(check(settings, 5), 0);
	ck_assert_int_eq(values[LIMIT].integer, 100);
	ck_assert_int_eq(values[MODE].integer, 0);
	ck_assert_str_eq(values[TITLE].text, "");
	ck_assert_str_eq(values[FILE_NAME].text, "/tmp/x y");
	ck_assert(values[OFFSET].integer == INT64_MIN);
	hb_param_clear(values, VALUES);
}
END_TEST

START_TEST(a_word_may_be_its_number)
{
	ck_assert_int_eq(check_one("mode", "0"), 0);
	ck_assert_int_eq(values[MODE].integer, 0);
	hb_param_clear(values, VALUES);
	ck_assert_int_eq(check_one("mode", "on"), 0);
	ck_assert_int_eq(values[MODE].integer, 1);
	hb_param_clear(values, VALUES);
	assert_refused("mode", "2",
		       "\"mode\" is \"2\": it must be one of \"on\", \"off\" or a number from 0 to "
		       "1");
	assert_refused(
		"mode", "maybe",
		"\"mode\" is \"maybe\": it must be one of \"on\", \"off\" or a number from 0 "
		"to 1");
}
END_TEST

START_TEST(a_number_is_whole_and_in_its_range)
{
	static const char *const wrong[] = {
		"",   "0",  "101", "-1",  "5x",  "x5", " 5",
		"5 ", "+5", "0x5", "5.0", "1e1", "-",  "18446744073709551621"
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		const struct hb_setting settings[] = { { "limit", wrong[i], 3, 4 } };
		char message[240];

		snprintf(message, sizeof(message),
			 "\"limit\" is \"%s\": it must be a whole number from 1 to 100", wrong[i]);
		ck_assert_int_eq(check(settings, 1), -EINVAL);
		ck_assert_str_eq(err.message, message);
		ck_assert_int_eq(err.line, 3);
		ck_assert_int_eq(err.column, 4);
	}
	ck_assert_int_eq(check_one("offset", "9223372036854775807"), 0);
	ck_assert(values[OFFSET].integer == INT64_MAX);
	hb_param_clear(values, VALUES);
	ck_assert_int_eq(check_one("offset", "9223372036854775808"), -EINVAL);
	hb_param_clear(values, VALUES);
	ck_assert_int_eq(check_one("offset", ""), -EINVAL);
	hb_param_clear(values, VALUES);
	ck_assert_int_eq(check_one("offset", "-"), -EINVAL);
	hb_param_clear(values, VALUES);
	ck_assert_int_eq(check_one("offset", "-9223372036854775809"), -EINVAL);
	hb_param_clear(values, VALUES);
}
END_TEST

START_TEST(an_unknown_parameter_gets_a_suggestion)
{
	assert_refused("limmit", "5",
		       "unknown parameter \"limmit\" of \"example\": did you mean \"limit\"?");
	assert_refused("colour", "5",
		       "unknown parameter \"colour\": \"example\" takes \"limit\", \"mode\", "
		       "\"title\", \"file\", \"offset\"");
}
END_TEST

START_TEST(a_module_without_parameters_takes_none)
{
	const struct hb_module plain = { .name = "plain" };
	const struct hb_setting settings[] = { { "value", "5", 3, 4 } };

	ck_assert_uint_eq(hb_param_count(NULL), 0);
	ck_assert_int_eq(hb_param_check(&plain, NULL, 0, NULL, NULL), 0);
	ck_assert_int_eq(hb_param_check(&plain, settings, 1, NULL, &err), -EINVAL);
	ck_assert_str_eq(err.message, "unknown parameter \"value\": \"plain\" takes none");
	ck_assert_int_eq(err.line, 3);
}
END_TEST

START_TEST(a_parameter_is_given_once)
{
	assert_refused("limit", "6", "\"limit\" is given twice: it may be given once");
}
END_TEST

START_TEST(a_required_parameter_must_be_given)
{
	const struct hb_setting settings[] = { { "mode", "on", 3, 4 } };

	ck_assert_int_eq(check(settings, 1), -EINVAL);
	ck_assert_str_eq(err.message,
			 "missing parameter \"limit\": \"example\" needs it (how many)");
	ck_assert_int_eq(err.column, 0);
	hb_param_clear(values, VALUES);
}
END_TEST

START_TEST(a_path_is_absolute)
{
	assert_refused("file", "", "\"file\" is \"\": it must be a file's absolute path");
	assert_refused("file", "x/y", "\"file\" is \"x/y\": it must be a file's absolute path");
}
END_TEST

/* Text with escapes, and what it stands for. */
static const struct hb_param byte_params[] = {
	{ .name = "bytes", .type = HB_PARAM_BYTES },
	{ .name = "more", .type = HB_PARAM_BYTES, .default_text = "\\x00." },
	{ .name = "list", .type = HB_PARAM_FILE },
	{ .name = "at", .type = HB_PARAM_ENDPOINT, .default_text = "10.0.0.1:80" },
	{ .name = "old", .type = HB_PARAM_IGNORED },
	{ .name = NULL },
};
static const struct hb_module of_bytes = { .name = "of_bytes", .params = byte_params };

START_TEST(bytes_have_escapes)
{
	static const struct {
		const char *text, *bytes;
		size_t len;
	} cases[] = {
		{ "a", "a", 1 },
		{ "\\x41", "A", 1 },
		{ "\\x00\\xff\\xFf\\xaB", "\0\xff\xff\xab", 4 },
		{ "\\\\x41", "\\x41", 4 },
		{ "\\x411", "A1", 2 },
		{ " \t\"", " \t\"", 3 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct hb_setting setting = { "bytes", cases[i].text, 7, 9 };

		memset(values, 0, sizeof(values));
		ck_assert_int_eq(hb_param_check(&of_bytes, &setting, 1, values, &err), 0);
		ck_assert_uint_eq(values[0].len, cases[i].len);
		ck_assert_mem_eq(values[0].text, cases[i].bytes, cases[i].len);
		ck_assert_uint_eq(values[1].len, 2);
		ck_assert_mem_eq(values[1].text, "\0.", 2);
		hb_param_clear(values, VALUES);
	}
}
END_TEST

START_TEST(other_escapes_are_refused)
{
	static const char *const texts[] = {
		"", "\\", "a\\", "\\x", "\\x4", "\\xg0", "\\x4g", "\\n"
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct hb_setting setting = { "bytes", texts[i], 7, 9 };
		char message[240];

		memset(values, 0, sizeof(values));
		ck_assert_int_eq(hb_param_check(&of_bytes, &setting, 1, values, &err), -EINVAL);
		snprintf(
			message, sizeof(message),
			"\"bytes\" is \"%s\": it must be some text, with \\xHH for other bytes and "
			"\\\\ for a backslash",
			texts[i]);
		ck_assert_str_eq(err.message, message);
		ck_assert_int_eq(err.column, 9);
		hb_param_clear(values, VALUES);
	}
}
END_TEST

START_TEST(a_file_to_read_is_absolute)
{
	const struct hb_setting good = { "list", "/a b", 7, 9 }, bad = { "list", "a", 7, 9 };

	memset(values, 0, sizeof(values));
	ck_assert_int_eq(hb_param_check(&of_bytes, &good, 1, values, &err), 0);
	ck_assert_str_eq(values[2].text, "/a b");
	hb_param_clear(values, VALUES);
	ck_assert_int_eq(hb_param_check(&of_bytes, &bad, 1, values, &err), -EINVAL);
	hb_param_clear(values, VALUES);
}
END_TEST

START_TEST(an_endpoint_is_read)
{
	const struct hb_setting good = { "at", "[2001:db8::2]:8080", 7, 9 };
	const struct hb_setting bad = { "at", "10.0.0.2:http", 7, 9 };
	char text[HB_ENDPOINT_TEXT_SIZE];

	memset(values, 0, sizeof(values));
	ck_assert_int_eq(hb_param_check(&of_bytes, &good, 1, values, &err), 0);
	ck_assert_str_eq(hb_endpoint_format(&values[3].endpoint, text), good.value);
	hb_param_clear(values, VALUES);
	ck_assert_int_eq(hb_param_check(&of_bytes, NULL, 0, values, &err), 0);
	ck_assert_str_eq(hb_endpoint_format(&values[3].endpoint, text), "10.0.0.1:80");
	hb_param_clear(values, VALUES);
	ck_assert_int_eq(hb_param_check(&of_bytes, &bad, 1, values, &err), -EINVAL);
	ck_assert_str_eq(err.message, "\"at\" is \"10.0.0.2:http\": it must be an address like "
				      "10.0.0.2, 10.0.0.2:80, 2001:db8::2 or [2001:db8::2]:80");
	ck_assert_int_eq(err.column, 9);
	hb_param_clear(values, VALUES);
}
END_TEST

START_TEST(what_is_ignored_may_be_anything)
{
	const struct hb_setting settings[] = { { "old", "/x:y\\", 7, 9 }, { "old", "1", 8, 9 } };

	memset(values, 0, sizeof(values));
	ck_assert_int_eq(hb_param_check(&of_bytes, settings, 1, values, &err), 0);
	ck_assert_ptr_null(values[4].text);
	hb_param_clear(values, VALUES);
	ck_assert_int_eq(hb_param_check(&of_bytes, settings, 2, values, &err), -EINVAL);
	hb_param_clear(values, VALUES);
}
END_TEST

START_TEST(a_long_value_is_quoted_in_part)
{
	char value[1000];

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	ck_assert_int_eq(check_one("offset", value), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "xxx\": it must be a whole number"));
	hb_param_clear(values, VALUES);
}
END_TEST

START_TEST(a_type_that_is_not_understood_is_refused)
{
	const struct hb_param newer[] = { { .name = "x", .type = HB_PARAM_COUNT },
					  { .name = NULL } };
	const struct hb_setting settings[] = { { "x", "5", 3, 4 } };
	const struct hb_module strange = { .name = "strange", .params = newer };
	struct hb_param_value value[1] = { { .given = false } };

	ck_assert_int_eq(hb_param_check(&strange, settings, 1, value, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "the module is newer"));
}
END_TEST

static int check_schema(const struct hb_param *schema)
{
	const struct hb_module odd = { .name = "odd", .params = schema };

	memset(&err, 0, sizeof(err));
	return hb_param_check_schema(&odd, &err);
}

static void assert_faulty(struct hb_param param, const char *fault)
{
	const struct hb_param schema[] = { { .name = "twin", .type = HB_PARAM_STRING },
					   param,
					   { .name = NULL } };
	char message[240];

	snprintf(message, sizeof(message), "parameter \"%s\" of the module \"odd\" is wrong: %s",
		 param.name, fault);
	ck_assert_int_eq(check_schema(schema), -EINVAL);
	ck_assert_str_eq(err.message, message);
	ck_assert_int_eq(err.code, HB_ERROR_CONFIG);
}

START_TEST(a_schema_in_order_is_accepted)
{
	const struct hb_param edges[] = {
		{ .name = "one",
		  .type = HB_PARAM_INTEGER,
		  .min = 7,
		  .max = 7,
		  .default_integer = 7 },
		{ .name = "two", .type = HB_PARAM_INTEGER, .required = true, .min = 1, .max = 2 },
		{ .name = "Three_3", .type = HB_PARAM_PATH },
		{ .name = NULL },
	};

	ck_assert_int_eq(check_schema(NULL), 0);
	ck_assert_int_eq(check_schema(params), 0);
	ck_assert_int_eq(check_schema(edges), 0);
	for (size_t i = 0; hb_module_builtin_at(i); i++)
		ck_assert_int_eq(hb_param_check_schema(hb_module_builtin_at(i), &err), 0);
}
END_TEST

START_TEST(names_in_a_schema_can_be_written_and_differ)
{
	const char name[] = "no statement can have this name";

	assert_faulty((struct hb_param){ "", HB_PARAM_STRING }, name);
	assert_faulty((struct hb_param){ "a b", HB_PARAM_STRING }, name);
	assert_faulty((struct hb_param){ "a;", HB_PARAM_STRING }, name);
	assert_faulty((struct hb_param){ "function", HB_PARAM_STRING }, name);
	assert_faulty((struct hb_param){ "twin", HB_PARAM_STRING }, "there are two of this name");
}
END_TEST

START_TEST(types_and_ranges_in_a_schema_make_sense)
{
	const char range[] = "its default is not from min to max";

	assert_faulty((struct hb_param){ "x", HB_PARAM_NONE }, "its type is unknown");
	assert_faulty((struct hb_param){ "x", HB_PARAM_COUNT }, "its type is unknown");
	assert_faulty((struct hb_param){ "x", HB_PARAM_INTEGER, .min = 2, .max = 1 },
		      "its min is above its max");
	assert_faulty((struct hb_param){ "x", HB_PARAM_INTEGER, .min = 1, .max = 2 }, range);
	assert_faulty((struct hb_param){ "x", HB_PARAM_INTEGER, .max = 2, .default_integer = 3 },
		      range);
}
END_TEST

START_TEST(a_word_parameter_has_words_in_its_range)
{
	const char fault[] = "it needs words, with values from min to max";
	const struct hb_param_word none[] = { { NULL, 0 } }, empty[] = { { "", 0 }, { NULL, 0 } };
	const struct hb_param_word beyond[] = { { "a", 0 }, { "b", 2 }, { NULL, 0 } };

	assert_faulty((struct hb_param){ "x", HB_PARAM_WORD, .max = 1 }, fault);
	assert_faulty((struct hb_param){ "x", HB_PARAM_WORD, .max = 1, .words = none }, fault);
	assert_faulty((struct hb_param){ "x", HB_PARAM_WORD, .max = 1, .words = empty }, fault);
	assert_faulty((struct hb_param){ "x", HB_PARAM_WORD, .max = 1, .words = beyond }, fault);
}
END_TEST

START_TEST(a_schema_has_an_end)
{
	struct hb_param many[HB_PARAM_SCHEMA_MAX + 2] = { { .name = NULL } };
	char names[HB_PARAM_SCHEMA_MAX + 1][8];

	for (size_t i = 0; i <= HB_PARAM_SCHEMA_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "x%zu", i);
		many[i] = (struct hb_param){ .name = names[i], .type = HB_PARAM_STRING };
	}
	ck_assert_int_eq(check_schema(many), -EINVAL);
	ck_assert_str_eq(err.message, "the module \"odd\" has more than 32 parameters, or no NULL "
				      "name behind the last");
	many[HB_PARAM_SCHEMA_MAX].name = NULL;
	ck_assert_int_eq(check_schema(many), 0);
}
END_TEST

UNIT_MAIN("param", defaults_fill_what_is_not_given, each_type_is_read, a_word_may_be_its_number,
	  a_number_is_whole_and_in_its_range, an_unknown_parameter_gets_a_suggestion,
	  a_module_without_parameters_takes_none, a_parameter_is_given_once,
	  a_required_parameter_must_be_given, a_path_is_absolute, bytes_have_escapes,
	  other_escapes_are_refused, a_file_to_read_is_absolute, an_endpoint_is_read,
	  what_is_ignored_may_be_anything, a_long_value_is_quoted_in_part,
	  a_type_that_is_not_understood_is_refused, a_schema_in_order_is_accepted,
	  names_in_a_schema_can_be_written_and_differ, types_and_ranges_in_a_schema_make_sense,
	  a_word_parameter_has_words_in_its_range, a_schema_has_an_end)
