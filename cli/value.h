/* SPDX-License-Identifier: BSD-2-Clause */
/* What the text of a value stands for. */
#ifndef HB_VALUE_H
#define HB_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/* yes/no, on/off, true/false, 1/0, in any case. Returns false for anything else. */
bool hb_value_read_bool(const char *text, bool *value);

/* A whole number, decimal or with 0x hexadecimal. Returns false for anything else. */
bool hb_value_read_number(const char *text, uint64_t *value);

#endif
