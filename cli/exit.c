/* SPDX-License-Identifier: BSD-2-Clause */
#include "exit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int hb_cli_error_set(struct hb_cli_error *err, enum hb_exit status, const char *format, ...)
{
	va_list args;

	if (!err)
		return -1;
	err->status = status;
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	return -1;
}

enum hb_exit hb_exit_from_errno(int error)
{
	return error == EACCES || error == EPERM ? HB_EXIT_PRIVILEGE : HB_EXIT_SYSTEM;
}
