/* SPDX-License-Identifier: BSD-2-Clause */
#include <honeybrid/types.h>
#include <honeybrid/version.h>

#include "unit.h"

#include <errno.h>
#include <string.h>

START_TEST(everything_is_filled_in)
{
	struct hb_error err;

	memset(&err, 0xa5, sizeof(err));
	ck_assert_int_eq(hb_error_set(&err, HB_ERROR_CONFIG, 7, "unknown module \"%s\"", "hsah"),
			 -EINVAL);
	ck_assert_int_eq(err.code, HB_ERROR_CONFIG);
	ck_assert_int_eq(err.line, 0);
	ck_assert_int_eq(err.column, 7);
	ck_assert_str_eq(err.message, "unknown module \"hsah\"");
}
END_TEST

START_TEST(each_code_has_its_errno)
{
	ck_assert_int_eq(hb_error_set(NULL, HB_ERROR_CONFIG, 0, "x"), -EINVAL);
	ck_assert_int_eq(hb_error_set(NULL, HB_ERROR_FILTER, 0, "x"), -EINVAL);
	ck_assert_int_eq(hb_error_set(NULL, HB_ERROR_STATE, 0, "x"), -EIO);
	ck_assert_int_eq(hb_error_set(NULL, HB_ERROR_SYSTEM, 0, "x"), -ENOMEM);
}
END_TEST

START_TEST(a_long_message_is_cut)
{
	struct hb_error err;

	hb_error_set(&err, HB_ERROR_CONFIG, 0, "%0*d", 1000, 7);
	ck_assert_uint_eq(strlen(err.message), sizeof(err.message) - 1);
}
END_TEST

START_TEST(the_library_says_its_version)
{
	ck_assert_str_eq(hb_version(), HB_VERSION);
	ck_assert_ptr_nonnull(strchr(hb_version(), '.'));
}
END_TEST

UNIT_MAIN("error", everything_is_filled_in, each_code_has_its_errno, a_long_message_is_cut,
	  the_library_says_its_version)
