/* SPDX-License-Identifier: BSD-2-Clause */
/* How honeybridd ends, and the one error that ended it. */
#ifndef HB_EXIT_H
#define HB_EXIT_H

/* The numbers are sysexits.h's where one fits; they are part of the interface (honeybridd(8)). */
enum hb_exit {
	HB_EXIT_OK = 0,
	HB_EXIT_NOT_RUNNING = 1, /* the answer of -s */
	HB_EXIT_USAGE = 64,
	HB_EXIT_CAPTURE = 65,     /* a capture file is damaged or of an unsupported kind */
	HB_EXIT_NO_INPUT = 66,    /* a file cannot be read */
	HB_EXIT_QUEUE_TAKEN = 69, /* another program owns the queue number */
	HB_EXIT_SYSTEM = 71,
	HB_EXIT_STATE = 74, /* a module's state file is damaged */
	HB_EXIT_PRIVILEGE = 77,
	HB_EXIT_CONFIG = 78, /* a key, module, address or rule */
	HB_EXIT_FILTER = 79, /* libpcap refuses a filter */
};

/* What stopped the program from starting: one sentence and the status to end with. */
struct hb_cli_error {
	enum hb_exit status;
	char message[320];
};

/*
 * Fills in an error; cuts a message that is too long.
 *
 * @err     NULL is allowed: nothing happens.
 * Returns  -1, for "return hb_cli_error_set(...)".
 */
int hb_cli_error_set(struct hb_cli_error *err, enum hb_exit status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The status for an operation on a file or socket that failed with an errno. */
enum hb_exit hb_exit_from_errno(int error);

#endif
