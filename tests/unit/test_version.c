/* SPDX-License-Identifier: BSD-2-Clause */
#include <honeybrid/version.h>

#include "unit.h"

#include <stdio.h>

START_TEST(library_and_headers_agree)
{
	unsigned major, minor, patch;
	char rest;

	ck_assert_str_eq(hb_version(), HB_VERSION);
	ck_assert_int_eq(sscanf(hb_version(), "%u.%u.%u%c", &major, &minor, &patch, &rest), 3);
}
END_TEST

UNIT_MAIN("version", library_and_headers_agree)
