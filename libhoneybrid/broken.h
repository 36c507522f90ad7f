/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hb_broken(cond) is true if something that our own code guarantees does not hold. Builds with
 * -Dstrict=true (debug, test, fuzz) stop at once; others go on, and the caller drops or contains.
 */
#ifndef HB_BROKEN_H
#define HB_BROKEN_H

#include <stdbool.h>
#include <stdlib.h>

static inline bool hb_broken(bool cond)
{
#ifdef HB_STRICT
	if (cond)
		abort();
#endif
	return __builtin_expect(cond, false);
}

#endif
