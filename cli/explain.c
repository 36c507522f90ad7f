/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "ast.h"

#include <string.h>

#define RULE_SIZE 1024

static void print_rule(const struct hb_ast_text *text, FILE *out)
{
	struct hb_rule *rule = text ? hb_rule_parse(text->text, NULL) : NULL;
	char buf[RULE_SIZE];

	if (!rule)
		return;
	hb_rule_print(rule, buf, sizeof(buf));
	fprintf(out, " %s", buf);
	hb_rule_free(rule);
}

/* A clone's tag and interface are quoted, and no rules. */
static bool is_name(const struct hb_ast_statement *statement, const struct hb_ast_text *operand)
{
	const struct hb_ast_text *tag = statement->operands;

	return tag->quoted && tag->next && tag->next->next &&
	       (operand == tag || operand == tag->next->next);
}

static void print_uplink(const struct hb_ast_section *section, FILE *out)
{
	fprintf(out, "uplink %s, line %d\n", section->name->text, section->keyword->start.line);
	for (const struct hb_ast_statement *statement = section->statements; statement;
	     statement = statement->next)
		fprintf(out, "  %s %s\n", statement->key->text, statement->operands->text);
}

static void print_statement(const struct hb_ast_statement *statement, unsigned *backends, FILE *out)
{
	const char *key = statement->key->text;
	const struct hb_ast_text *operand = statement->operands;

	fprintf(out, "  %s", key);
	if (strcmp(key, "backend") == 0)
		fprintf(out, " %u", ++*backends);
	while (operand && (!operand->quoted || is_name(statement, operand))) {
		fprintf(out, " %s", operand->text);
		operand = operand->next;
	}
	if (statement->note)
		fprintf(out, " %s", statement->note);
	if (strcmp(key, "filter") == 0)
		fprintf(out, " %s", operand->text);
	else
		print_rule(operand, out);
	fputc('\n', out);
}

void hb_config_explain(const struct hb_config *config, FILE *out)
{
	unsigned targets = 0;

	for (const struct hb_ast_section *section = config->ast->sections; section;
	     section = section->next) {
		unsigned backends = 0;

		if (section->kind == HB_AST_UPLINK)
			print_uplink(section, out);
		if (section->kind != HB_AST_TARGET)
			continue;
		fprintf(out, "target %u, line %d\n", ++targets, section->keyword->start.line);
		for (const struct hb_ast_statement *statement = section->statements; statement;
		     statement = statement->next)
			print_statement(statement, &backends, out);
	}
}
