/* SPDX-License-Identifier: BSD-2-Clause */
#include "builder.h"

#include "suggest.h"

#include <stdlib.h>
#include <string.h>

enum hb_exit hb_builder_status(enum hb_error_code code)
{
	switch (code) {
	case HB_ERROR_FILTER:
		return HB_EXIT_FILTER;
	case HB_ERROR_STATE:
		return HB_EXIT_STATE;
	case HB_ERROR_SYSTEM:
		return HB_EXIT_SYSTEM;
	default:
		return HB_EXIT_CONFIG;
	}
}

void hb_builder_join(const char *const *words, size_t count, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count && used < size; i++) {
		int length = snprintf(text + used, size - used, "%s%s", i ? ", " : "", words[i]);

		used += (size_t)length;
	}
}

void hb_builder_refuse_word(struct hb_builder *builder, struct hb_place place, const char *what,
			    const char *word, const char *const *candidates, size_t count)
{
	const char *meant = hb_suggest(word, candidates, count);
	char list[200];

	hb_builder_join(candidates, count, list, sizeof(list));
	if (meant)
		hb_builder_error(builder, place, "unknown %s \"%s\": did you mean \"%s\"?", what,
				 word, meant);
	else if (count == 0)
		hb_builder_error(builder, place, "unknown %s \"%s\": the file defines none", what,
				 word);
	else
		hb_builder_error(builder, place, "unknown %s \"%s\": expected %s%s", what, word,
				 count > 1 ? "one of " : "", list);
}

static const struct hb_ast_section *find_earlier(const struct hb_ast *ast,
						 const struct hb_ast_section *section)
{
	for (const struct hb_ast_section *other = ast->sections; other != section;
	     other = other->next) {
		if (other->kind == section->kind && other->name &&
		    strcmp(other->name->text, section->name->text) == 0)
			return other;
	}
	return NULL;
}

/* False for a second section of the same kind and name. */
static bool check_name(struct hb_builder *builder, const struct hb_ast_section *section)
{
	const struct hb_ast_section *earlier = find_earlier(builder->ast, section);

	if (!earlier)
		return true;
	hb_builder_error(builder, section->name->start, "%s \"%s\" is already defined in line %d",
			 section->keyword->text, section->name->text, earlier->name->start.line);
	return false;
}

static bool is_known(const struct hb_builder *builder, const char *name)
{
	for (size_t i = 0; i < builder->module_count; i++) {
		if (strcmp(builder->modules[i], name) == 0)
			return true;
	}
	return false;
}

/* Makes room for what sections are known by to each other. */
static int collect_names(struct hb_builder *builder)
{
	size_t count = 0;

	for (struct hb_ast_section *section = builder->ast->sections; section;
	     section = section->next)
		count++;
	builder->modules = calloc(count + 1, sizeof(*builder->modules));
	builder->uplinks = calloc(count + 1, sizeof(*builder->uplinks));
	if (!builder->modules || !builder->uplinks)
		return -1;
	for (struct hb_ast_section *section = builder->ast->sections; section;
	     section = section->next) {
		if (section->kind == HB_AST_MODULE && section->name &&
		    !is_known(builder, section->name->text))
			builder->modules[builder->module_count++] = section->name->text;
	}
	return 0;
}

static void build(struct hb_builder *builder)
{
	for (struct hb_ast_section *section = builder->ast->sections; section;
	     section = section->next) {
		if (!section->name || !check_name(builder, section))
			continue;
		if (section->kind == HB_AST_MODULE)
			hb_builder_add_module(builder, section);
		else if (section->kind == HB_AST_UPLINK)
			hb_builder_add_uplink(builder, section);
	}
	for (struct hb_ast_section *section = builder->ast->sections; section;
	     section = section->next) {
		if (section->kind == HB_AST_TARGET)
			hb_builder_add_target(builder, section);
	}
}

void hb_builder_run(const struct hb_builder_setup *setup)
{
	struct hb_builder builder = {
		.policy = setup->policy,
		.ast = setup->ast,
		.modload = setup->modload,
		.diag = setup->diag,
		.interfaces = setup->interfaces,
		.uplink_mask = setup->uplink_mask,
	};

	if (collect_names(&builder) == 0)
		build(&builder);
	else
		hb_diag_error(setup->diag, HB_EXIT_SYSTEM, (struct hb_place){ 0 }, "out of memory");
	free(builder.modules);
	free(builder.uplinks);
	free(builder.supposed);
}
