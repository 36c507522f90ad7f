/* SPDX-License-Identifier: BSD-2-Clause */
#include "builder.h"

#include "value.h"

#include <string.h>

#define MARK_MAX 0xffff

static void check_value(struct hb_builder *builder, const char *key,
			const struct hb_ast_text *value)
{
	struct hb_addr addr;
	uint64_t mark;

	if (strcmp(key, "mark") == 0 &&
	    (!hb_value_read_number(value->text, &mark) || mark < 1 || mark > MARK_MAX))
		hb_builder_error(builder, value->start,
				 "\"mark\" is \"%s\": expected a whole number from 1 to %d",
				 value->text, MARK_MAX);
	else if (strcmp(key, "ip") == 0 && hb_addr_parse(value->text, &addr) < 0)
		hb_builder_error(builder, value->start, "\"%s\" is not an IP address", value->text);
	else if (*value->text == '\0')
		hb_builder_error(builder, value->start, "\"%s\" is empty: expected a name", key);
}

void hb_builder_check_uplink(struct hb_builder *builder, const struct hb_ast_section *section)
{
	static const char *const keys[] = { "interface", "mark", "ip" };
	const struct hb_ast_text *seen[3] = { NULL };

	for (const struct hb_ast_statement *statement = section->statements; statement;
	     statement = statement->next) {
		const char *key = statement->key->text;
		size_t i = 0;

		while (i < 3 && strcmp(keys[i], key) != 0)
			i++;
		if (i == 3) {
			hb_builder_refuse_word(builder, statement->key->start, "key", key, keys, 3);
		} else if (seen[i]) {
			hb_builder_error(builder, statement->key->start,
					 "\"%s\" is already set in line %d", key,
					 seen[i]->start.line);
		} else {
			seen[i] = statement->operands;
			check_value(builder, key, statement->operands);
		}
	}
	for (size_t i = 0; i < 3 && !section->damaged; i++) {
		if (!seen[i])
			hb_builder_error(builder, section->name->start,
					 "uplink \"%s\" has no %s: expected \"%s = …;\"",
					 section->name->text, keys[i], keys[i]);
	}
	hb_diag_warning(builder->diag, section->keyword->start,
			"uplink \"%s\" has no effect in this build", section->name->text);
}
