/* SPDX-License-Identifier: BSD-2-Clause */
/* libpcap expressions on raw IP packets. */
#ifndef HB_FILTER_H
#define HB_FILTER_H

#include <honeybrid/packet.h>

struct hb_filter;

/*
 * Compiles an expression, given: free with hb_filter_free(). NULL with *err filled in: code
 * HB_ERROR_FILTER, and the column of the word that is wrong, 1 where libpcap does not tell.
 *
 * What libpcap wants written as "proto \tcp" is taken without the backslash too (tcp, udp, icmp).
 * What needs a link layer is refused.
 */
struct hb_filter *hb_filter_compile(const char *expression, struct hb_error *err);
void hb_filter_free(struct hb_filter *filter);

/*
 * True if the filter takes the packet. Of an IPv6 packet with extension headers the filter sees the
 * fixed header and what comes behind the extension headers. Thread: any.
 */
bool hb_filter_match(const struct hb_filter *filter, const struct hb_packet *packet);

#endif
