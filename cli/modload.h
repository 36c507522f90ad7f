/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the module of a section comes from: built in, or from a shared object.
 *
 * What is loaded runs with all of the daemon's rights, so a file is only opened if none but root
 * and the daemon's own user can have written it, or put it where it is.
 */
#ifndef HB_MODLOAD_H
#define HB_MODLOAD_H

#include "exit.h"

#include <honeybrid/policy.h>

/* The shared objects that one configuration uses. */
struct hb_modload;

/*
 * Makes an empty set, given: free with hb_modload_free(). NULL if memory is short.
 *
 * @directory  where functions without a path are looked for; absolute; borrowed until freed.
 */
struct hb_modload *hb_modload_new(const char *directory);

/* Closes the files: no policy may use their modules any more. NULL is fine. */
void hb_modload_free(struct hb_modload *modload);

/*
 * Finds a module and checks that it can be used.
 *
 * @function  a built-in one's name, else NAME for DIRECTORY/NAME.so, or a file's absolute path.
 * @module    where to put it; borrowed until hb_modload_free().
 * Returns    0, or with *err filled in: -ENOENT if a function without a path is nowhere, -EINVAL
 * for all else.
 */
int hb_modload_find(struct hb_modload *modload, const char *function,
		    const struct hb_module **module, struct hb_cli_error *err);

#endif
