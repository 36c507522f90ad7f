/* SPDX-License-Identifier: BSD-2-Clause */
#include <honeybrid/rule.h>

#include "unit.h"

#include <stdio.h>
#include <string.h>

/* A rule as text and as a tree of its own, to compare with. */
struct model {
	enum { MODEL_LEAF, MODEL_NOT, MODEL_AND, MODEL_OR } kind;
	unsigned leaf;
	struct model *left, *right;
};

struct run {
	enum hb_decision answers[64];
	unsigned asked[64]; /* how often */
	unsigned order[64];
	unsigned count;
};

static enum hb_decision ask(void *ctx, size_t leaf)
{
	struct run *run = ctx;

	run->asked[leaf]++;
	run->order[run->count++] = (unsigned)leaf;
	return run->answers[leaf];
}

static enum hb_decision evaluate(const char *text, struct run *run)
{
	struct hb_rule *rule = hb_rule_parse(text, NULL);

	ck_assert_ptr_nonnull(rule);
	run->count = 0;
	memset(run->asked, 0, sizeof(run->asked));

	enum hb_decision answer = hb_rule_evaluate(rule, ask, run);

	hb_rule_free(rule);
	return answer;
}

static void assert_printed(const char *text, const char *expected)
{
	struct hb_error err = { .message = "" };
	struct hb_rule *rule = hb_rule_parse(text, &err);
	char printed[256];

	ck_assert_msg(rule != NULL, "%s: %s", text, err.message);
	ck_assert_uint_eq(hb_rule_print(rule, printed, sizeof(printed)), strlen(expected));
	ck_assert_str_eq(printed, expected);
	hb_rule_free(rule);
}

static void assert_error(const char *text, int column, const char *message)
{
	struct hb_error err = { .column = -1 };

	ck_assert_ptr_null(hb_rule_parse(text, &err));
	ck_assert_str_eq(err.message, message);
	ck_assert_int_eq(err.column, column);
	ck_assert_int_eq(err.code, HB_ERROR_CONFIG);
}

START_TEST(and_binds_tighter_than_or)
{
	assert_printed("a", "a");
	assert_printed("a or b and c", "(a or (b and c))");
	assert_printed("a and b or c", "((a and b) or c)");
	assert_printed("(a or b) and c", "((a or b) and c)");
	assert_printed("a or b or c", "((a or b) or c)");
	assert_printed("a and b and c", "((a and b) and c)");
}
END_TEST

START_TEST(not_binds_tightest)
{
	assert_printed("not a and b", "((not a) and b)");
	assert_printed("a or not b and not (c or d)", "(a or ((not b) and (not (c or d))))");
	assert_printed("not not a", "a");
	assert_printed("not (not (not a))", "(not a)");
}
END_TEST

START_TEST(words_are_taken_in_any_case)
{
	assert_printed("A AND b Or NOT c", "((A and b) or (not c))");
	assert_printed("android or notary and oregon", "(android or (notary and oregon))");
}
END_TEST

START_TEST(names_and_spaces_are_taken_as_they_come)
{
	assert_printed("\t( web-1.x_Y )\n", "web-1.x_Y");
	assert_printed("(a)or(b)", "(a or b)");
	assert_printed("0", "0");
}
END_TEST

START_TEST(leaves_have_names_and_columns)
{
	struct hb_rule *rule = hb_rule_parse(" hash or (counter and hash)", NULL);

	ck_assert_uint_eq(hb_rule_leaf_count(rule), 3);
	ck_assert_str_eq(hb_rule_leaf_name(rule, 0), "hash");
	ck_assert_str_eq(hb_rule_leaf_name(rule, 1), "counter");
	ck_assert_str_eq(hb_rule_leaf_name(rule, 2), "hash");
	ck_assert_int_eq(hb_rule_leaf_column(rule, 0), 2);
	ck_assert_int_eq(hb_rule_leaf_column(rule, 1), 11);
	ck_assert_int_eq(hb_rule_leaf_column(rule, 2), 23);
	ck_assert_ptr_null(hb_rule_leaf_name(rule, 3));
	ck_assert_int_eq(hb_rule_leaf_column(rule, 3), 0);
	hb_rule_free(rule);
	hb_rule_free(NULL);
}
END_TEST

START_TEST(errors_say_what_and_where)
{
	assert_error("", 1, "the rule is empty: expected a module name");
	assert_error("  ", 3, "the rule is empty: expected a module name");
	assert_error("()", 2, "expected a module name before \")\"");
	assert_error("a or )", 6, "expected a module name before \")\"");
	assert_error("and a", 1, "expected a module name before \"and\"");
	assert_error("a or or b", 6, "expected a module name before \"or\"");
	assert_error("a and", 6, "expected a module name at the end of the rule");
	assert_error("not", 4, "expected a module name at the end of the rule");
	assert_error("a or (", 7, "expected a module name at the end of the rule");
	assert_error("(a or b", 8, "missing \")\": the \"(\" in column 1 is still open");
	assert_error("a or (b and (c)", 16, "missing \")\": the \"(\" in column 6 is still open");
	assert_error("a)", 2, "unexpected \")\": no \"(\" is open");
	assert_error("a foo", 3,
		     "unexpected \"foo\": \"and\" or \"or\" must stand between two modules");
	assert_error("(a not b)", 4,
		     "unexpected \"not\": \"and\" or \"or\" must stand between two modules");
	assert_error("a (b)", 3,
		     "unexpected \"(\": \"and\" or \"or\" must stand between two modules");
	assert_error(
		"a && b", 3,
		"unexpected \"&\": a module's name is made of letters, digits, \"_\", \"-\" and "
		"\".\"");
	assert_error("\303\274ber", 1,
		     "unexpected byte 0xc3: a module's name is made of letters, digits, \"_\", "
		     "\"-\" and \".\"");
}
END_TEST

/* "x and x and …", n names. */
static void repeat(char *text, unsigned n)
{
	strcpy(text, "x");
	while (--n > 0)
		strcat(text, " and x");
}

START_TEST(sixty_four_names_are_the_limit)
{
	char text[512];
	struct hb_rule *rule;
	struct run run = { .count = 0 };

	repeat(text, 64);
	rule = hb_rule_parse(text, NULL);
	ck_assert_uint_eq(hb_rule_leaf_count(rule), 64);
	for (unsigned i = 0; i < 64; i++)
		run.answers[i] = HB_DECISION_ACCEPT;
	ck_assert_int_eq(hb_rule_evaluate(rule, ask, &run), HB_DECISION_ACCEPT);
	ck_assert_uint_eq(run.count, 64);
	hb_rule_free(rule);
	repeat(text, 65);
	assert_error(text, 1 + 64 * 6, "\"x\" is one module too many: a rule has room for 64");
}
END_TEST

START_TEST(sixty_four_parentheses_are_the_limit)
{
	char text[256];

	snprintf(text, sizeof(text), "%.*sx%.*s", 64,
		 "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((", 64,
		 "))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))");
	assert_printed(text, "x");
	memmove(text + 1, text, strlen(text) + 1);
	assert_error(text, 65, "\"(\" is nested too deep: at most 64 may be open");
}
END_TEST

START_TEST(closed_parentheses_do_not_count)
{
	char text[1024] = "((x))";

	for (int i = 0; i < 40; i++)
		strcat(text, " or ((x))");

	struct hb_rule *rule = hb_rule_parse(text, NULL);

	ck_assert_ptr_nonnull(rule);
	hb_rule_free(rule);
}
END_TEST

START_TEST(a_text_without_end_is_refused)
{
	size_t len = 20000;
	char *text = malloc(len + 1);

	memset(text, ' ', len);
	text[len] = '\0';
	assert_error(text, 0, "the rule is 20000 characters long: at most 16384 are allowed");
	memset(text, 'x', 16384);
	text[16384] = '\0';

	struct hb_rule *rule = hb_rule_parse(text, NULL);

	ck_assert_str_eq(hb_rule_leaf_name(rule, 0), text);
	hb_rule_free(rule);
	free(text);
}
END_TEST

START_TEST(printing_counts_what_does_not_fit)
{
	struct hb_rule *rule = hb_rule_parse("a or b", NULL);
	char printed[8] = "unused";

	ck_assert_uint_eq(hb_rule_print(rule, NULL, 0), 8);
	ck_assert_uint_eq(hb_rule_print(rule, printed, 4), 8);
	ck_assert_str_eq(printed, "(a ");
	ck_assert_uint_eq(hb_rule_print(rule, printed, sizeof(printed)), 8);
	ck_assert_str_eq(printed, "(a or b");
	hb_rule_free(rule);
}
END_TEST

START_TEST(no_more_is_asked_than_needed)
{
	struct run run = { .answers = { HB_DECISION_REJECT, HB_DECISION_ACCEPT } };

	ck_assert_int_eq(evaluate("a and b", &run), HB_DECISION_REJECT);
	ck_assert_uint_eq(run.count, 1);
	ck_assert_int_eq(evaluate("a or b", &run), HB_DECISION_ACCEPT);
	ck_assert_uint_eq(run.count, 2);
	ck_assert_int_eq(evaluate("not a or b", &run), HB_DECISION_ACCEPT);
	ck_assert_uint_eq(run.count, 1);
	run.answers[0] = HB_DECISION_DEFER; /* decides nothing: b is asked */
	ck_assert_int_eq(evaluate("a or b", &run), HB_DECISION_ACCEPT);
	ck_assert_uint_eq(run.count, 2);
	ck_assert_int_eq(evaluate("a and b", &run), HB_DECISION_DEFER);
	ck_assert_uint_eq(run.count, 2);
	ck_assert_uint_eq(run.order[0], 0);
	ck_assert_uint_eq(run.order[1], 1);
}
END_TEST

START_TEST(names_that_a_rule_can_use)
{
	ck_assert(hb_rule_name_ok("hash"));
	ck_assert(hb_rule_name_ok("not_1.x-Y"));
	ck_assert(!hb_rule_name_ok(""));
	ck_assert(!hb_rule_name_ok("two words"));
	ck_assert(!hb_rule_name_ok("And"));
	ck_assert(!hb_rule_name_ok("or"));
	ck_assert(!hb_rule_name_ok("NOT"));
	ck_assert(!hb_rule_name_ok("a)"));
}
END_TEST

START_TEST(decisions_have_names)
{
	ck_assert_str_eq(hb_decision_name(HB_DECISION_REJECT), "reject");
	ck_assert_str_eq(hb_decision_name(HB_DECISION_DEFER), "defer");
	ck_assert_str_eq(hb_decision_name(HB_DECISION_ACCEPT), "accept");
	ck_assert_str_eq(hb_decision_name(HB_DECISION_COUNT), "none");
}
END_TEST

#define MODEL_LEAVES 5

/* Makes a random rule of at most MODEL_LEAVES names. */
static struct model *make_model(uint64_t *random, unsigned *leaves, unsigned depth)
{
	struct model *model = calloc(1, sizeof(*model));
	uint64_t kind = unit_random_below(random, 8);

	if (depth == 0 || *leaves + 1 >= MODEL_LEAVES || kind < 2) {
		model->kind = MODEL_LEAF;
		model->leaf = (*leaves)++;
	} else if (kind < 4) {
		model->kind = MODEL_NOT;
		model->left = make_model(random, leaves, depth - 1);
	} else {
		model->kind = kind < 6 ? MODEL_AND : MODEL_OR;
		model->left = make_model(random, leaves, depth - 1);
		if (*leaves == MODEL_LEAVES) { /* no name is left for the other side */
			struct model *only = model->left;

			free(model);
			return only;
		}
		model->right = make_model(random, leaves, depth - 1);
	}
	return model;
}

static void free_model(struct model *model)
{
	if (!model)
		return;
	free_model(model->left);
	free_model(model->right);
	free(model);
}

/*
 * Writes a model with no more parentheses than it needs, or with some more.
 *
 * @binding  how tight its place binds: 0 for none, 1 for "or", 2 for "and", 3 for "not".
 */
static void write_model(uint64_t *random, const struct model *model, int binding, char *text)
{
	static const int own[] = {
		[MODEL_LEAF] = 4, [MODEL_NOT] = 3, [MODEL_AND] = 2, [MODEL_OR] = 1
	};
	bool parentheses = own[model->kind] < binding || unit_random_below(random, 4) == 0;

	strcat(text, parentheses ? "(" : "");
	switch (model->kind) {
	case MODEL_LEAF:
		sprintf(text + strlen(text), "m%u", model->leaf);
		break;
	case MODEL_NOT:
		strcat(text, "not ");
		write_model(random, model->left, 3, text);
		break;
	case MODEL_AND:
	case MODEL_OR:
		write_model(random, model->left, own[model->kind], text);
		strcat(text, model->kind == MODEL_AND ? " and " : " or ");
		write_model(random, model->right, own[model->kind] + 1, text);
		break;
	}
	strcat(text, parentheses ? ")" : "");
}

/* Kleene's truth tables, written out. */
static enum hb_decision judge(const struct model *model, const enum hb_decision *answers)
{
	static const enum hb_decision not_table[3] = { 2, 1, 0 };
	static const enum hb_decision and_table[3][3] = { { 0, 0, 0 }, { 0, 1, 1 }, { 0, 1, 2 } };
	static const enum hb_decision or_table[3][3] = { { 0, 1, 2 }, { 1, 1, 2 }, { 2, 2, 2 } };

	switch (model->kind) {
	case MODEL_LEAF:
		return answers[model->leaf];
	case MODEL_NOT:
		return not_table[judge(model->left, answers)];
	case MODEL_AND:
		return and_table[judge(model->left, answers)][judge(model->right, answers)];
	case MODEL_OR:
		return or_table[judge(model->left, answers)][judge(model->right, answers)];
	}
	return HB_DECISION_COUNT;
}

/* True if each leaf was asked at most once, from left to right. */
static bool asked_in_order(const struct run *run, size_t leaves)
{
	for (size_t i = 0; i < leaves; i++) {
		if (run->asked[i] > 1)
			return false;
	}
	for (unsigned i = 1; i < run->count; i++) {
		if (run->order[i - 1] >= run->order[i])
			return false;
	}
	return true;
}

/* Every combination of answers. Few assertions: each one costs a system call. */
static void compare(const struct hb_rule *rule, const struct model *model, const char *text)
{
	size_t leaves = hb_rule_leaf_count(rule);
	unsigned combinations = 1;

	for (size_t i = 0; i < leaves; i++)
		combinations *= HB_DECISION_COUNT;
	for (unsigned c = 0; c < combinations; c++) {
		struct run run = { .count = 0 };
		unsigned rest = c;

		for (size_t i = 0; i < leaves; i++, rest /= HB_DECISION_COUNT)
			run.answers[i] = rest % HB_DECISION_COUNT;
		if (hb_rule_evaluate(rule, ask, &run) != judge(model, run.answers))
			ck_abort_msg("%s, combination %u", text, c);
		if (!asked_in_order(&run, leaves))
			ck_abort_msg("%s, combination %u: order", text, c);
	}
}

START_TEST(random_rules_answer_as_the_truth_tables_say)
{
	uint64_t random = 3;

	for (int round = 0; round < 1000; round++) {
		char text[1024] = "", printed[1024], again[1024];
		unsigned leaves = 0;
		struct model *model = make_model(&random, &leaves, 6);
		struct hb_rule *rule, *reparsed;

		write_model(&random, model, 0, text);
		rule = hb_rule_parse(text, NULL);
		ck_assert_msg(rule != NULL, "%s", text);
		ck_assert_uint_eq(hb_rule_leaf_count(rule), leaves);
		compare(rule, model, text);

		hb_rule_print(rule, printed, sizeof(printed));
		reparsed = hb_rule_parse(printed, NULL);
		ck_assert_ptr_nonnull(reparsed);
		hb_rule_print(reparsed, again, sizeof(again));
		ck_assert_str_eq(again, printed);
		compare(reparsed, model, printed);
		hb_rule_free(reparsed);
		hb_rule_free(rule);
		free_model(model);
	}
}
END_TEST

START_TEST(any_text_is_parsed_or_refused)
{
	static const char *const pieces[] = {
		"a", "b1", " and ", " or ", "not ", "(", ")", " ", "%"
	};
	uint64_t random = 5;

	for (int round = 0; round < 20000; round++) {
		struct hb_error err = { .code = HB_ERROR_NONE };
		char text[256] = "";

		for (uint64_t n = unit_random_below(&random, 20); n > 0; n--)
			strcat(text, pieces[unit_random_below(&random, 9)]);

		struct hb_rule *rule = hb_rule_parse(text, &err);

		if (!rule) {
			bool in_text = err.column >= 1 && err.column <= (int)strlen(text) + 1;

			ck_assert_msg(err.code == HB_ERROR_CONFIG && in_text, "%s", text);
		}
		hb_rule_free(rule);
	}
}
END_TEST

UNIT_MAIN("rule", and_binds_tighter_than_or, not_binds_tightest, words_are_taken_in_any_case,
	  names_and_spaces_are_taken_as_they_come, leaves_have_names_and_columns,
	  errors_say_what_and_where, sixty_four_names_are_the_limit,
	  sixty_four_parentheses_are_the_limit, closed_parentheses_do_not_count,
	  a_text_without_end_is_refused, printing_counts_what_does_not_fit,
	  no_more_is_asked_than_needed, names_that_a_rule_can_use, decisions_have_names,
	  random_rules_answer_as_the_truth_tables_say, any_text_is_parsed_or_refused)
