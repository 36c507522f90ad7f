/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a syntax tree to a policy: instances first, then targets, so that their order in the file
 * does not matter. Every section is tried, whatever was wrong with those before it.
 */
#ifndef HB_BUILDER_H
#define HB_BUILDER_H

#include "ast.h"
#include "modload.h"

#include <honeybrid/policy.h>

/*
 * Adds all modules and targets to an empty policy. If diag has errors then, it is of no use.
 *
 * @modload  where modules come from; must live as long as the policy.
 */
void hb_builder_run(struct hb_policy *policy, struct hb_ast *ast, struct hb_modload *modload,
		    struct hb_diag *diag);

/* The exit status for an error of the library. */
enum hb_exit hb_builder_status(enum hb_error_code code);

/* The rest is between the builder's files. */

struct hb_builder {
	struct hb_policy *policy;
	struct hb_ast *ast;
	struct hb_modload *modload;
	struct hb_diag *diag;
	const char **modules; /* names of all module sections, those with errors included */
	size_t module_count;
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

/* Checks an uplink section. */
void hb_builder_check_uplink(struct hb_builder *builder, const struct hb_ast_section *section);

#endif
