/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of "config" sections. */
#ifndef HB_SETTINGS_H
#define HB_SETTINGS_H

#include "ast.h"
#include "config.h"

/* Sets the defaults, then what the sections say. Texts in config point into the tree. */
void hb_settings_apply(struct hb_config *config, const struct hb_ast *ast, struct hb_diag *diag);

#endif
