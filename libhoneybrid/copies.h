/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of the client's bytes on their way to a honeypot. */
#ifndef HB_COPIES_H
#define HB_COPIES_H

#include "record.h"
#include "translate.h"

/*
 * Of copies of one byte the first that passed counts, for the honeypot as for the record: later
 * ones are made equal, not dropped, since the first may have been lost (handover rule 25). The same
 * holds for bytes that the gateway acknowledged: the client may not change its mind about them.
 * Behind a hole a later copy may count, as it does for Linux.
 *
 * @record  NULL: nothing is known.
 */
void hb_copies_unify(const struct hb_record *record, struct hb_edit *edit);

#endif
