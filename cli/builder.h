/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a syntax tree to a policy: instances first, then targets, so that their order in the file
 * does not matter. Every section is tried, whatever was wrong with those before it.
 */
#ifndef HB_BUILDER_H
#define HB_BUILDER_H

#include "ast.h"
#include "interface.h"
#include "modload.h"

#include <honeybrid/policy.h>

/* What is built, of what. */
struct hb_builder_setup {
	struct hb_policy *policy; /* empty, its options are set */
	struct hb_ast *ast;
	struct hb_modload *modload; /* where modules come from; must live as long as the policy */
	enum hb_interfaces interfaces;
	uint32_t uplink_mask;
	struct hb_diag *diag;
};

/* Adds all modules, uplinks and targets to a policy. If diag has errors then, it is of no use. */
void hb_builder_run(const struct hb_builder_setup *setup);

/* The exit status for an error of the library. */
enum hb_exit hb_builder_status(enum hb_error_code code);

/* The rest is between the builder's files. */

/* An uplink as other sections see it. */
struct hb_builder_uplink {
	const char *name, *interface;
	uint32_t mark;
};

struct hb_builder {
	struct hb_policy *policy;
	struct hb_ast *ast;
	struct hb_modload *modload;
	struct hb_diag *diag;
	enum hb_interfaces interfaces;
	uint32_t uplink_mask;
	const char **modules; /* names of all module sections, those with errors included */
	size_t module_count;
	struct hb_builder_uplink *uplinks; /* those without errors */
	size_t uplink_count;
	const char **supposed; /* interfaces by number, from 1 */
	size_t supposed_count;
};

/* Reports an error of configuration. */
#define hb_builder_error(builder, place, ...)                                                      \
	hb_diag_error((builder)->diag, HB_EXIT_CONFIG, place, __VA_ARGS__)

/* Writes words with commas between them; what does not fit is left out. */
void hb_builder_join(const char *const *words, size_t count, char *text, size_t size);

/* Reports an unknown word, with the nearest of count candidates or what was expected. */
void hb_builder_refuse_word(struct hb_builder *builder, struct hb_place place, const char *what,
			    const char *word, const char *const *candidates, size_t count);

/* Makes a module section's instance. */
void hb_builder_add_module(struct hb_builder *builder, const struct hb_ast_section *section);

/* Makes a target section's target. */
void hb_builder_add_target(struct hb_builder *builder, struct hb_ast_section *section);

/* Adds an uplink section's uplink. */
void hb_builder_add_uplink(struct hb_builder *builder, const struct hb_ast_section *section);

/* Adds a statement's clone; its operands are right in number and quoted where they must be. */
void hb_builder_add_clone(struct hb_builder *builder, struct hb_target *target,
			  struct hb_ast_statement *statement, const struct hb_endpoint *endpoint);

#endif
