/* SPDX-License-Identifier: BSD-2-Clause */
#include "param.h"

#include "suggest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define QUOTE_MAX 64 /* how much of a culprit an error quotes */
#define LIST_SIZE 128

size_t hb_param_count(const struct hb_param *schema)
{
	size_t count = 0;

	while (schema && schema[count].name)
		count++;
	return count;
}

static bool name_ok(const char *name)
{
	size_t len =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return len > 0 && name[len] == '\0' && strcmp(name, "function") != 0;
}

/* True if a parameter of that name stands before this one. */
static bool is_repeated(const struct hb_param *schema, const struct hb_param *param)
{
	while (schema != param && strcmp(schema->name, param->name) != 0)
		schema++;
	return schema != param;
}

static bool words_ok(const struct hb_param *param)
{
	const struct hb_param_word *word = param->words;

	if (!word || !word->word)
		return false;
	for (; word->word; word++) {
		if (*word->word == '\0' || word->value < param->min || word->value > param->max)
			return false;
	}
	return true;
}

/* What is wrong with a parameter of the schema, NULL if nothing is. */
static const char *find_fault(const struct hb_param *schema, const struct hb_param *param)
{
	bool is_number = param->type == HB_PARAM_INTEGER || param->type == HB_PARAM_WORD;

	if (!name_ok(param->name))
		return "no statement can have this name";
	if (is_repeated(schema, param))
		return "there are two of this name";
	if (param->type == HB_PARAM_NONE || param->type >= HB_PARAM_COUNT)
		return "its type is unknown";
	if (is_number && param->min > param->max)
		return "its min is above its max";
	if (is_number && !param->required &&
	    (param->default_integer < param->min || param->default_integer > param->max))
		return "its default is not from min to max";
	if (param->type == HB_PARAM_WORD && !words_ok(param))
		return "it needs words, with values from min to max";
	return NULL;
}

int hb_param_check_schema(const struct hb_module *module, struct hb_error *err)
{
	const struct hb_param *schema = module->params;

	for (size_t i = 0; schema && schema[i].name; i++) {
		const char *fault;

		if (i == HB_PARAM_SCHEMA_MAX)
			return hb_error_set(
				err, HB_ERROR_CONFIG, 0,
				"the module \"%.*s\" has more than %d parameters, or no "
				"NULL name behind the last",
				QUOTE_MAX, module->name, HB_PARAM_SCHEMA_MAX);
		fault = find_fault(schema, &schema[i]);
		if (fault)
			return hb_error_set(
				err, HB_ERROR_CONFIG, 0,
				"parameter \"%.*s\" of the module \"%.*s\" is wrong: %s", QUOTE_MAX,
				schema[i].name, QUOTE_MAX, module->name, fault);
	}
	return 0;
}

/* Adds a word to a list for people: "a", "b", "c". What does not fit is left out. */
static void list_add(char list[static LIST_SIZE], const char *word)
{
	size_t len = strlen(list);

	snprintf(list + len, LIST_SIZE - len, "%s\"%.40s\"", len > 0 ? ", " : "", word);
}

static int refuse_unknown(const struct hb_module *module, const struct hb_setting *setting,
			  struct hb_error *err)
{
	const char *names[HB_PARAM_SCHEMA_MAX] = { NULL };
	char list[LIST_SIZE] = "";
	size_t count = 0;

	for (const struct hb_param *param = module->params; param && param->name; param++) {
		names[count++] = param->name;
		list_add(list, param->name);
	}

	const char *near = hb_suggest(setting->name, names, count);

	if (near)
		return hb_error_set(err, HB_ERROR_CONFIG, setting->column,
				    "unknown parameter \"%.*s\" of \"%s\": did you mean \"%s\"?",
				    QUOTE_MAX, setting->name, module->name, near);
	return hb_error_set(err, HB_ERROR_CONFIG, setting->column,
			    "unknown parameter \"%.*s\": \"%s\" takes %s", QUOTE_MAX, setting->name,
			    module->name, count > 0 ? list : "none");
}

/* Digits, with a minus sign in front where it must be. False also for what does not fit. */
static bool read_decimal(const char *text, int64_t *value)
{
	bool negative = *text == '-';
	const char *digits = text + negative;
	int64_t result = 0;

	if (*digits == '\0')
		return false;
	for (; *digits; digits++) {
		if (*digits < '0' || *digits > '9')
			return false;
		int digit = negative ? '0' - *digits : *digits - '0';
		if (__builtin_mul_overflow(result, 10, &result) ||
		    __builtin_add_overflow(result, digit, &result))
			return false;
	}
	*value = result;
	return true;
}

static bool read_in_range(const struct hb_param *param, const char *text, int64_t *value)
{
	int64_t number;

	if (!read_decimal(text, &number) || number < param->min || number > param->max)
		return false;
	*value = number;
	return true;
}

static int set_integer(const struct hb_param *param, const struct hb_setting *setting,
		       struct hb_param_value *value, struct hb_error *err)
{
	if (read_in_range(param, setting->value, &value->integer))
		return 0;
	return hb_error_set(err, HB_ERROR_CONFIG, setting->column,
			    "\"%s\" is \"%.*s\": it must be a whole number from %" PRId64
			    " to %" PRId64,
			    param->name, QUOTE_MAX, setting->value, param->min, param->max);
}

static int set_word(const struct hb_param *param, const struct hb_setting *setting,
		    struct hb_param_value *value, struct hb_error *err)
{
	char list[LIST_SIZE] = "";

	for (const struct hb_param_word *word = param->words; word && word->word; word++) {
		if (strcasecmp(setting->value, word->word) == 0) {
			value->integer = word->value;
			return 0;
		}
		list_add(list, word->word);
	}
	if (read_in_range(param, setting->value, &value->integer))
		return 0;
	return hb_error_set(err, HB_ERROR_CONFIG, setting->column,
			    "\"%s\" is \"%.*s\": it must be one of %s or a number from %" PRId64
			    " to %" PRId64,
			    param->name, QUOTE_MAX, setting->value, list, param->min, param->max);
}

static int copy_text(const char *text, struct hb_param_value *value, struct hb_error *err)
{
	value->text = strdup(text);
	if (!value->text)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for a module's parameter");
	return 0;
}

/* Two hexadecimal digits at text; -1 for anything else. */
static int read_hex(const char *text)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *high = text[0] ? strchr(digits, text[0]) : NULL;
	const char *low = high && text[1] ? strchr(digits, text[1]) : NULL;

	return low ? (int)((high - digits) % 16 * 16 + (low - digits) % 16) : -1;
}

/* Resolves the escapes of text in place. Returns the length; 0 for an unknown escape. */
static size_t unescape(char *text)
{
	char *out = text;

	for (const char *at = text; *at; at++) {
		int byte = (unsigned char)*at;

		if (*at == '\\' && *++at != '\\') {
			byte = *at == 'x' ? read_hex(at + 1) : -1;
			if (byte < 0)
				return 0;
			at += 2;
		}
		*out++ = (char)byte;
	}
	return (size_t)(out - text);
}

static int copy_bytes(const struct hb_param *param, const char *text, int column,
		      struct hb_param_value *value, struct hb_error *err)
{
	int ret = copy_text(text, value, err);

	if (ret < 0)
		return ret;
	value->len = unescape(value->text);
	if (value->len > 0)
		return 0;
	return hb_error_set(err, HB_ERROR_CONFIG, column,
			    "\"%s\" is \"%.*s\": it must be some text, with \\xHH for other bytes "
			    "and \\\\ for a backslash",
			    param->name, QUOTE_MAX, text);
}

static int copy_endpoint(const struct hb_param *param, const char *text, int column,
			 struct hb_param_value *value, struct hb_error *err)
{
	if (hb_endpoint_parse(text, &value->endpoint) == 0)
		return copy_text(text, value, err);
	return hb_error_set(err, HB_ERROR_CONFIG, column,
			    "\"%s\" is \"%.*s\": it must be an address like 10.0.0.2, 10.0.0.2:80, "
			    "2001:db8::2 or [2001:db8::2]:80",
			    param->name, QUOTE_MAX, text);
}

static int set_path(const struct hb_param *param, const struct hb_setting *setting,
		    struct hb_param_value *value, struct hb_error *err)
{
	/* Which file it is must not depend on where a program is started. */
	if (setting->value[0] != '/')
		return hb_error_set(err, HB_ERROR_CONFIG, setting->column,
				    "\"%s\" is \"%.*s\": it must be a file's absolute path",
				    param->name, QUOTE_MAX, setting->value);
	return copy_text(setting->value, value, err);
}

static int set_value(const struct hb_param *param, const struct hb_setting *setting,
		     struct hb_param_value *value, struct hb_error *err)
{
	switch (param->type) {
	case HB_PARAM_INTEGER:
		return set_integer(param, setting, value, err);
	case HB_PARAM_WORD:
		return set_word(param, setting, value, err);
	case HB_PARAM_STRING:
		return copy_text(setting->value, value, err);
	case HB_PARAM_ENDPOINT:
		return copy_endpoint(param, setting->value, setting->column, value, err);
	case HB_PARAM_IGNORED:
		return 0;
	case HB_PARAM_BYTES:
		return copy_bytes(param, setting->value, setting->column, value, err);
	case HB_PARAM_PATH:
	case HB_PARAM_FILE:
		return set_path(param, setting, value, err);
	case HB_PARAM_NONE:
	case HB_PARAM_COUNT:
		break;
	}
	return hb_error_set(
		err, HB_ERROR_CONFIG, setting->column,
		"\"%s\" has a type that this version does not know: the module is newer",
		param->name);
}

static int apply(const struct hb_module *module, const struct hb_setting *setting,
		 struct hb_param_value *values, struct hb_error *err)
{
	const struct hb_param *param = module->params;
	struct hb_param_value *value = values;

	while (param && param->name && strcmp(param->name, setting->name) != 0) {
		param++;
		value++;
	}
	if (!param || !param->name)
		return refuse_unknown(module, setting, err);
	if (value->given)
		return hb_error_set(err, HB_ERROR_CONFIG, setting->column,
				    "\"%s\" is given twice: it may be given once", param->name);
	value->given = true;
	return set_value(param, setting, value, err);
}

static int apply_default(const struct hb_module *module, const struct hb_param *param,
			 struct hb_param_value *value, struct hb_error *err)
{
	if (param->required)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "missing parameter \"%s\": \"%s\" needs it (%s)", param->name,
				    module->name, param->help ? param->help : "no default");
	value->integer = param->default_integer;
	if (!param->default_text)
		return 0;
	if (param->type == HB_PARAM_BYTES)
		return copy_bytes(param, param->default_text, 0, value, err);
	if (param->type == HB_PARAM_ENDPOINT)
		return copy_endpoint(param, param->default_text, 0, value, err);
	return copy_text(param->default_text, value, err);
}

int hb_param_check(const struct hb_module *module, const struct hb_setting *settings, size_t count,
		   struct hb_param_value *values, struct hb_error *err)
{
	size_t params = hb_param_count(module->params);

	for (size_t i = 0; i < count; i++) {
		int ret = apply(module, &settings[i], values, err);

		if (ret < 0) {
			if (err)
				err->line = settings[i].line;
			return ret;
		}
	}
	for (size_t i = 0; i < params; i++) {
		if (values[i].given)
			continue;
		int ret = apply_default(module, &module->params[i], &values[i], err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

void hb_param_clear(struct hb_param_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(values[i].text);
		values[i] = (struct hb_param_value){ 0 };
	}
}
