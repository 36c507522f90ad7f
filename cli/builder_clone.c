/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clones. What goes to one needs a mark, by which the kernel's routes lead it to the right interface.
 * An uplink on that interface has one; without, the interface's index does, which a script can read, too.
 */
#include "builder.h"

#include <stdlib.h>
#include <string.h>

/* Numbers names as they come; 0: no memory. */
static uint32_t number_supposed(struct hb_builder *builder, const char *name)
{
	const char **names;

	for (size_t i = 0; i < builder->supposed_count; i++) {
		if (strcmp(builder->supposed[i], name) == 0)
			return (uint32_t)i + 1;
	}
	names = reallocarray(builder->supposed, builder->supposed_count + 1, sizeof(*names));
	if (!names)
		return 0;
	builder->supposed = names;
	names[builder->supposed_count++] = name;
	return (uint32_t)builder->supposed_count;
}

static uint32_t find_interface(struct hb_builder *builder, const struct hb_ast_text *name)
{
	bool real = builder->interfaces == HB_INTERFACES_REAL;
	uint32_t index =
		real ? hb_interface_find(name->text) : number_supposed(builder, name->text);

	if (index == 0 && real)
		hb_builder_error(
			builder, name->start,
			"there is no interface \"%s\": a clone needs one of its own, made before "
			"honeybridd starts",
			name->text);
	else if (index == 0)
		hb_diag_error(builder->diag, HB_EXIT_SYSTEM, name->start, "out of memory");
	return index;
}

/* False, after saying why, if the index cannot be the mark. */
static bool check_index(struct hb_builder *builder, const struct hb_ast_text *name, uint32_t index)
{
	static const char advice[] = "an \"uplink\" section for the interface can give it a mark";

	if (index & ~builder->uplink_mask) {
		hb_builder_error(builder, name->start,
				 "the index %u of \"%s\" has bits beside uplink_mask %#x: %s",
				 index, name->text, builder->uplink_mask, advice);
		return false;
	}
	for (size_t i = 0; i < builder->uplink_count; i++) {
		if (builder->uplinks[i].mark != index)
			continue;
		hb_builder_error(builder, name->start,
				 "the index %u of \"%s\" is the mark of uplink \"%s\": %s", index,
				 name->text, builder->uplinks[i].name, advice);
		return false;
	}
	return true;
}

static bool find_mark(struct hb_builder *builder, const struct hb_ast_text *name, uint32_t index,
		      uint32_t *mark)
{
	for (size_t i = 0; i < builder->uplink_count; i++) {
		if (strcmp(builder->uplinks[i].interface, name->text) == 0) {
			*mark = builder->uplinks[i].mark;
			return true;
		}
	}
	*mark = index;
	return check_index(builder, name, index);
}

static void note(struct hb_builder *builder, struct hb_ast_statement *statement,
		 const struct hb_clone *clone)
{
	enum { SIZE = 40 };
	char *text = hb_ast_alloc(builder->ast, SIZE);

	if (text)
		snprintf(text, SIZE, "(index %u, mark %#x)", clone->interface, clone->mark);
	statement->note = text;
}

void hb_builder_add_clone(struct hb_builder *builder, struct hb_target *target,
			  struct hb_ast_statement *statement, const struct hb_endpoint *endpoint)
{
	const struct hb_ast_text *tag = statement->operands;
	const struct hb_ast_text *interface = tag->next->next, *rule = interface->next;
	struct hb_clone clone = { .tag = tag->text };
	struct hb_error err = { 0 };

	clone.interface = find_interface(builder, interface);
	if (clone.interface == 0 || !find_mark(builder, interface, clone.interface, &clone.mark))
		return;
	if (hb_target_add_clone(target, &clone, endpoint, rule ? rule->text : NULL, &err) < 0) {
		hb_diag_error(builder->diag, hb_builder_status(err.code),
			      hb_ast_text_locate(rule && err.column ? rule : tag, err.column), "%s",
			      err.message);
		return;
	}
	note(builder, statement, &clone);
}
