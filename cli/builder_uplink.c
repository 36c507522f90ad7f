/* SPDX-License-Identifier: BSD-2-Clause */
#include "builder.h"

#include "value.h"

#include <string.h>

enum key { KEY_INTERFACE = 0, KEY_MARK, KEY_IP, KEY_COUNT };

static const char *const keys[KEY_COUNT] = {
	[KEY_INTERFACE] = "interface",
	[KEY_MARK] = "mark",
	[KEY_IP] = "ip",
};

static void check_value(struct hb_builder *builder, const char *key,
			const struct hb_ast_text *value)
{
	struct hb_addr addr;
	uint64_t mark;

	if (strcmp(key, "mark") == 0 &&
	    (!hb_value_read_number(value->text, &mark) || mark < 1 || mark > UINT32_MAX))
		hb_builder_error(builder, value->start,
				 "\"mark\" is \"%s\": expected a whole number within uplink_mask",
				 value->text);
	else if (strcmp(key, "ip") == 0 && hb_addr_parse(value->text, &addr) < 0)
		hb_builder_error(builder, value->start, "\"%s\" is not an IP address", value->text);
	else if (*value->text == '\0')
		hb_builder_error(builder, value->start, "\"%s\" is empty: expected a name", key);
}

static void add(struct hb_builder *builder, const struct hb_ast_section *section,
		const struct hb_ast_text *const values[KEY_COUNT])
{
	const char *interface = values[KEY_INTERFACE]->text;
	struct hb_uplink uplink = { .name = section->name->text };
	struct hb_error err = { 0 };
	uint64_t mark;

	hb_value_read_number(values[KEY_MARK]->text, &mark);
	hb_addr_parse(values[KEY_IP]->text, &uplink.ip);
	uplink.mark = (uint32_t)mark;
	if (hb_policy_add_uplink(builder->policy, &uplink, &err) < 0) {
		hb_diag_error(builder->diag, hb_builder_status(err.code), values[KEY_MARK]->start,
			      "%s", err.message);
		return;
	}
	builder->uplinks[builder->uplink_count++] =
		(struct hb_builder_uplink){ uplink.name, interface, uplink.mark };
	if (builder->interfaces == HB_INTERFACES_SUPPOSED)
		return;
	/* A tunnel may come up later: nothing here needs its index. */
	if (hb_interface_find(interface) == 0)
		hb_diag_warning(builder->diag, values[KEY_INTERFACE]->start,
				"there is no interface \"%s\" now", interface);
	else if (!hb_interface_has(interface, &uplink.ip))
		hb_diag_warning(builder->diag, values[KEY_IP]->start,
				"interface \"%s\" has no address \"%s\" now", interface,
				values[KEY_IP]->text);
}

void hb_builder_add_uplink(struct hb_builder *builder, const struct hb_ast_section *section)
{
	const struct hb_ast_text *seen[KEY_COUNT] = { NULL };
	size_t errors = hb_diag_error_count(builder->diag);

	for (const struct hb_ast_statement *statement = section->statements; statement;
	     statement = statement->next) {
		const char *key = statement->key->text;
		size_t i = 0;

		while (i < KEY_COUNT && strcmp(keys[i], key) != 0)
			i++;
		if (i == KEY_COUNT) {
			hb_builder_refuse_word(builder, statement->key->start, "key", key, keys,
					       KEY_COUNT);
		} else if (seen[i]) {
			hb_builder_error(builder, statement->key->start,
					 "\"%s\" is already set in line %d", key,
					 seen[i]->start.line);
		} else {
			seen[i] = statement->operands;
			check_value(builder, key, statement->operands);
		}
	}
	for (size_t i = 0; i < KEY_COUNT && !section->damaged; i++) {
		if (!seen[i])
			hb_builder_error(builder, section->name->start,
					 "uplink \"%s\" has no %s: expected \"%s = …;\"",
					 section->name->text, keys[i], keys[i]);
	}
	if (!section->damaged && hb_diag_error_count(builder->diag) == errors)
		add(builder, section, seen);
}
