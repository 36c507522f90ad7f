/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a file's text to its syntax tree.
 *
 * The scanner (config.l) finds tokens, the grammar (config.y) puts them together; between them
 * stands parser.c, which knows where each token lies and puts the "}" in that a file forgot, so
 * that one forgotten brace gives one error.
 */
#ifndef HB_PARSER_H
#define HB_PARSER_H

#include "ast.h"

/*
 * Parses a whole file.
 *
 * @source  borrowed until the tree is freed; ends with its only NUL byte, at length.
 * @diag    gets the errors; the tree holds all that could be understood.
 * Returns  the tree, given: free with hb_ast_free(). NULL if memory is short.
 */
struct hb_ast *hb_parser_run(const char *source, size_t length, struct hb_diag *diag);

/* The rest is between the scanner, the grammar and parser.c. */

struct hb_parser_token {
	int kind;
	const char *source; /* its bytes in the file */
	size_t length;
	struct hb_place start, end;
	struct hb_ast_text *text; /* WORD, VALUE and STRING */
};

struct hb_parser {
	struct hb_ast *ast;
	struct hb_diag *diag;
	void *scanner;
	const char *next;      /* behind what the scanner has read */
	struct hb_place place; /* of next */
	struct hb_parser_token token, previous;
	struct hb_parser_token held; /* comes behind a "}" that was put in */
	bool is_held;
	bool in_section;
	bool has_open_string;   /* in the current section: what follows lies within it */
	struct hb_place opened; /* where the current section begins */
	bool out_of_memory;
	struct hb_ast_section **section_tail;
	struct hb_ast_statement *statements; /* of the current section */
	struct hb_ast_statement **statement_tail;
	size_t errors_before; /* the current section */
};

/* The scanner: returns the next token's kind. In config.l. */
int hb_parser_scan(void *scanner);

/* Takes note of what the scanner matched; called for each match, white space included. */
void hb_parser_advance(struct hb_parser *parser, size_t length);

/* Makes the current token's text and returns kind, or the end of the file if memory is short. */
int hb_parser_text(struct hb_parser *parser, int kind);

/* Reports that a string has no end. */
void hb_parser_open_string(struct hb_parser *parser);

/* A section starts. */
void hb_parser_begin(struct hb_parser *parser);

/* A statement is complete. */
void hb_parser_statement(struct hb_parser *parser, struct hb_ast_text *key,
			 struct hb_ast_text *operands);

/* A section is complete: it gets the statements since hb_parser_begin(). */
void hb_parser_section(struct hb_parser *parser, enum hb_ast_kind kind, struct hb_ast_text *keyword,
		       struct hb_ast_text *name);

/* A section of no known kind was skipped. */
void hb_parser_unknown_section(struct hb_parser *parser, const struct hb_ast_text *keyword);

/* Reports the current token; wanted says what would be right, want_end that ";" would. */
void hb_parser_unexpected(struct hb_parser *parser, const char *wanted, bool want_end);

#endif
