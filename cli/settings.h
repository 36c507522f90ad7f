/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of "config" sections. */
#ifndef HB_SETTINGS_H
#define HB_SETTINGS_H

#include "ast.h"
#include "config.h"

/* Sets the defaults, then what the sections say. Texts in config point into the tree. */
void hb_settings_apply(struct hb_config *config, const struct hb_ast *ast, struct hb_diag *diag);

/* There are no more keys than that. */
#define HB_SETTINGS_MAX 64

/*
 * Compares what only a start can change: all keys but those about flows.
 *
 * @names   gets the names of the keys that differ, constant texts.
 * Returns  how many there are.
 */
size_t hb_settings_compare(const struct hb_config *a, const struct hb_config *b,
			   const char *names[HB_SETTINGS_MAX]);

#endif
