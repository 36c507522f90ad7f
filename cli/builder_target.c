/* SPDX-License-Identifier: BSD-2-Clause */
#include "builder.h"

#include <string.h>

enum keyword {
	KEYWORD_FILTER = 0,
	KEYWORD_FRONTEND,
	KEYWORD_BACKEND,
	KEYWORD_BACKPICK,
	KEYWORD_CONTROL,
	KEYWORD_LIMIT, /* another name of control */
	KEYWORD_ON_FAILURE,
	KEYWORD_COUNT
};

static const char *const keywords[KEYWORD_COUNT] = {
	[KEYWORD_FILTER] = "filter",         [KEYWORD_FRONTEND] = "frontend",
	[KEYWORD_BACKEND] = "backend",       [KEYWORD_BACKPICK] = "backpick",
	[KEYWORD_CONTROL] = "control",       [KEYWORD_LIMIT] = "limit",
	[KEYWORD_ON_FAILURE] = "on_failure",
};

static const char *const on_failure_words[HB_ON_FAILURE_COUNT] = {
	[HB_ON_FAILURE_FRONTEND] = "frontend",
	[HB_ON_FAILURE_RESET] = "reset",
	[HB_ON_FAILURE_DROP] = "drop",
};

struct target {
	struct hb_builder *builder;
	struct hb_target *made;
	const struct hb_ast_statement *seen[KEYWORD_COUNT];
	const struct hb_ast_text *first_address; /* all others must be of its family */
	bool is_ipv4;
};

static enum keyword find_keyword(const char *word)
{
	enum keyword keyword = KEYWORD_FILTER;

	while (keyword < KEYWORD_COUNT && strcmp(word, keywords[keyword]) != 0)
		keyword++;
	return keyword;
}

/* An error of the library about a text, or if it has no column, about all of it. */
static void report(struct target *target, const struct hb_ast_text *text,
		   const struct hb_error *err)
{
	hb_diag_error(target->builder->diag, hb_builder_status(err->code),
		      hb_ast_text_locate(text, err->column), "%s", err->message);
}

/* True if there are min to max operands; usage shows how the statement is written. */
static bool check_count(struct target *target, const struct hb_ast_statement *statement, int min,
			int max, const char *usage)
{
	const struct hb_ast_text *operand = statement->operands;
	int count = 0;

	while (operand && count < max) {
		operand = operand->next;
		count++;
	}
	if (operand)
		hb_builder_error(target->builder, operand->start, "unexpected \"%s\": expected %s",
				 operand->text, usage);
	else if (count < min)
		hb_builder_error(target->builder, statement->key->start,
				 "\"%s\" is incomplete: expected %s", statement->key->text, usage);
	return !operand && count >= min;
}

static bool check_quoted(struct target *target, const struct hb_ast_text *text, const char *what)
{
	if (!text->quoted)
		hb_builder_error(target->builder, text->start,
				 "%s stands in quotes: expected \"%s\"", what, text->text);
	return text->quoted;
}

static bool check_leaf(struct target *target, const struct hb_ast_text *text,
		       const struct hb_rule *rule, size_t leaf)
{
	struct hb_builder *builder = target->builder;
	const char *name = hb_rule_leaf_name(rule, leaf);

	for (size_t i = 0; i < builder->module_count; i++) {
		if (strcmp(builder->modules[i], name) == 0)
			return true;
	}
	hb_builder_refuse_word(builder, hb_ast_text_locate(text, hb_rule_leaf_column(rule, leaf)),
			       "module", name, builder->modules, builder->module_count);
	return false;
}

/* Reports every unknown name of a rule, where the library would report the first. */
static bool check_rule(struct target *target, const struct hb_ast_text *text)
{
	struct hb_error err = { 0 };
	struct hb_rule *rule;
	bool right = true;

	if (!check_quoted(target, text, "a rule"))
		return false;
	rule = hb_rule_parse(text->text, &err);
	if (!rule) {
		report(target, text, &err);
		return false;
	}
	for (size_t i = 0; i < hb_rule_leaf_count(rule); i++)
		right &= check_leaf(target, text, rule, i);
	hb_rule_free(rule);
	return right;
}

static bool read_address(struct target *target, const struct hb_ast_text *text,
			 struct hb_endpoint *endpoint)
{
	if (hb_endpoint_parse(text->text, endpoint) < 0) {
		hb_builder_error(target->builder, text->start,
				 "\"%s\" is not an address: expected one like 10.0.0.2, "
				 "10.0.0.2:80, 2001:db8::2 or [2001:db8::2]:80",
				 text->text);
		return false;
	}
	if (!target->first_address) {
		target->first_address = text;
		target->is_ipv4 = hb_addr_is_ipv4(&endpoint->addr);
	} else if (target->is_ipv4 != hb_addr_is_ipv4(&endpoint->addr)) {
		hb_builder_error(target->builder, text->start,
				 "\"%s\" is of another family than \"%s\" in line %d: a target "
				 "has IPv4 addresses or IPv6 ones",
				 text->text, target->first_address->text,
				 target->first_address->start.line);
		return false;
	}
	return true;
}

static void set_filter(struct target *target, const struct hb_ast_statement *statement)
{
	const struct hb_ast_text *text = statement->operands;
	struct hb_error err = { 0 };

	if (check_count(target, statement, 1, 1, "filter \"EXPRESSION\";") &&
	    check_quoted(target, text, "an expression") &&
	    hb_target_set_filter(target->made, text->text, &err) < 0)
		report(target, text, &err);
}

static void set_frontend(struct target *target, const struct hb_ast_statement *statement)
{
	const struct hb_ast_text *address = statement->operands;
	struct hb_endpoint endpoint;
	struct hb_error err = { 0 };
	const struct hb_ast_text *rule;
	bool right;

	if (!check_count(target, statement, 1, 2, "frontend ADDRESS [\"RULE\"];"))
		return;
	rule = address->next;
	right = read_address(target, address, &endpoint);
	right &= !rule || check_rule(target, rule);
	if (right &&
	    hb_target_set_frontend(target->made, &endpoint, rule ? rule->text : NULL, &err) < 0)
		report(target, rule && err.column ? rule : address, &err);
}

static void add_clone(struct target *target, struct hb_ast_statement *statement)
{
	static const char usage[] = "backend \"TAG\" ADDRESS \"INTERFACE\" [\"RULE\"];";
	const struct hb_ast_text *address, *interface;
	struct hb_endpoint endpoint;
	bool right;

	if (!check_count(target, statement, 3, 4, usage))
		return;
	address = statement->operands->next;
	interface = address->next;
	right = read_address(target, address, &endpoint);
	right &= check_quoted(target, interface, "an interface");
	right &= !interface->next || check_rule(target, interface->next);
	if (right)
		hb_builder_add_clone(target->builder, target->made, statement, &endpoint);
}

static void add_backend(struct target *target, struct hb_ast_statement *statement)
{
	const struct hb_ast_text *address = statement->operands;
	const struct hb_ast_text *rule;
	struct hb_endpoint endpoint;
	struct hb_error err = { 0 };
	bool right;

	if (address && address->quoted) {
		add_clone(target, statement);
		return;
	}
	if (!check_count(target, statement, 1, 2, "backend ADDRESS [\"RULE\"];"))
		return;
	rule = address->next;
	right = read_address(target, address, &endpoint);
	right &= !rule || check_rule(target, rule);
	if (right &&
	    hb_target_add_backend(target->made, &endpoint, rule ? rule->text : NULL, &err) < 0)
		report(target, rule && err.column ? rule : address, &err);
}

static void set_backpick(struct target *target, const struct hb_ast_statement *statement)
{
	const struct hb_ast_text *rule = statement->operands;
	struct hb_error err = { 0 };

	if (check_count(target, statement, 1, 1, "backpick \"RULE\";") &&
	    check_rule(target, rule) && hb_target_set_backpick(target->made, rule->text, &err) < 0)
		report(target, rule, &err);
}

static void set_control(struct target *target, const struct hb_ast_statement *statement)
{
	const struct hb_ast_text *rule = statement->operands;
	struct hb_error err = { 0 };

	if (check_count(target, statement, 1, 1, "control \"RULE\";") && check_rule(target, rule) &&
	    hb_target_set_control(target->made, rule->text, &err) < 0)
		report(target, rule, &err);
}

static void set_on_failure(struct target *target, const struct hb_ast_statement *statement)
{
	const struct hb_ast_text *word = statement->operands;

	if (!check_count(target, statement, 1, 1, "on_failure frontend, reset or drop;"))
		return;
	for (int i = 0; i < HB_ON_FAILURE_COUNT; i++) {
		if (strcmp(word->text, on_failure_words[i]) != 0)
			continue;
		hb_target_set_on_failure(target->made, (enum hb_on_failure)i);
		return;
	}
	hb_builder_refuse_word(target->builder, word->start, "on_failure", word->text,
			       on_failure_words, HB_ON_FAILURE_COUNT);
}

/* False for the second statement of a kind that may stand once. */
static bool check_once(struct target *target, enum keyword keyword,
		       const struct hb_ast_statement *statement)
{
	const struct hb_ast_statement *earlier;

	if (keyword == KEYWORD_BACKEND)
		return true;
	keyword = keyword == KEYWORD_LIMIT ? KEYWORD_CONTROL : keyword;
	earlier = target->seen[keyword];
	target->seen[keyword] = statement;
	if (!earlier)
		return true;
	hb_builder_error(target->builder, statement->key->start, "\"%s\" is already set in line %d",
			 statement->key->text, earlier->key->start.line);
	return false;
}

static void apply(struct target *target, struct hb_ast_statement *statement)
{
	enum keyword keyword = find_keyword(statement->key->text);

	if (keyword == KEYWORD_COUNT) {
		hb_builder_refuse_word(target->builder, statement->key->start, "statement",
				       statement->key->text, keywords, KEYWORD_COUNT);
		return;
	}
	if (!check_once(target, keyword, statement))
		return;
	switch (keyword) {
	case KEYWORD_FILTER:
		set_filter(target, statement);
		break;
	case KEYWORD_FRONTEND:
		set_frontend(target, statement);
		break;
	case KEYWORD_BACKEND:
		add_backend(target, statement);
		break;
	case KEYWORD_CONTROL:
	case KEYWORD_LIMIT:
		set_control(target, statement);
		break;
	case KEYWORD_ON_FAILURE:
		set_on_failure(target, statement);
		break;
	case KEYWORD_BACKPICK:
		set_backpick(target, statement);
		break;
	case KEYWORD_COUNT:
		break;
	}
}

/*
 * A ";" that was forgotten at the end of a line makes the next line's keyword an operand: the
 * statement is cut in two there.
 */
static void split(struct target *target, struct hb_ast_statement *statement)
{
	struct hb_ast_text *before = statement->key;
	struct hb_ast_statement *rest;

	for (struct hb_ast_text *operand = statement->operands; operand; operand = operand->next) {
		if (!operand->quoted && operand->start.line > before->end.line &&
		    find_keyword(operand->text) < KEYWORD_COUNT) {
			hb_builder_error(target->builder, before->end, "\";\" is missing");
			rest = hb_ast_alloc(target->builder->ast, sizeof(*rest));
			if (!rest)
				return;
			*rest = (struct hb_ast_statement){ .key = operand,
							   .operands = operand->next,
							   .next = statement->next };
			before->next = NULL;
			statement->operands = before == statement->key ? NULL : statement->operands;
			statement->next = rest;
			return;
		}
		before = operand;
	}
}

/* Who has no rule needs to be picked. */
static void check_rules(struct target *target, const struct hb_ast_section *section)
{
	for (const struct hb_ast_statement *statement = section->statements; statement;
	     statement = statement->next) {
		const struct hb_ast_text *last = statement->operands;
		bool clone = last && last->quoted;

		if (clone)
			last = last->next ? last->next->next : NULL;
		if (find_keyword(statement->key->text) == KEYWORD_BACKEND && last && !last->next)
			hb_builder_error(target->builder, last->end,
					 "the backend has no rule: expected backend %s\"RULE\"; or "
					 "a backpick rule in the target",
					 clone ? "\"TAG\" ADDRESS \"INTERFACE\" " : "ADDRESS ");
	}
}

static void check_complete(struct target *target, const struct hb_ast_section *section)
{
	static const enum keyword required[] = { KEYWORD_FILTER, KEYWORD_FRONTEND };

	for (size_t i = 0; i < 2 && !section->damaged; i++) {
		if (!target->seen[required[i]])
			hb_builder_error(target->builder, section->keyword->start,
					 "the target has no %s", keywords[required[i]]);
	}
	if (!target->seen[KEYWORD_BACKPICK] && !section->damaged)
		check_rules(target, section);
}

void hb_builder_add_target(struct hb_builder *builder, struct hb_ast_section *section)
{
	struct target target = { .builder = builder,
				 .made = hb_policy_add_target(builder->policy) };

	if (!target.made) {
		hb_diag_error(builder->diag, HB_EXIT_SYSTEM, section->keyword->start,
			      "out of memory");
		return;
	}
	for (struct hb_ast_statement *statement = section->statements; statement;
	     statement = statement->next) {
		split(&target, statement);
		apply(&target, statement);
	}
	check_complete(&target, section);
}
