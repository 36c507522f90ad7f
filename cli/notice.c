/* SPDX-License-Identifier: BSD-2-Clause */
#include "notice.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

void hb_notice_say(const struct hb_notice *notice, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (notice->to_syslog)
		syslog(LOG_DAEMON | LOG_NOTICE, "%s", text);
	else
		fprintf(stderr, "honeybridd: %s\n", text);
}

void hb_notice_quote(const struct hb_notice *notice, const char *text)
{
	if (!notice->to_syslog) {
		fputs(text, stderr);
		return;
	}
	while (*text) {
		size_t length = strcspn(text, "\n");

		syslog(LOG_DAEMON | LOG_NOTICE, "%.*s", (int)length, text);
		text += length;
		text += *text == '\n';
	}
}
