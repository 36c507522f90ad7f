/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of IPv4 and of IPv6's extension headers: whether a server takes a packet that has them. Where
 * systems differ Linux counts, as it is when nobody has set anything; what it cannot know of is refused,
 * such as a source route (handover rule 25).
 */
#ifndef HB_IPOPT_H
#define HB_IPOPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What lies behind the fixed IPv4 header. */
bool hb_ipopt_ipv4_taken(const uint8_t *options, size_t len);

/* Hop-by-hop or destination options: what lies behind the header's first two bytes. */
bool hb_ipopt_ipv6_taken(const uint8_t *options, size_t len, bool hop_by_hop);

#endif
