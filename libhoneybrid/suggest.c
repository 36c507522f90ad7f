/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Optimal string alignment: Levenshtein's distance in which two swapped neighbours are one slip
 * (Damerau), without a second edit of what was swapped. Three rows of the table are enough.
 */
#include "suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define WORD_MAX 48
#define SLIPS_MAX 3

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static int letter(const char *word, size_t i)
{
	return tolower((unsigned char)word[i]);
}

static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];

	for (unsigned j = 0; j <= b_len; j++)
		last[j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		row[0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			bool same = letter(a, i - 1) == letter(b, j - 1);

			row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + !same);
			if (i > 1 && j > 1 && letter(a, i - 1) == letter(b, j - 2) &&
			    letter(a, i - 2) == letter(b, j - 1))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		unsigned *oldest = before;
		before = last;
		last = row;
		row = oldest;
	}
	return last[b_len];
}

const char *hb_suggest(const char *word, const char *const *candidates, size_t count)
{
	size_t len = strlen(word);
	const char *best = NULL;

	if (len == 0 || len > WORD_MAX)
		return NULL;
	unsigned best_slips = len < 3 ? 2 : least((unsigned)len / 3, SLIPS_MAX) + 1;
	for (size_t i = 0; i < count; i++) {
		size_t candidate_len = strlen(candidates[i]);

		if (candidate_len > WORD_MAX)
			continue;
		unsigned slips = distance(word, len, candidates[i], candidate_len);
		/* Something must be left of the candidate, or "x" would be near to "y". */
		if (slips < best_slips && slips < candidate_len) {
			best_slips = slips;
			best = candidates[i];
		}
	}
	return best;
}
