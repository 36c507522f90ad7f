/* SPDX-License-Identifier: BSD-2-Clause */
/* The dry run: a configuration over a capture, in the capture's time. */
#ifndef HB_OFFLINE_H
#define HB_OFFLINE_H

#include "config.h"

/*
 * Asks the configuration's rules about every packet of a capture and prints the verbose log on
 * standard output, a summary and errors on standard error. Nothing is sent, no other file is read
 * or written, no privilege is needed.
 *
 * @config  its outputs are changed: standard output, verbose.
 * @path    a pcap or pcapng file, "-" for standard input.
 * Returns  the status to end with; after HB_EXIT_CAPTURE what could be read is in the log.
 */
enum hb_exit hb_offline_run(struct hb_config *config, const char *path);

#endif
