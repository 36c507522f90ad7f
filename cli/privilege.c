/* SPDX-License-Identifier: BSD-2-Clause */
#include "privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>

int hb_privilege_drop(struct hb_cli_error *err)
{
	bool bounding;

	if (capng_get_caps_process() != 0)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot read capabilities");
	/* Only who may shrink the bounding set does; no_new_privs makes it moot for all others. */
	bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	capng_clear(CAPNG_SELECT_ALL);
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
	if (capng_apply(bounding ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) != 0)
		return hb_cli_error_set(err, HB_EXIT_PRIVILEGE,
					"cannot keep CAP_NET_ADMIN alone: %s", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot give up new privileges: %s",
					strerror(errno));
	return 0;
}
