/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules: parsed by recursive descent into an array of nodes, evaluated by walking it.
 *
 * "not" is no node but a mark on one, and two of them cancel each other; that holds in Kleene's
 * logic too, where only the ends are swapped. So a rule of n names has exactly 2n - 1 nodes.
 */
#include <honeybrid/rule.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LEAVES_MAX 64
#define DEPTH_MAX 64
#define TEXT_MAX 16384
#define QUOTE_MAX 64 /* how much of a culprit an error quotes */

enum node_kind {
	NODE_LEAF,
	NODE_AND,
	NODE_OR,
};

struct node {
	uint8_t kind;
	bool negated;
	uint8_t left; /* of a leaf: its number */
	uint8_t right;
};

struct hb_rule {
	uint8_t root;
	uint8_t node_count;
	uint8_t leaf_count;
	struct node nodes[2 * LEAVES_MAX - 1];
	uint16_t leaves[LEAVES_MAX]; /* where each name starts in text */
	char text[];                 /* the rule's text, with a zero behind every name */
};

enum token_kind {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_NOT,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_BAD, /* a character that no token starts with */
};

struct parser {
	const char *text;
	size_t offset; /* behind the token */
	enum token_kind token;
	size_t start, len; /* of the token */
	unsigned depth;
	struct hb_rule *rule;
	struct hb_error *err;
};

static const char *const decision_names[] = {
	[HB_DECISION_REJECT] = "reject",
	[HB_DECISION_DEFER] = "defer",
	[HB_DECISION_ACCEPT] = "accept",
};
static_assert(sizeof(decision_names) / sizeof(*decision_names) == HB_DECISION_COUNT,
	      "a name for every decision");

const char *hb_decision_name(enum hb_decision decision)
{
	return decision < HB_DECISION_COUNT ? decision_names[decision] : "none";
}

/* ASCII only, whatever the locale is. */
static bool is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

static enum token_kind word_kind(const char *word, size_t len)
{
	if (len == 3 && strncasecmp(word, "and", len) == 0)
		return TOKEN_AND;
	if (len == 2 && strncasecmp(word, "or", len) == 0)
		return TOKEN_OR;
	if (len == 3 && strncasecmp(word, "not", len) == 0)
		return TOKEN_NOT;
	return TOKEN_NAME;
}

bool hb_rule_name_ok(const char *name)
{
	size_t len = 0;

	while (is_name_character(name[len]))
		len++;
	return len > 0 && name[len] == '\0' && word_kind(name, len) == TOKEN_NAME;
}

static void next_token(struct parser *p)
{
	p->offset += strspn(p->text + p->offset, " \t\r\n\f\v");
	p->start = p->offset;

	const char *at = p->text + p->start;

	p->len = 0;
	while (is_name_character(at[p->len]))
		p->len++;
	if (p->len > 0) {
		p->token = word_kind(at, p->len);
	} else if (*at == '\0') {
		p->token = TOKEN_END;
	} else {
		p->len = 1;
		p->token = *at == '(' ? TOKEN_OPEN : *at == ')' ? TOKEN_CLOSE : TOKEN_BAD;
	}
	p->offset += p->len;
}

static int column(const struct parser *p)
{
	return (int)p->start + 1; /* TEXT_MAX keeps it small */
}

/* How much of the token to quote. */
static int quoted(const struct parser *p)
{
	return p->len < QUOTE_MAX ? (int)p->len : QUOTE_MAX;
}

static int refuse_character(const struct parser *p)
{
	unsigned char c = (unsigned char)p->text[p->start];

	if (c > ' ' && c < 0x7f)
		return hb_error_set(
			p->err, HB_ERROR_CONFIG, column(p),
			"unexpected \"%c\": a module's name is made of letters, digits, "
			"\"_\", \"-\" and \".\"",
			c);
	return hb_error_set(p->err, HB_ERROR_CONFIG, column(p),
			    "unexpected byte 0x%02x: a module's name is made of letters, digits, "
			    "\"_\", \"-\" and \".\"",
			    c);
}

static int refuse_instead_of_module(const struct parser *p)
{
	if (p->token == TOKEN_BAD)
		return refuse_character(p);
	if (p->token != TOKEN_END)
		return hb_error_set(p->err, HB_ERROR_CONFIG, column(p),
				    "expected a module name before \"%.*s\"", quoted(p),
				    p->text + p->start);
	if (p->rule->leaf_count == 0 && p->depth == 0 && p->start == strspn(p->text, " \t\r\n\f\v"))
		return hb_error_set(p->err, HB_ERROR_CONFIG, column(p),
				    "the rule is empty: expected a module name");
	return hb_error_set(p->err, HB_ERROR_CONFIG, column(p),
			    "expected a module name at the end of the rule");
}

static int refuse_instead_of_operator(const struct parser *p)
{
	if (p->token == TOKEN_BAD)
		return refuse_character(p);
	return hb_error_set(p->err, HB_ERROR_CONFIG, column(p),
			    "unexpected \"%.*s\": \"and\" or \"or\" must stand between two modules",
			    quoted(p), p->text + p->start);
}

/* Returns the node's number. */
static int add_node(struct hb_rule *rule, enum node_kind kind, int left, int right)
{
	rule->nodes[rule->node_count] = (struct node){
		.kind = (uint8_t)kind,
		.left = (uint8_t)left,
		.right = (uint8_t)right,
	};
	return rule->node_count++;
}

static int parse_name(struct parser *p)
{
	struct hb_rule *rule = p->rule;

	if (rule->leaf_count == LEAVES_MAX)
		return hb_error_set(p->err, HB_ERROR_CONFIG, column(p),
				    "\"%.*s\" is one module too many: a rule has room for %d",
				    quoted(p), p->text + p->start, LEAVES_MAX);
	rule->leaves[rule->leaf_count] = (uint16_t)p->start;
	rule->text[p->start + p->len] = '\0';
	next_token(p);
	return add_node(rule, NODE_LEAF, rule->leaf_count++, 0);
}

static int parse_or(struct parser *p);

static int parse_parentheses(struct parser *p)
{
	int opened = column(p);

	if (p->depth == DEPTH_MAX)
		return hb_error_set(p->err, HB_ERROR_CONFIG, opened,
				    "\"(\" is nested too deep: at most %d may be open", DEPTH_MAX);
	p->depth++;
	next_token(p);

	int node = parse_or(p);

	if (node < 0)
		return node;
	if (p->token == TOKEN_END)
		return hb_error_set(p->err, HB_ERROR_CONFIG, column(p),
				    "missing \")\": the \"(\" in column %d is still open", opened);
	if (p->token != TOKEN_CLOSE)
		return refuse_instead_of_operator(p);
	p->depth--;
	next_token(p);
	return node;
}

static int parse_not(struct parser *p)
{
	bool negated = false;
	int node;

	while (p->token == TOKEN_NOT) {
		negated = !negated;
		next_token(p);
	}
	if (p->token == TOKEN_NAME)
		node = parse_name(p);
	else if (p->token == TOKEN_OPEN)
		node = parse_parentheses(p);
	else
		return refuse_instead_of_module(p);
	if (node >= 0 && negated)
		p->rule->nodes[node].negated = !p->rule->nodes[node].negated;
	return node;
}

static int parse_and(struct parser *p)
{
	int left = parse_not(p);

	while (left >= 0 && p->token == TOKEN_AND) {
		next_token(p);
		int right = parse_not(p);
		left = right < 0 ? right : add_node(p->rule, NODE_AND, left, right);
	}
	return left;
}

static int parse_or(struct parser *p)
{
	int left = parse_and(p);

	while (left >= 0 && p->token == TOKEN_OR) {
		next_token(p);
		int right = parse_and(p);
		left = right < 0 ? right : add_node(p->rule, NODE_OR, left, right);
	}
	return left;
}

static int parse_rule(struct parser *p)
{
	next_token(p);

	int root = parse_or(p);

	if (root < 0)
		return root;
	if (p->token == TOKEN_CLOSE)
		return hb_error_set(p->err, HB_ERROR_CONFIG, column(p),
				    "unexpected \")\": no \"(\" is open");
	if (p->token != TOKEN_END)
		return refuse_instead_of_operator(p);
	p->rule->root = (uint8_t)root;
	return 0;
}

struct hb_rule *hb_rule_parse(const char *text, struct hb_error *err)
{
	size_t len = strlen(text);

	if (len > TEXT_MAX) {
		hb_error_set(err, HB_ERROR_CONFIG, 0,
			     "the rule is %zu characters long: at most %d are allowed", len,
			     TEXT_MAX);
		return NULL;
	}

	struct hb_rule *rule = calloc(1, sizeof(*rule) + len + 1);

	if (!rule) {
		hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for a rule");
		return NULL;
	}
	memcpy(rule->text, text, len);

	struct parser parser = { .text = text, .rule = rule, .err = err };

	if (parse_rule(&parser) < 0) {
		free(rule);
		return NULL;
	}
	return rule;
}

void hb_rule_free(struct hb_rule *rule)
{
	free(rule);
}

size_t hb_rule_leaf_count(const struct hb_rule *rule)
{
	return rule->leaf_count;
}

const char *hb_rule_leaf_name(const struct hb_rule *rule, size_t i)
{
	return i < rule->leaf_count ? rule->text + rule->leaves[i] : NULL;
}

int hb_rule_leaf_column(const struct hb_rule *rule, size_t i)
{
	return i < rule->leaf_count ? rule->leaves[i] + 1 : 0;
}

/* A buffer as snprintf() treats it: what does not fit is counted only. */
struct printer {
	char *buf;
	size_t size;
	size_t len;
};

static void print_text(struct printer *out, const char *text)
{
	for (; *text; text++, out->len++) {
		if (out->len < out->size)
			out->buf[out->len] = *text;
	}
}

static void print_node(struct printer *out, const struct hb_rule *rule, const struct node *node)
{
	if (node->negated)
		print_text(out, "(not ");
	if (node->kind == NODE_LEAF) {
		print_text(out, hb_rule_leaf_name(rule, node->left));
	} else {
		print_text(out, "(");
		print_node(out, rule, &rule->nodes[node->left]);
		print_text(out, node->kind == NODE_AND ? " and " : " or ");
		print_node(out, rule, &rule->nodes[node->right]);
		print_text(out, ")");
	}
	if (node->negated)
		print_text(out, ")");
}

size_t hb_rule_print(const struct hb_rule *rule, char *buf, size_t size)
{
	struct printer out = { .buf = buf, .size = size };

	print_node(&out, rule, &rule->nodes[rule->root]);
	if (size > 0)
		buf[out.len < size ? out.len : size - 1] = '\0';
	return out.len;
}

struct evaluation {
	const struct hb_rule *rule;
	enum hb_decision (*ask)(void *ctx, size_t leaf);
	void *ctx;
};

static enum hb_decision evaluate(const struct evaluation *run, const struct node *node)
{
	enum hb_decision answer;

	if (node->kind == NODE_LEAF) {
		answer = run->ask(run->ctx, node->left);
	} else {
		bool is_and = node->kind == NODE_AND;

		answer = evaluate(run, &run->rule->nodes[node->left]);
		if (answer != (is_and ? HB_DECISION_REJECT : HB_DECISION_ACCEPT)) {
			enum hb_decision right = evaluate(run, &run->rule->nodes[node->right]);

			if (is_and ? right < answer : right > answer)
				answer = right;
		}
	}
	return node->negated ? HB_DECISION_ACCEPT - answer : answer;
}

enum hb_decision hb_rule_evaluate(const struct hb_rule *rule,
				  enum hb_decision (*ask)(void *ctx, size_t leaf), void *ctx)
{
	struct evaluation run = { .rule = rule, .ask = ask, .ctx = ctx };

	return evaluate(&run, &rule->nodes[rule->root]);
}
