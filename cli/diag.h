/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is wrong with one file: collected in any order, printed in the file's order.
 *
 *	honeybrid.conf:3:12: error: unknown module "hsah": did you mean "hash"?
 *		backend 10.0.0.3 "hsah";
 *				  ^
 */
#ifndef HB_DIAG_H
#define HB_DIAG_H

#include "exit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Lines and columns count from 1, columns in bytes; line 0 stands for the file as a whole. */
struct hb_place {
	int line, column;
};

struct hb_diag;

/*
 * Makes an empty collection, given: free with hb_diag_free(). NULL if memory is short.
 *
 * @file    the name to print; borrowed until freed.
 * @source  the file's text, for the lines to show; borrowed until freed.
 */
struct hb_diag *hb_diag_new(const char *file, const char *source, size_t length);
void hb_diag_free(struct hb_diag *diag);

/* Adds an error: nothing may start, and the program ends with status. */
void hb_diag_error(struct hb_diag *diag, enum hb_exit status, struct hb_place place,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Adds a warning: it is printed in one line, and that is all. */
void hb_diag_warning(struct hb_diag *diag, struct hb_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* How many errors there are so far. */
size_t hb_diag_error_count(const struct hb_diag *diag);

/* The status of the first error in the file, HB_EXIT_OK if there is none. */
enum hb_exit hb_diag_status(const struct hb_diag *diag);

/* Prints all of them, errors with their source line and a caret. */
void hb_diag_print(const struct hb_diag *diag, FILE *out);

#endif
