/* SPDX-License-Identifier: BSD-2-Clause */
/* A capture file (pcap or pcapng) as a row of IP packets with the time of each. */
#ifndef HB_CAPTURE_H
#define HB_CAPTURE_H

#include "exit.h"

#include <honeybrid/packet.h>

struct hb_capture;

/* What was met so far. */
struct hb_capture_counters {
	uint64_t frames;
	uint64_t span_ns;    /* from the first to the last */
	uint64_t without_ip; /* or of a kind that is not looked into */
	uint64_t completed;  /* cut by the snap length, and filled up with zeros */
	uint64_t too_short;  /* cut within the headers: passed over */
};

/*
 * Opens a capture.
 *
 * @path    a file, or "-" for standard input; borrowed until the capture is closed.
 * Returns  the capture, given: close with hb_capture_close(). NULL with *err filled in: status
 *          HB_EXIT_NO_INPUT if it cannot be read, HB_EXIT_CAPTURE if it is no capture, or of a link
 *          layer that is not known.
 */
struct hb_capture *hb_capture_open(const char *path, struct hb_cli_error *err);

/* NULL is fine. */
void hb_capture_close(struct hb_capture *capture);

/*
 * Reads on to the next IP packet.
 *
 * @dgram  gets it, borrowed until the next call; its bytes may be written to. What the snap length
 *         cut off is zero. Nothing is said of its checksum: a capture taken where a packet was sent
 *         has unfinished ones.
 * @time   gets its time, never before that of the packet before; mono_ns counts from the first.
 * Returns 1; 0 at the end; -1 with *err filled in where the file is damaged.
 */
int hb_capture_next(struct hb_capture *capture, struct hb_datagram *dgram, struct hb_time *time,
		    struct hb_cli_error *err);

void hb_capture_get_counters(const struct hb_capture *capture,
			     struct hb_capture_counters *counters);

/* How much of the file is read, in percent; -1 if its length is not known. */
int hb_capture_percent(const struct hb_capture *capture);

#endif
