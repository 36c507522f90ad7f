/* SPDX-License-Identifier: BSD-2-Clause */
#include <honeybrid/version.h>

const char *hb_version(void)
{
	return HB_VERSION;
}
