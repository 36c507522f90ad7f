/* SPDX-License-Identifier: BSD-2-Clause */
#include "suggest.h"

#include "unit.h"

#include <string.h>

static const char *const words[] = { "expiration", "expiration_delay", "hash", "counter", "or" };

static const char *suggest(const char *word)
{
	return hb_suggest(word, words, sizeof(words) / sizeof(*words));
}

START_TEST(each_kind_of_slip_counts_once)
{
	ck_assert_str_eq(suggest("hash"), "hash");
	ck_assert_str_eq(suggest("has"), "hash");   /* missing */
	ck_assert_str_eq(suggest("haash"), "hash"); /* additional */
	ck_assert_str_eq(suggest("hush"), "hash");  /* wrong */
	ck_assert_str_eq(suggest("hsah"), "hash");  /* swapped */
	ck_assert_str_eq(suggest("HASH"), "hash");
	ck_assert_ptr_null(suggest("hxxh"));
	ck_assert_ptr_null(suggest("hsahh")); /* two slips in five letters */
}
END_TEST

START_TEST(long_words_may_have_three_slips)
{
	ck_assert_str_eq(suggest("exprtion_dely"), "expiration_delay");
	ck_assert_ptr_null(suggest("exprton_dely"));
}
END_TEST

START_TEST(the_nearest_one_wins)
{
	ck_assert_str_eq(suggest("expirations"), "expiration");
	ck_assert_str_eq(suggest("expiration_dely"), "expiration_delay");
	/* All of these are near. */
	const char *const near[] = { "countess", "counters", "counties" };

	ck_assert_str_eq(hb_suggest("counter", near, 3), "counters");
}
END_TEST

START_TEST(what_has_nothing_in_common_is_not_suggested)
{
	ck_assert_ptr_null(suggest(""));
	ck_assert_ptr_null(suggest("x"));
	ck_assert_ptr_null(suggest("xy"));

	const char *const short_word = "y";

	ck_assert_ptr_null(hb_suggest("x", &short_word, 1));
	ck_assert_ptr_null(hb_suggest("hash", NULL, 0));
}
END_TEST

START_TEST(words_of_any_length_are_fine)
{
	char longest[49], longer[50];
	const char *candidates[] = { longer, longest };

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	ck_assert_ptr_eq(hb_suggest(longest, candidates, 2), longest);
	ck_assert_ptr_null(hb_suggest(longer, candidates, 2));
}
END_TEST

UNIT_MAIN("suggest", each_kind_of_slip_counts_once, long_words_may_have_three_slips,
	  the_nearest_one_wins, what_has_nothing_in_common_is_not_suggested,
	  words_of_any_length_are_fine)
