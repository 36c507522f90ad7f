/* SPDX-License-Identifier: BSD-2-Clause */
/* A line of a state file, from and to text. Messages of errors say nothing of file and line. */
#ifndef HB_STORE_TEXT_H
#define HB_STORE_TEXT_H

#include "store.h"

/* Room for any line, with the terminating zero but without the line's end. */
#define HB_STORE_TEXT_SIZE 1024

/* True if the layout's fields are within the value, and lines are not too long. */
bool hb_store_text_fits(const struct hb_store_layout *layout, size_t value_size);

/* True if lines of one layout mean the same in the other, and values lie the same in memory. */
bool hb_store_text_same(const struct hb_store_layout *a, const struct hb_store_layout *b);

/* Writes "key=field TAB field ...". */
void hb_store_text_write(const struct hb_store_layout *layout, const struct hb_store_item *item,
			 char text[HB_STORE_TEXT_SIZE]);

/*
 * Reads such a line.
 *
 * @text  changed.
 * @item  all but its group is filled in.
 */
int hb_store_text_read(const struct hb_store_layout *layout, char *text, struct hb_store_item *item,
		       struct hb_error *err);

/*
 * Reads a group's name from "[name]".
 *
 * @text  changed.
 */
int hb_store_text_read_group(const struct hb_store_layout *layout, char *text,
			     char group[HB_STORE_GROUP_MAX + 1], struct hb_error *err);

#endif
