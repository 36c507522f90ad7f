/* SPDX-License-Identifier: BSD-2-Clause */
#include "ast.h"

#include <stdlib.h>
#include <string.h>

struct hb_ast_block {
	struct hb_ast_block *next;
	max_align_t memory[];
};

struct hb_ast *hb_ast_new(void)
{
	return calloc(1, sizeof(struct hb_ast));
}

void hb_ast_free(struct hb_ast *ast)
{
	if (!ast)
		return;
	while (ast->blocks) {
		struct hb_ast_block *next = ast->blocks->next;

		free(ast->blocks);
		ast->blocks = next;
	}
	free(ast);
}

void *hb_ast_alloc(struct hb_ast *ast, size_t size)
{
	struct hb_ast_block *block = calloc(1, sizeof(*block) + size);

	if (!block)
		return NULL;
	block->next = ast->blocks;
	ast->blocks = block;
	return block->memory;
}

struct hb_place hb_ast_text_locate(const struct hb_ast_text *text, int column)
{
	struct hb_place place = text->start;
	const char *at = text->source;

	if (column <= 0)
		return place;
	if (text->quoted)
		place.column++;
	for (int i = 1; i < column && i <= (int)strlen(text->text); i++) {
		if (text->quoted && at[0] == '\\' && at[1] == '"') {
			at++;
			place.column++;
		}
		place.column++;
		if (*at++ == '\n') {
			place.line++;
			place.column = 1;
		}
	}
	return place;
}
