/* SPDX-License-Identifier: BSD-2-Clause */
#include <honeybrid/types.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static int errno_of(enum hb_error_code code)
{
	switch (code) {
	case HB_ERROR_STATE:
		return -EIO;
	case HB_ERROR_SYSTEM:
		return -ENOMEM;
	case HB_ERROR_NONE:
	case HB_ERROR_CONFIG:
	case HB_ERROR_FILTER:
	case HB_ERROR_COUNT:
		break;
	}
	return -EINVAL;
}

int hb_error_set(struct hb_error *err, enum hb_error_code code, int column, const char *format, ...)
{
	va_list args;

	if (!err)
		return errno_of(code);
	err->code = code;
	err->line = 0;
	err->column = column;
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	return errno_of(code);
}
