/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag.h"

#include "unit.h"

#include <string.h>

static const char source[] = "first\n\tab\xc3\xa4 c\r\nlast";

static struct hb_diag *make(void)
{
	struct hb_diag *diag = hb_diag_new("f.conf", source, strlen(source));

	ck_assert_ptr_nonnull(diag);
	return diag;
}

static void expect(struct hb_diag *diag, const char *expected)
{
	char *said = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&said, &size);

	hb_diag_print(diag, out);
	fclose(out);
	ck_assert_str_eq(said, expected);
	free(said);
	hb_diag_free(diag);
}

START_TEST(the_order_is_that_of_the_file)
{
	struct hb_diag *diag = make();

	hb_diag_error(diag, HB_EXIT_FILTER, (struct hb_place){ 3, 1 }, "third");
	hb_diag_error(diag, HB_EXIT_CONFIG, (struct hb_place){ 1, 2 }, "first");
	hb_diag_warning(diag, (struct hb_place){ 1, 1 }, "a warning");
	hb_diag_error(diag, HB_EXIT_STATE, (struct hb_place){ 1, 2 }, "second, same place");
	ck_assert_uint_eq(hb_diag_error_count(diag), 3);
	ck_assert_int_eq(hb_diag_status(diag), HB_EXIT_CONFIG);
	expect(diag, "f.conf:1:1: warning: a warning\n"
		     "f.conf:1:2: error: first\nfirst\n ^\n"
		     "f.conf:1:2: error: second, same place\nfirst\n ^\n"
		     "f.conf:3:1: error: third\nlast\n^\n");
}
END_TEST

START_TEST(warnings_are_no_errors)
{
	struct hb_diag *diag = make();

	hb_diag_warning(diag, (struct hb_place){ 2, 3 }, "a %s", "warning");
	ck_assert_uint_eq(hb_diag_error_count(diag), 0);
	ck_assert_int_eq(hb_diag_status(diag), HB_EXIT_OK);
	expect(diag, "f.conf:2:3: warning: a warning\n");
}
END_TEST

START_TEST(the_caret_stands_under_the_column)
{
	struct hb_diag *diag = make();

	hb_diag_error(diag, HB_EXIT_CONFIG, (struct hb_place){ 2, 3 }, "behind a tab");
	hb_diag_error(diag, HB_EXIT_CONFIG, (struct hb_place){ 2, 7 }, "behind two bytes in one");
	hb_diag_error(diag, HB_EXIT_CONFIG, (struct hb_place){ 3, 5 }, "behind the end");
	expect(diag, "f.conf:2:3: error: behind a tab\n\tab\xc3\xa4 c\n\t ^\n"
		     "f.conf:2:7: error: behind two bytes in one\n\tab\xc3\xa4 c\n\t    ^\n"
		     "f.conf:3:5: error: behind the end\nlast\n    ^\n");
}
END_TEST

START_TEST(the_whole_file_has_no_place)
{
	struct hb_diag *diag = make();

	hb_diag_error(diag, HB_EXIT_SYSTEM, (struct hb_place){ 0, 0 }, "no memory");
	ck_assert_int_eq(hb_diag_status(diag), HB_EXIT_SYSTEM);
	expect(diag, "f.conf: error: no memory\n");
}
END_TEST

START_TEST(terminals_get_no_commands)
{
	struct hb_diag *diag = hb_diag_new("f", "\033[2J", 4);

	hb_diag_error(diag, HB_EXIT_CONFIG, (struct hb_place){ 1, 1 }, "\"\033[2J\"");
	expect(diag, "f:1:1: error: \"?[2J\"\n?[2J\n^\n");
}
END_TEST

UNIT_MAIN("diag", the_order_is_that_of_the_file, warnings_are_no_errors,
	  the_caret_stands_under_the_column, the_whole_file_has_no_place, terminals_get_no_commands)
