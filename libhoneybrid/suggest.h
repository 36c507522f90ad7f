/* SPDX-License-Identifier: BSD-2-Clause */
/* "Did you mean": the nearest of the words that would have been right. */
#ifndef HB_SUGGEST_H
#define HB_SUGGEST_H

#include <stddef.h>

/*
 * The candidate that a person most likely meant by word, or NULL if none is near: one slip (a
 * missing, additional, wrong or swapped letter) for every three letters, from one to three. Case
 * does not count. Borrowed from candidates.
 */
const char *hb_suggest(const char *word, const char *const *candidates, size_t count);

#endif
