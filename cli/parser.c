/* SPDX-License-Identifier: BSD-2-Clause */
#include "parser.h"

#include "config.lex.h"
#include "config.tab.h"
#include "suggest.h"

#include <string.h>

/* How much of a token a message shows. */
#define SHOWN_MAX 40

static const struct section_word {
	const char *word;
	int token;
} section_words[HB_AST_KIND_COUNT] = {
	[HB_AST_CONFIG] = { "config", CONFIG },
	[HB_AST_MODULE] = { "module", MODULE },
	[HB_AST_TARGET] = { "target", TARGET },
	[HB_AST_UPLINK] = { "uplink", UPLINK },
};

void hb_parser_advance(struct hb_parser *parser, size_t length)
{
	struct hb_parser_token *token = &parser->token;

	token->source = parser->next;
	token->length = length;
	token->start = parser->place;
	token->text = NULL;
	for (size_t i = 0; i < length; i++) {
		parser->place.column++;
		if (*parser->next++ == '\n') {
			parser->place.line++;
			parser->place.column = 1;
		}
	}
	token->end = parser->place;
}

/* Drops the backslash of each \" in place. */
static void resolve_escapes(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (from[0] == '\\' && from[1] == '"')
			from++;
		*to++ = *from;
	}
	*to = '\0';
}

int hb_parser_text(struct hb_parser *parser, int kind)
{
	const struct hb_parser_token *token = &parser->token;
	struct hb_ast_text *text = hb_ast_alloc(parser->ast, sizeof(*text));
	size_t length = token->length;
	const char *source = token->source;
	char *copy;

	if (kind == STRING) {
		source++;
		length--;
		if (length > 0 && source[length - 1] == '"')
			length--;
	}
	copy = hb_ast_alloc(parser->ast, length + 1);
	if (!text || !copy) {
		parser->out_of_memory = true;
		return END;
	}
	memcpy(copy, source, length);
	if (kind == STRING)
		resolve_escapes(copy);
	*text = (struct hb_ast_text){ .text = copy,
				      .quoted = kind == STRING,
				      .start = token->start,
				      .end = token->end,
				      .source = source };
	parser->token.text = text;
	return kind;
}

void hb_parser_open_string(struct hb_parser *parser)
{
	parser->has_open_string = true;
	hb_diag_error(parser->diag, HB_EXIT_CONFIG, parser->token.start,
		      "the string that starts here has no end: a closing quote is missing");
}

static bool opens_section(const struct hb_parser *parser)
{
	const char *at = parser->next;

	at += strspn(at, " \t\r\n");
	if (*at == '"') {
		at++;
		at += strcspn(at, "\"\n");
		at += *at == '"';
		at += strspn(at, " \t\r\n");
	}
	return *at == '{';
}

static int section_token(const struct hb_parser_token *token)
{
	for (size_t i = 0; i < HB_AST_KIND_COUNT; i++) {
		if (strcmp(token->text->text, section_words[i].word) == 0)
			return section_words[i].token;
	}
	return WORD;
}

/* The current token waits, and a "}" takes its place. */
static void put_brace(struct hb_parser *parser)
{
	parser->held = parser->token;
	parser->is_held = true;
	parser->in_section = false;
	parser->token.kind = RIGHT;
	parser->token.text = NULL;
	parser->token.end = parser->token.start;
}

static void check_word(struct hb_parser *parser)
{
	bool opens = opens_section(parser);

	if (parser->in_section && !opens)
		return;
	parser->token.kind = section_token(&parser->token);
	if (!parser->in_section) {
		parser->opened = parser->token.start;
		return;
	}
	hb_diag_error(parser->diag, HB_EXIT_CONFIG, parser->token.start,
		      "\"}\" is missing: the section of line %d is still open",
		      parser->opened.line);
	put_brace(parser);
}

static void check_end(struct hb_parser *parser)
{
	if (!parser->in_section)
		return;
	if (!parser->has_open_string)
		hb_diag_error(parser->diag, HB_EXIT_CONFIG, parser->opened,
			      "the section that starts here has no end: \"}\" is missing");
	put_brace(parser);
}

static void scan(struct hb_parser *parser)
{
	parser->token.kind = hb_parser_scan(parser->scanner);
	if (parser->token.kind == END)
		hb_parser_advance(parser, 0);
	switch (parser->token.kind) {
	case WORD:
		check_word(parser);
		break;
	case END:
		check_end(parser);
		break;
	case LEFT:
		parser->in_section = true;
		parser->has_open_string = false;
		break;
	case RIGHT:
		parser->in_section = false;
		break;
	default:
		break;
	}
}

int hb_config_yylex(HB_CONFIG_YYSTYPE *value, HB_CONFIG_YYLTYPE *location, struct hb_parser *parser)
{
	parser->previous = parser->token;
	if (parser->is_held) {
		parser->token = parser->held;
		parser->is_held = false;
		parser->opened = parser->token.start;
	} else {
		scan(parser);
	}
	value->text = parser->token.text;
	*location = (HB_CONFIG_YYLTYPE){ .first_line = parser->token.start.line,
					 .first_column = parser->token.start.column,
					 .last_line = parser->token.end.line,
					 .last_column = parser->token.end.column };
	return parser->token.kind;
}

void hb_parser_begin(struct hb_parser *parser)
{
	parser->statements = NULL;
	parser->statement_tail = &parser->statements;
	parser->errors_before = hb_diag_error_count(parser->diag);
}

void hb_parser_statement(struct hb_parser *parser, struct hb_ast_text *key,
			 struct hb_ast_text *operands)
{
	struct hb_ast_statement *statement = hb_ast_alloc(parser->ast, sizeof(*statement));

	if (!statement) {
		parser->out_of_memory = true;
		return;
	}
	statement->key = key;
	statement->operands = operands;
	*parser->statement_tail = statement;
	parser->statement_tail = &statement->next;
}

void hb_parser_section(struct hb_parser *parser, enum hb_ast_kind kind, struct hb_ast_text *keyword,
		       struct hb_ast_text *name)
{
	struct hb_ast_section *section = hb_ast_alloc(parser->ast, sizeof(*section));

	if (!section) {
		parser->out_of_memory = true;
		return;
	}
	section->kind = kind;
	section->keyword = keyword;
	section->name = name;
	section->statements = parser->statements;
	section->damaged = hb_diag_error_count(parser->diag) > parser->errors_before;
	*parser->section_tail = section;
	parser->section_tail = &section->next;
}

void hb_parser_unknown_section(struct hb_parser *parser, const struct hb_ast_text *keyword)
{
	const char *words[HB_AST_KIND_COUNT];
	const char *meant;

	for (size_t i = 0; i < HB_AST_KIND_COUNT; i++)
		words[i] = section_words[i].word;
	meant = hb_suggest(keyword->text, words, HB_AST_KIND_COUNT);
	if (meant)
		hb_diag_error(parser->diag, HB_EXIT_CONFIG, keyword->start,
			      "unknown section \"%s\": did you mean \"%s\"?", keyword->text, meant);
	else
		hb_diag_error(parser->diag, HB_EXIT_CONFIG, keyword->start,
			      "unknown section \"%s\": expected config, module, target or uplink",
			      keyword->text);
}

static void describe(const struct hb_parser_token *token, char *text, size_t size)
{
	int length = token->length > SHOWN_MAX ? SHOWN_MAX : (int)token->length;

	if (token->kind == END)
		snprintf(text, size, "end of the file");
	else if (token->kind == STRING)
		snprintf(text, size, "string %.*s", length, token->source);
	else if (token->kind == RIGHT || token->kind == LEFT)
		snprintf(text, size, "\"%c\"", token->kind == RIGHT ? '}' : '{');
	else
		snprintf(text, size, "\"%.*s\"", length, token->source);
}

/* What a person most likely did; NULL for nothing special. */
static const char *guess_mistake(const struct hb_parser *parser, bool want_end)
{
	const struct hb_parser_token *previous = &parser->previous;

	if (previous->kind == STRING && previous->start.line < previous->end.line)
		return "the string before it goes over several lines, has it a closing quote?";
	if (want_end && previous->kind == VALUE)
		return "expected \";\", and a value with spaces stands in quotes";
	if (want_end && parser->token.kind == EQUALS)
		return "the statements of a target have none";
	return NULL;
}

void hb_parser_unexpected(struct hb_parser *parser, const char *wanted, bool want_end)
{
	const struct hb_parser_token *token = &parser->token, *previous = &parser->previous;
	bool starts_line = token->start.line > previous->end.line || token->kind == RIGHT;
	const char *guess = guess_mistake(parser, want_end);
	char shown[SHOWN_MAX + 16];

	if (parser->has_open_string)
		return;
	/* A ";" was forgotten at the end of a line: that is where to look. */
	if (want_end && starts_line) {
		describe(previous, shown, sizeof(shown));
		hb_diag_error(parser->diag, HB_EXIT_CONFIG, previous->end,
			      "\";\" is missing behind %s", shown);
		return;
	}
	describe(token, shown, sizeof(shown));
	if (guess)
		hb_diag_error(parser->diag, HB_EXIT_CONFIG, token->start, "unexpected %s: %s",
			      shown, guess);
	else
		hb_diag_error(parser->diag, HB_EXIT_CONFIG, token->start,
			      "unexpected %s: expected %s", shown, want_end ? "\";\"" : wanted);
}

static int run(struct hb_parser *parser, const char *source, size_t length)
{
	YY_BUFFER_STATE buffer;
	int rc = -1;

	if (hb_scanner_yylex_init_extra(parser, &parser->scanner) != 0)
		return -1;
	buffer = hb_scanner_yy_scan_bytes(source, (int)length, parser->scanner);
	if (buffer)
		rc = hb_config_yyparse(parser) == 2 || parser->out_of_memory ? -1 : 0;
	hb_scanner_yylex_destroy(parser->scanner);
	return rc;
}

struct hb_ast *hb_parser_run(const char *source, size_t length, struct hb_diag *diag)
{
	struct hb_parser parser = { .ast = hb_ast_new(),
				    .diag = diag,
				    .next = source,
				    .place = { .line = 1, .column = 1 } };

	if (!parser.ast)
		return NULL;
	parser.section_tail = &parser.ast->sections;
	parser.statement_tail = &parser.statements;
	if (run(&parser, source, length) < 0) {
		hb_ast_free(parser.ast);
		return NULL;
	}
	return parser.ast;
}
