/* SPDX-License-Identifier: BSD-2-Clause */
/* What recordings may take: an engine's all together, and those of one source (handover rule 33). */
#ifndef HB_BUDGET_H
#define HB_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One source gets so much of the whole: others must find room beside it. */
#define HB_BUDGET_PARTS 4

struct hb_budget {
	struct hb_budget *whole; /* that this is a part of; NULL: it is the whole */
	uint64_t used_bytes;
	uint64_t max_total_bytes; /* of the whole only, as the next */
	size_t max_each_bytes;    /* of each run of bytes, and list of turns */
};

/* Takes so many bytes. False: they would be more than the source may have, or all together. */
static inline bool hb_budget_take(struct hb_budget *budget, size_t bytes)
{
	struct hb_budget *whole = budget->whole != NULL ? budget->whole : budget;
	if (whole->used_bytes + bytes > whole->max_total_bytes)
		return false;
	if (budget != whole &&
	    budget->used_bytes + bytes > whole->max_total_bytes / HB_BUDGET_PARTS)
		return false;
	if (budget != whole)
		budget->used_bytes += bytes;
	whole->used_bytes += bytes;
	return true;
}

static inline void hb_budget_give(struct hb_budget *budget, size_t bytes)
{
	budget->used_bytes -= bytes;
	if (budget->whole != NULL)
		budget->whole->used_bytes -= bytes;
}

static inline size_t hb_budget_each(const struct hb_budget *budget)
{
	return budget->whole != NULL ? budget->whole->max_each_bytes : budget->max_each_bytes;
}

#endif
