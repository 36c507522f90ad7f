/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Into the background, without losing what goes wrong on the way: the process that was started
 * waits until its child is ready, and ends with the child's status if it is not.
 */
#ifndef HB_BACKGROUND_H
#define HB_BACKGROUND_H

#include "exit.h"

struct hb_background {
	int report_fd; /* to the waiting parent; -1 in the foreground */
};

/*
 * Goes on in a child of its own session; the parent does not return. Before any thread exists.
 *
 * Returns  0, or -1 with *err filled in.
 */
int hb_background_enter(struct hb_background *background, struct hb_cli_error *err);

/* Lets go of the terminal and tells the parent to end with status 0. Nothing in the foreground. */
int hb_background_ready(struct hb_background *background, struct hb_cli_error *err);

/* Tells a parent that still waits to end with status. */
void hb_background_fail(struct hb_background *background, enum hb_exit status);

#endif
