/* SPDX-License-Identifier: BSD-2-Clause */
/* What the program says about itself: on stderr, or in syslog when it runs in the background. */
#ifndef HB_NOTICE_H
#define HB_NOTICE_H

#include <stdbool.h>

struct hb_notice {
	bool to_syslog;
};

/* Says one line. */
void hb_notice_say(const struct hb_notice *notice, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Passes on lines that somebody else has written: on stderr as they are. */
void hb_notice_quote(const struct hb_notice *notice, const char *text);

#endif
