/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP options: reading them, writing those of packets of our own, changing them in place. */
#ifndef HB_TCPOPT_H
#define HB_TCPOPT_H

#include <honeybrid/packet.h>

#define HB_TCPOPT_MAX_LEN 40

/*
 * Reads the options between the fixed header and the payload, as Linux does: a length below 2 or
 * past the end ends the list, and what came before it counts; a known option of another length than
 * its own is skipped, and so is an MSS of 0.
 *
 * @base    start of the datagram; *options gets offsets from here.
 * @offset  where the options start.
 * @len     how long they are: 0 to 40, all inside the datagram.
 */
void hb_tcpopt_parse(const uint8_t *base, size_t offset, size_t len,
		     struct hb_tcp_options *options);

/*
 * Writes options, padded with NOP to a multiple of four, in the order that Linux uses: MSS, SACK
 * permitted, timestamp, NOP, window scale for a SYN; NOP NOP timestamp, NOP NOP SACK for others. Only
 * MSS, WSCALE, SACK_OK and TIMESTAMP of options->present are written; without SYN only TIMESTAMP and
 * SACK, of which there is room for three blocks beside a timestamp.
 * Returns  the length, at most HB_TCPOPT_MAX_LEN.
 */
size_t hb_tcpopt_write(uint8_t out[HB_TCPOPT_MAX_LEN], const struct hb_tcp_options *options,
		       bool syn);

/* Of a timestamp in each segment, with its padding (RFC 7323, 3.2). */
#define HB_TCPOPT_TIMESTAMP_BYTES 12

/*
 * Payload of a segment to whom has such an MSS (0: said none), if each has the options that were granted.
 * An absurd MSS counts as 64.
 */
uint16_t hb_tcpopt_payload(uint16_t mss, uint8_t granted);

#endif
