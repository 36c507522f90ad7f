/* SPDX-License-Identifier: BSD-2-Clause */
/* Gives up what honeybridd needs only to start. */
#ifndef HB_PRIVILEGE_H
#define HB_PRIVILEGE_H

#include "exit.h"

/*
 * Keeps CAP_NET_ADMIN, which nfnetlink checks at every verdict, and no other capability, now and
 * after any exec. Threads that exist already are not touched: call it before they start.
 *
 * Returns 0, or -1 with *err filled in.
 */
int hb_privilege_drop(struct hb_cli_error *err);

#endif
