/* SPDX-License-Identifier: BSD-2-Clause */
#include "builder.h"

#include "suggest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUILTIN_MAX 64

/* A section taken apart. */
struct module_section {
	const struct hb_ast_section *section;
	const struct hb_ast_text *function;
	struct hb_setting *settings;
	size_t count;
};

static enum hb_decision defer(void *state, const struct hb_query *query)
{
	(void)state;
	(void)query;
	return HB_DECISION_DEFER;
}

/* In the place of a section with errors, so that rules which name it give no errors of their own.
 */
static const struct hb_module stand_in = {
	.abi = HB_MODULE_ABI,
	.name = "stand_in",
	.summary = "takes the place of a module that has errors",
	.decide = defer,
};

static bool has_param(const struct hb_module *module, const char *name)
{
	for (const struct hb_param *param = module->params; param && param->name; param++) {
		if (strcmp(param->name, name) == 0)
			return true;
	}
	return false;
}

/* An error about a known parameter is about its value. */
static struct hb_place place_of(const struct hb_ast_statement *statement,
				const struct hb_module *module)
{
	if (has_param(module, statement->key->text))
		return statement->operands->start;
	return statement->key->start;
}

/* Of a parameter that old configurations have. */
static void warn_ignored(struct hb_builder *builder, const struct hb_ast_statement *statement,
			 const struct hb_module *module)
{
	for (const struct hb_param *param = module->params; param && param->name; param++) {
		if (param->type == HB_PARAM_IGNORED &&
		    strcmp(param->name, statement->key->text) == 0)
			hb_diag_warning(builder->diag, statement->key->start,
					"\"%s\" has no effect: %s", param->name,
					param->help ? param->help : "it is not used any more");
	}
}

static void collect_settings(struct hb_builder *builder, struct module_section *taken,
			     const struct hb_module *module)
{
	for (const struct hb_ast_statement *statement = taken->section->statements; statement;
	     statement = statement->next) {
		struct hb_place place;

		if (strcmp(statement->key->text, "function") == 0)
			continue;
		warn_ignored(builder, statement, module);
		place = place_of(statement, module);
		taken->settings[taken->count++] = (struct hb_setting){
			.name = statement->key->text,
			.value = statement->operands->text,
			.line = place.line,
			.column = place.column,
		};
	}
}

/* Drops the setting that err is about. False if it is about none. */
static bool drop_setting(struct module_section *taken, const struct hb_error *err)
{
	for (size_t i = 0; i < taken->count; i++) {
		if (taken->settings[i].line != err->line ||
		    taken->settings[i].column != err->column)
			continue;
		taken->count--;
		memmove(&taken->settings[i], &taken->settings[i + 1],
			(taken->count - i) * sizeof(taken->settings[0]));
		return true;
	}
	return false;
}

/*
 * The library reports one error at a time: what it is about is dropped, and the rest tried again.
 * What is missing then may have been dropped before.
 */
static void add_instance(struct hb_builder *builder, struct module_section *taken,
			 const struct hb_module *module)
{
	const char *name = taken->section->name->text;
	bool complete = !taken->section->damaged;

	for (;;) {
		struct hb_error err = { 0 };
		struct hb_place place;

		if (hb_policy_add_instance(builder->policy, name, module, taken->settings,
					   taken->count, &err) == 0)
			return;
		place = (struct hb_place){ err.line, err.column };
		if (drop_setting(taken, &err)) {
			hb_diag_error(builder->diag, hb_builder_status(err.code), place, "%s",
				      err.message);
			complete = false;
			continue;
		}
		if (complete)
			hb_diag_error(builder->diag, hb_builder_status(err.code),
				      taken->section->name->start, "%s", err.message);
		hb_policy_add_instance(builder->policy, name, &stand_in, NULL, 0, NULL);
		return;
	}
}

/* @searched  says where a file of that name was looked for. */
static void refuse_unknown(struct hb_builder *builder, const struct hb_ast_text *function,
			   const char *searched)
{
	const char *names[BUILTIN_MAX], *meant;
	char list[200];
	size_t count = 0;

	while (count < BUILTIN_MAX && hb_module_builtin_at(count)) {
		names[count] = hb_module_builtin_at(count)->name;
		count++;
	}
	meant = hb_suggest(function->text, names, count);
	hb_builder_join(names, count, list, sizeof(list));
	if (meant)
		hb_builder_error(builder, function->start,
				 "unknown module function \"%s\": did you mean \"%s\"?",
				 function->text, meant);
	else
		hb_builder_error(builder, function->start,
				 "unknown module function \"%s\": built in are %s; %s",
				 function->text, list, searched);
}

/* NULL with an error reported. */
static const struct hb_module *find_module(struct hb_builder *builder,
					   const struct hb_ast_text *function)
{
	const struct hb_module *module;
	struct hb_cli_error err;

	switch (hb_modload_find(builder->modload, function->text, &module, &err)) {
	case 0:
		return module;
	case -ENOENT:
		refuse_unknown(builder, function, err.message);
		return NULL;
	default:
		hb_diag_error(builder->diag, err.status, function->start, "%s", err.message);
		return NULL;
	}
}

/* Returns the value of "function", NULL with an error reported. */
static const struct hb_ast_text *find_function(struct hb_builder *builder,
					       const struct hb_ast_section *section)
{
	const struct hb_ast_text *function = NULL;

	for (const struct hb_ast_statement *statement = section->statements; statement;
	     statement = statement->next) {
		if (strcmp(statement->key->text, "function") != 0)
			continue;
		if (function)
			hb_builder_error(builder, statement->key->start,
					 "\"function\" is already set in line %d",
					 function->start.line);
		else
			function = statement->operands;
	}
	if (!function && !section->damaged)
		hb_builder_error(builder, section->name->start,
				 "module \"%s\" has no function: expected \"function = NAME;\"",
				 section->name->text);
	return function;
}

static size_t count_statements(const struct hb_ast_section *section)
{
	size_t count = 0;

	for (const struct hb_ast_statement *statement = section->statements; statement;
	     statement = statement->next)
		count++;
	return count;
}

void hb_builder_add_module(struct hb_builder *builder, const struct hb_ast_section *section)
{
	const struct hb_ast_text *function = find_function(builder, section);
	const struct hb_module *module = function ? find_module(builder, function) : NULL;
	struct module_section taken = { .section = section, .function = function };

	if (!module) {
		hb_policy_add_instance(builder->policy, section->name->text, &stand_in, NULL, 0,
				       NULL);
		return;
	}
	taken.settings = calloc(count_statements(section) + 1, sizeof(*taken.settings));
	if (!taken.settings) {
		hb_diag_error(builder->diag, HB_EXIT_SYSTEM, section->name->start, "out of memory");
		return;
	}
	collect_settings(builder, &taken, module);
	add_instance(builder, &taken, module);
	free(taken.settings);
}
