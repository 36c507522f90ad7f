/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration file as it was written: sections, statements, words, each with its place. What it
 * means is config.c's business.
 */
#ifndef HB_AST_H
#define HB_AST_H

#include "diag.h"

/* A word, a value or a string. */
struct hb_ast_text {
	const char *text; /* of a string: without quotes, escapes resolved */
	bool quoted;
	struct hb_place start,
		end;        /* of all of it, quotes included; end is one behind the last byte */
	const char *source; /* its first byte in the file (of a string: behind the quote) */
	struct hb_ast_text *next;
};

/* "key = value;" has one operand, "keyword operand operand;" any number. */
struct hb_ast_statement {
	struct hb_ast_text *key;
	struct hb_ast_text *operands;
	const char *note; /* what its names stand for, to be explained beside it; else NULL */
	struct hb_ast_statement *next;
};

enum hb_ast_kind {
	HB_AST_CONFIG = 0,
	HB_AST_MODULE,
	HB_AST_TARGET,
	HB_AST_UPLINK,
	HB_AST_KIND_COUNT
};

struct hb_ast_section {
	enum hb_ast_kind kind;
	struct hb_ast_text *keyword;
	struct hb_ast_text *name; /* MODULE and UPLINK; NULL if it was damaged */
	struct hb_ast_statement *statements;
	bool damaged; /* parts of it were skipped: what seems to be missing may be there */
	struct hb_ast_section *next;
};

/* Owns everything in it. */
struct hb_ast {
	struct hb_ast_section *sections; /* in the file's order */
	struct hb_ast_block *blocks;     /* private */
};

struct hb_ast *hb_ast_new(void);
void hb_ast_free(struct hb_ast *ast);

/* Zeroed memory that lives as long as the tree; NULL if there is none. */
void *hb_ast_alloc(struct hb_ast *ast, size_t size);

/* Where byte number column (from 1) of a text stands in the file; 0 gives the text's start. */
struct hb_place hb_ast_text_locate(const struct hb_ast_text *text, int column);

#endif
