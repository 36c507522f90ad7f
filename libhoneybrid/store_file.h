/* SPDX-License-Identifier: BSD-2-Clause */
/* The only file of the library that reads and writes files: what modules remember. */
#ifndef HB_STORE_FILE_H
#define HB_STORE_FILE_H

#include "store.h"

/*
 * Reads a state file into a store that is empty and has a layout. A file that is not there is one
 * without entries.
 * Errors: code HB_ERROR_STATE; file and line are in the message.
 */
int hb_store_file_load(struct hb_store *store, const char *path, struct hb_error *err);

/*
 * Writes a state file. Whoever reads the path, also after a loss of power, finds the old one or the
 * new one, complete.
 *
 * @now_us  what has expired by then is left out.
 */
int hb_store_file_save(const struct hb_store *store, const char *path, int64_t now_us,
		       struct hb_error *err);

#endif
