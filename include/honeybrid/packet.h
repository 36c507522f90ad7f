/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A datagram is what goes into the engine and comes out of it; a packet is the parsed, read-only
 * view of one, made in one place and never re-read from raw offsets.
 */
#ifndef HONEYBRID_PACKET_H
#define HONEYBRID_PACKET_H

#include <honeybrid/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is known of a datagram's transport checksum. */
enum hb_checksum {
	HB_CHECKSUM_COMPLETE = 0, /* the field claims to be right; nobody verified it */
	HB_CHECKSUM_PARTIAL, /* the field holds the pseudo-header's sum; a device would finish it */
	HB_CHECKSUM_COUNT
};

/*
 * An IP packet (no link layer) with what the embedder knows of it.
 *
 * The embedder owns the memory. The engine may change data[0..cap) and len when it answers
 * HB_ACCEPT_MODIFIED; it never keeps the pointer.
 */
struct hb_datagram {
	uint8_t *data;
	size_t len;
	size_t cap;             /* room from data on; at least len */
	uint32_t in_interface;  /* index, 0 for unknown or for a packet of this host */
	uint32_t out_interface; /* set by the engine: where to send; 0 for "by routing" */
	/*
	 * Packet mark. The engine changes its bits in hb_options.uplink_mask where it knows the way
	 * out: to the uplink of the flow, or to a clone. An accepted packet goes on with it.
	 */
	uint32_t mark;
	enum hb_checksum checksum;
	bool gso; /* one super-packet of many segments: its payload length must not change */
	/*
	 * Set by the embedder if a connection tracker with address translation sees the packet:
	 * then a flow's first packet must go on, or the tracker forgets the flow. It sees packets
	 * that were routed already: one for a clone is always HB_ACCEPT_MODIFIED.
	 */
	bool tracked;
	/*
	 * Set by the engine where it modifies a TCP packet: payload bytes that its receiver takes
	 * in one segment; 0 for unknown. Of use to who must cut a super-packet.
	 */
	uint16_t segment_bytes;
};

/* TCP flags as they lie in the header's 14th byte (RFC 9293, 3.1). */
#define HB_TCP_FIN 0x01
#define HB_TCP_SYN 0x02
#define HB_TCP_RST 0x04
#define HB_TCP_PSH 0x08
#define HB_TCP_ACK 0x10
#define HB_TCP_URG 0x20
#define HB_TCP_ECE 0x40
#define HB_TCP_CWR 0x80

/* Protocol numbers that the engine knows (IANA). */
#define HB_PROTO_ICMP 1
#define HB_PROTO_TCP 6
#define HB_PROTO_UDP 17
#define HB_PROTO_ICMPV6 58

/* Which TCP options a segment carries: bits of hb_tcp_options.present. */
#define HB_TCPOPT_MSS 0x01
#define HB_TCPOPT_WSCALE 0x02
#define HB_TCPOPT_SACK_OK 0x04
#define HB_TCPOPT_SACK 0x08
#define HB_TCPOPT_TIMESTAMP 0x10
#define HB_TCPOPT_FASTOPEN 0x20
#define HB_TCPOPT_FOREIGN                                                                          \
	0x40 /* an option that a session cannot be handed over with: MPTCP, TCP-AO, MD5 */
#define HB_TCPOPT_UNKNOWN 0x80 /* any other option */

#define HB_TCP_SACK_MAX 4

/*
 * The options of a TCP segment (RFC 9293, 3.1; RFC 7323; RFC 2018). Where an option comes twice
 * the last one counts, as in Linux. Offsets are from the start of the datagram, 0 for "absent",
 * and point at the option's kind byte.
 */
struct hb_tcp_options {
	uint8_t present;
	uint8_t wscale; /* at most 14 (RFC 7323, 2.3) */
	uint16_t mss;
	uint32_t tsval, tsecr;
	uint8_t sack_count;
	bool is_signed; /* MD5 or TCP-AO, beside HB_TCPOPT_FOREIGN */
	uint16_t timestamp_offset;
	uint16_t sack_offset;
	struct {
		uint32_t left, right;
	} sack[HB_TCP_SACK_MAX];
};

/*
 * A parsed IPv4 or IPv6 packet. All numbers are in host byte order. Every offset and length is
 * inside data[0..len): checked once, by hb_packet_parse().
 */
struct hb_packet {
	const uint8_t *data; /* borrowed from the datagram */
	size_t len;          /* what the IP header says; bytes behind it are link-layer padding */
	struct hb_addr src, dst;
	uint8_t ip_version;  /* 4 or 6 */
	uint8_t protocol;    /* transport protocol, behind IPv6 extension headers */
	uint8_t ttl;         /* or hop limit */
	uint8_t tos;         /* DSCP and ECN bits (or IPv6 traffic class) */
	uint16_t ip_id;      /* IPv4 identification; 0 for IPv6 */
	uint32_t flow_label; /* IPv6; 0 for IPv4 */
	bool dont_fragment;
	bool is_fragment; /* a piece of a larger packet; an atomic fragment (RFC 6946) is not one */
	bool more_fragments; /* and not its last one */
	bool ip_options;     /* the IPv4 header has options */
	bool refused; /* no server takes it, for its IPv4 options or IPv6 extension headers */
	uint16_t fragment_offset_bytes;
	uint32_t fragment_id; /* which packet it is a piece of; else 0 */
	uint16_t
		fragment_header_offset; /* IPv6: the fragment header, and the byte that says that */
	uint16_t fragment_link_offset;  /* it follows (RFC 8200, 4.5); else 0 */
	uint16_t l4_offset;             /* where the transport header starts */
	uint16_t payload_offset;        /* where its payload starts */
	size_t payload_len;
	/* TCP, UDP: the ports. ICMP echo: the identifier in both. Else 0; a later fragment: 0. */
	uint16_t src_port, dst_port;
	bool has_l4; /* the transport header is whole; never in later fragments, other protocols */
	/* TCP only */
	uint32_t seq, ack;
	uint16_t window; /* as on the wire, unscaled */
	uint16_t urgent;
	uint8_t tcp_flags;
	uint8_t tcp_reserved; /* the four bits beside the data offset */
	struct hb_tcp_options options;
	/* ICMP and ICMPv6 only */
	uint8_t icmp_type, icmp_code;
	bool is_icmp_error;     /* an error that quotes a packet */
	bool is_icmp_echo;      /* echo or its reply: both ports are the identifier */
	uint16_t quoted_offset; /* where the quoted IP header starts; 0 where none can be read */
};

/*
 * Parses one IP packet.
 *
 * @data    borrowed for as long as *packet is used.
 * @packet  filled in; undefined on failure.
 * Returns  0; -EINVAL for what no endpoint would take (wrong lengths, a header that does not fit, a
 *          TCP data offset below 5, a first fragment without its transport header (RFC 7112; over
 *          IPv4 TCP's may be cut, and over IPv6 its options: has_l4 is false then),
 *          an IPv6 packet with a v4-mapped address, a jumbogram, a routing header with segments
 *          left, more extension headers than a packet has room for). Checksums are not looked at.
 * Thread   any.
 */
HB_API int hb_packet_parse(const uint8_t *data, size_t len, struct hb_packet *packet);

/*
 * Parses the packet that an ICMP error quotes. It is usually cut short: only the IP header and the
 * first eight bytes behind it are sure (RFC 792, RFC 4443). The result has addresses, ports (or the
 * identifier of an echo), ICMP type and code, and (TCP) seq; other transport fields are 0. data
 * points at the quoted IP header, len is what is there of the packet, has_l4 says that the eight
 * bytes are there (true for TCP, UDP and ICMP but in later fragments), payload_len is 0.
 *
 * Returns 0, or -EINVAL if nothing useful is quoted.
 */
HB_API int hb_packet_parse_quoted(const struct hb_packet *error, struct hb_packet *quoted);

/*
 * True if the transport checksum (TCP, UDP, ICMP, ICMPv6) is right; also for a UDP checksum of 0
 * over IPv4 (RFC 768) and for protocols and fragments that cannot be checked.
 */
HB_API bool hb_packet_checksum_ok(const struct hb_packet *packet);

/*
 * Writes piece number index of a TCP packet that is longer than a link carries: for who must send a
 * super-packet without a device that segments it.
 *
 * @segment_bytes  payload of every piece but the last; index counts from 0.
 * @buf            gets a whole packet with right checksums; must not overlap the packet.
 * Returns         its length; 0 behind the last piece, for other protocols, or if cap is too small.
 * Thread          any.
 */
HB_API size_t hb_packet_segment(const struct hb_packet *packet, size_t segment_bytes, size_t index,
				uint8_t *buf, size_t cap);

/*
 * Writes piece number index of a packet that is longer than a link carries: a fragment (RFC 791,
 * 3.2; RFC 8200, 4.5) of at most piece_bytes, its IP header included.
 *
 * @id     identification of the whole, the same for all pieces, not 0; for IPv4 only where the packet
 *         has none of its own.
 * @buf    gets the fragment; must not overlap the packet.
 * Returns its length; 0 behind the last piece, where nothing would fit into piece_bytes, or if cap
 *         is too small. A packet that need not be cut comes back as it is.
 * Thread  any.
 */
HB_API size_t hb_packet_fragment(const struct hb_packet *packet, uint32_t id, size_t piece_bytes,
				 size_t index, uint8_t *buf, size_t cap);

#ifdef __cplusplus
}
#endif

#endif
