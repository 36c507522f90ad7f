/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings.h"

#include "suggest.h"
#include "value.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum key_kind {
	KEY_BOOL = 0,
	KEY_NUMBER, /* uint32_t */
	KEY_SIZE,   /* uint64_t */
	KEY_TEXT,
	KEY_OUTPUT,
	KEY_FORMAT,
	KEY_WITHOUT_EFFECT, /* taken, since configurations have it, with a warning */
};

struct key {
	const char *name;
	enum key_kind kind;
	size_t offset; /* in struct hb_config */
	uint64_t min, max;
	uint32_t scale; /* the field's units per unit of the file; 0 is 1 */
};

#define AT(field) offsetof(struct hb_config, field)
#define YEAR_S 31536000
#define SPACE " \t\r\n"

static const struct key keys[] = {
	{ "daemonize", KEY_BOOL, AT(daemonize) },
	{ "debug", KEY_BOOL, AT(debug) },
	{ "debug_file", KEY_WITHOUT_EFFECT },
	{ "deny_hih_init", KEY_BOOL, AT(options.deny_hih_init) },
	{ "established_timeout", KEY_NUMBER, AT(options.established_timeout_s), 1, YEAR_S },
	{ "exec_directory", KEY_TEXT, AT(exec_directory) },
	{ "expiration_delay", KEY_NUMBER, AT(options.expiration_delay_s), 1, YEAR_S },
	{ "handover_timeout", KEY_NUMBER, AT(options.handover_timeout_ms), 1, 3600, 1000 },
	{ "log_directory", KEY_TEXT, AT(log_directory) },
	{ "log_file", KEY_TEXT, AT(log_file) },
	{ "log_format", KEY_FORMAT },
	{ "log_rotation", KEY_BOOL, AT(log_rotation) },
	{ "log_verbose", KEY_BOOL, AT(log_verbose) },
	{ "max_flow_buffer", KEY_NUMBER, AT(options.max_flow_buffer_bytes), 1, INT32_MAX },
	{ "max_flows", KEY_NUMBER, AT(options.max_flows), 1, 100000000 },
	{ "max_packet_buffer", KEY_NUMBER, AT(options.max_packet_buffer), 0, INT32_MAX },
	{ "max_total_buffer", KEY_SIZE, AT(options.max_total_buffer_bytes), 1, UINT64_C(1) << 40 },
	{ "module_directory", KEY_TEXT, AT(module_directory) },
	{ "mysql_db", KEY_WITHOUT_EFFECT },
	{ "mysql_host", KEY_WITHOUT_EFFECT },
	{ "mysql_password", KEY_WITHOUT_EFFECT },
	{ "mysql_port", KEY_WITHOUT_EFFECT },
	{ "mysql_user", KEY_WITHOUT_EFFECT },
	{ "outgoing_queue", KEY_NUMBER, AT(outgoing_queue), 0, UINT16_MAX },
	{ "output", KEY_OUTPUT },
	{ "own_mark", KEY_NUMBER, AT(own_mark), 1, UINT32_MAX },
	{ "proof_mark", KEY_NUMBER, AT(proof_mark), 1, UINT32_MAX },
	{ "reset_ext", KEY_BOOL, AT(options.reset_ext) },
	{ "uplink_mask", KEY_NUMBER, AT(uplink_mask), 0, UINT32_MAX },
	{ "vmi_server_ip", KEY_WITHOUT_EFFECT },
	{ "vmi_server_port", KEY_WITHOUT_EFFECT },
	{ "workers", KEY_NUMBER, AT(workers), 1, HB_CONFIG_WORKERS_MAX },
	{ "xmpp_channel", KEY_WITHOUT_EFFECT },
	{ "xmpp_db", KEY_WITHOUT_EFFECT },
	{ "xmpp_debug", KEY_WITHOUT_EFFECT },
	{ "xmpp_domain", KEY_WITHOUT_EFFECT },
	{ "xmpp_fifo", KEY_WITHOUT_EFFECT },
	{ "xmpp_listener", KEY_WITHOUT_EFFECT },
	{ "xmpp_password", KEY_WITHOUT_EFFECT },
	{ "xmpp_server", KEY_WITHOUT_EFFECT },
	{ "xmpp_user", KEY_WITHOUT_EFFECT },
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

/* The original's numbers 1 to 4 stand for the first four. */
static const struct output_word {
	const char *word;
	const char *number; /* NULL: it had none */
	unsigned bit;       /* 0: not in this build */
} outputs[] = {
	{ "syslog", "1", HB_OUTPUT_SYSLOG },
	{ "stdout", "2", HB_OUTPUT_STDOUT },
	{ "files", "3", HB_OUTPUT_FILES },
	{ "mysql", "4", 0 },
	{ "sqlite", NULL, 0 },
	{ "json", NULL, 0 },
};

#define OUTPUT_COUNT (sizeof(outputs) / sizeof(outputs[0]))

struct context {
	struct hb_config *config;
	struct hb_diag *diag;
	const struct hb_ast_text *seen[KEY_COUNT]; /* the value that set it */
};

static void set_defaults(struct hb_config *config)
{
	hb_options_default(&config->options);
	config->outputs = HB_OUTPUT_FILES;
	config->exec_directory = HB_CONFIG_EXEC_DIRECTORY;
	config->log_directory = "/var/log/honeybrid";
	config->log_file = "honeybrid.log";
	config->module_directory = HB_MODULE_DIRECTORY;
	config->uplink_mask = UINT32_C(0xffff);
	config->proof_mark = UINT32_C(0x40000000);
	config->own_mark = UINT32_C(0x80000000);
	config->workers = 1;
	config->outgoing_queue = HB_CONFIG_NO_QUEUE;
}

static void *field(struct context *context, const struct key *key)
{
	return (char *)context->config + key->offset;
}

static void set_bool(struct context *context, const struct key *key,
		     const struct hb_ast_text *value)
{
	if (!hb_value_read_bool(value->text, field(context, key)))
		hb_diag_error(context->diag, HB_EXIT_CONFIG, value->start,
			      "\"%s\" is \"%s\": expected yes or no", key->name, value->text);
}

static void set_number(struct context *context, const struct key *key,
		       const struct hb_ast_text *value)
{
	uint64_t number;

	if (!hb_value_read_number(value->text, &number) || number < key->min || number > key->max)
		hb_diag_error(context->diag, HB_EXIT_CONFIG, value->start,
			      "\"%s\" is \"%s\": expected a whole number from %" PRIu64
			      " to %" PRIu64,
			      key->name, value->text, key->min, key->max);
	else if (key->kind == KEY_SIZE)
		*(uint64_t *)field(context, key) = number;
	else
		*(uint32_t *)field(context, key) = (uint32_t)number * (key->scale ? key->scale : 1);
}

static void set_text(struct context *context, const struct key *key,
		     const struct hb_ast_text *value)
{
	if (*value->text)
		*(const char **)field(context, key) = value->text;
	else
		hb_diag_error(context->diag, HB_EXIT_CONFIG, value->start,
			      "\"%s\" is empty: expected a name", key->name);
}

static void refuse_output(struct context *context, struct hb_place place, const char *word)
{
	const char *words[OUTPUT_COUNT];
	const char *meant;

	for (size_t i = 0; i < OUTPUT_COUNT; i++)
		words[i] = outputs[i].word;
	meant = hb_suggest(word, words, OUTPUT_COUNT);
	if (meant)
		hb_diag_error(context->diag, HB_EXIT_CONFIG, place,
			      "unknown output \"%s\": did you mean \"%s\"?", word, meant);
	else
		hb_diag_error(context->diag, HB_EXIT_CONFIG, place,
			      "unknown output \"%s\": expected syslog, stdout or files", word);
}

static void add_output(struct context *context, struct hb_place place, const char *word)
{
	for (size_t i = 0; i < OUTPUT_COUNT; i++) {
		const char *number = outputs[i].number;

		if (strcasecmp(word, outputs[i].word) != 0 &&
		    (!number || strcmp(word, number) != 0))
			continue;
		context->config->outputs |= outputs[i].bit;
		if (!outputs[i].bit)
			hb_diag_error(context->diag, HB_EXIT_CONFIG, place,
				      "output \"%s\" is not available in this build",
				      outputs[i].word);
		return;
	}
	refuse_output(context, place, word);
}

/* Without the white space at its end. */
static size_t word_length(const char *word)
{
	size_t length = strlen(word);

	while (length > 0 && strchr(SPACE, word[length - 1]))
		length--;
	return length;
}

/* Words or numbers with commas between them. */
static void set_outputs(struct context *context, const struct hb_ast_text *value)
{
	const char *at = value->text;

	context->config->outputs = 0;
	for (;;) {
		char word[32];
		size_t length;

		at += strspn(at, SPACE);
		length = strcspn(at, ",");
		snprintf(word, sizeof(word), "%.*s", (int)length, at);
		word[word_length(word)] = '\0';
		add_output(context, hb_ast_text_locate(value, (int)(at - value->text) + 1), word);
		at += length;
		if (*at++ == '\0')
			return;
	}
}

static void check_format(struct context *context, const struct hb_ast_text *value)
{
	if (strcasecmp(value->text, "csv") == 0 || strcasecmp(value->text, "json") == 0)
		hb_diag_error(context->diag, HB_EXIT_CONFIG, value->start,
			      "log_format \"%s\" is not available in this build", value->text);
	else if (strcasecmp(value->text, "text") != 0)
		hb_diag_error(context->diag, HB_EXIT_CONFIG, value->start,
			      "unknown log_format \"%s\": expected text", value->text);
}

static void set(struct context *context, const struct key *key,
		const struct hb_ast_statement *statement)
{
	const struct hb_ast_text *value = statement->operands;

	switch (key->kind) {
	case KEY_BOOL:
		set_bool(context, key, value);
		break;
	case KEY_NUMBER:
	case KEY_SIZE:
		set_number(context, key, value);
		break;
	case KEY_TEXT:
		set_text(context, key, value);
		break;
	case KEY_OUTPUT:
		set_outputs(context, value);
		break;
	case KEY_FORMAT:
		check_format(context, value);
		break;
	case KEY_WITHOUT_EFFECT:
		hb_diag_warning(context->diag, statement->key->start,
				"\"%s\" has no effect in this build", key->name);
		break;
	}
}

static void refuse_key(struct context *context, const struct hb_ast_text *key)
{
	const char *names[KEY_COUNT];
	const char *meant;

	for (size_t i = 0; i < KEY_COUNT; i++)
		names[i] = keys[i].name;
	meant = hb_suggest(key->text, names, KEY_COUNT);
	if (meant)
		hb_diag_error(context->diag, HB_EXIT_CONFIG, key->start,
			      "unknown key \"%s\": did you mean \"%s\"?", key->text, meant);
	else
		hb_diag_error(context->diag, HB_EXIT_CONFIG, key->start,
			      "unknown key \"%s\": honeybrid.conf(5) lists them", key->text);
}

static void apply(struct context *context, const struct hb_ast_statement *statement)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (strcmp(statement->key->text, keys[i].name) != 0)
			continue;
		if (context->seen[i]) {
			hb_diag_error(context->diag, HB_EXIT_CONFIG, statement->key->start,
				      "\"%s\" is already set in line %d", keys[i].name,
				      context->seen[i]->start.line);
			return;
		}
		context->seen[i] = statement->operands;
		set(context, &keys[i], statement);
		return;
	}
	refuse_key(context, statement->key);
}

static const struct hb_ast_text *seen(const struct context *context, const char *name)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (strcmp(keys[i].name, name) == 0)
			return context->seen[i];
	}
	return NULL;
}

/* Each mark must be told from the others in one 32-bit number. */
static void check_marks(struct context *context)
{
	static const char *const names[] = { "own_mark", "proof_mark", "uplink_mask" };
	const struct hb_config *config = context->config;

	if (!(config->own_mark & config->proof_mark) && !(config->own_mark & config->uplink_mask) &&
	    !(config->proof_mark & config->uplink_mask))
		return;
	for (size_t i = 0; i < 3; i++) {
		const struct hb_ast_text *value = seen(context, names[i]);

		if (!value)
			continue;
		hb_diag_error(context->diag, HB_EXIT_CONFIG, value->start,
			      "own_mark %#" PRIx32 ", proof_mark %#" PRIx32
			      " and uplink_mask %#" PRIx32 " have bits in common",
			      config->own_mark, config->proof_mark, config->uplink_mask);
		return;
	}
}

static void check_background(struct context *context)
{
	if (context->config->daemonize && (context->config->outputs & HB_OUTPUT_STDOUT))
		hb_diag_error(context->diag, HB_EXIT_CONFIG, seen(context, "daemonize")->start,
			      "output stdout needs the foreground: expected daemonize no");
}

static void check_module_directory(struct context *context)
{
	const char *directory = context->config->module_directory;

	/* Whose code is run must not depend on where the daemon is started. */
	if (directory[0] != '/')
		hb_diag_error(
			context->diag, HB_EXIT_CONFIG, seen(context, "module_directory")->start,
			"\"module_directory\" is \"%s\": expected an absolute path", directory);
}

void hb_settings_apply(struct hb_config *config, const struct hb_ast *ast, struct hb_diag *diag)
{
	struct context context = { .config = config, .diag = diag };

	set_defaults(config);
	for (const struct hb_ast_section *section = ast->sections; section;
	     section = section->next) {
		if (section->kind != HB_AST_CONFIG)
			continue;
		for (const struct hb_ast_statement *statement = section->statements; statement;
		     statement = statement->next)
			apply(&context, statement);
	}
	check_marks(&context);
	check_background(&context);
	check_module_directory(&context);
}

/* What the engine is told can change while it runs; so can where modules are looked for. */
static bool is_for_policy(const struct key *key)
{
	return (key->offset >= AT(options) &&
		key->offset < AT(options) + sizeof(struct hb_options)) ||
	       key->offset == AT(module_directory);
}

static bool differs(const struct key *key, const struct hb_config *a, const struct hb_config *b)
{
	const void *x = (const char *)a + key->offset, *y = (const char *)b + key->offset;

	switch (key->kind) {
	case KEY_BOOL:
		return *(const bool *)x != *(const bool *)y;
	case KEY_NUMBER:
		return *(const uint32_t *)x != *(const uint32_t *)y;
	case KEY_TEXT:
		return strcmp(*(const char *const *)x, *(const char *const *)y) != 0;
	case KEY_OUTPUT:
		return a->outputs != b->outputs;
	default:
		return false;
	}
}

size_t hb_settings_compare(const struct hb_config *a, const struct hb_config *b,
			   const char *names[HB_SETTINGS_MAX])
{
	size_t count = 0;

	static_assert(KEY_COUNT <= HB_SETTINGS_MAX, "each key needs room");
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (!is_for_policy(&keys[i]) && differs(&keys[i], a, b))
			names[count++] = keys[i].name;
	}
	return count;
}
