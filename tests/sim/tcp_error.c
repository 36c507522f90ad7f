/* SPDX-License-Identifier: BSD-2-Clause */
/* What an ICMP error says of a path: RFC 5927 on which to believe, RFC 1191 and 8201 on its width. */
#include "icmp.h"

#define V4_LEAST 576
#define V6_LEAST 1280

void tcp_error(struct tcp *tcp, const struct hb_packet *error, uint64_t now)
{
	struct hb_packet quoted;
	uint32_t least = hb_addr_is_ipv4(&tcp->config.local.addr) ? V4_LEAST : V6_LEAST;

	if (!hb_packet_checksum_ok(error) || hb_packet_parse_quoted(error, &quoted) != 0)
		return;
	int32_t at = (int32_t)(quoted.seq - tcp->config.iss);
	uint32_t mtu = icmp_mtu(error);
	if (tcp->state != TCP_OPEN || at < tcp->una || at >= tcp->max)
		return;
	tcp->errors++;
	if (mtu < least || (tcp->path_bytes != 0 && (int32_t)mtu >= tcp->path_bytes))
		return;
	tcp->path_bytes = (int32_t)mtu;
	tcp_resend(tcp, now);
}
