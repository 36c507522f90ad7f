/* SPDX-License-Identifier: BSD-2-Clause */
/* Compares a datagram that left the gateway with what a script expects. */
#include "script.h"

#include "bytes.h"
#include "checksum.h"

#include <stdarg.h>
#include <string.h>

/* What is being compared, and room to say what differs. */
struct match {
	const struct script_expectation *expectation;
	const struct script_segment *want;
	const struct hb_packet *got;
	char *buf;
	size_t size;
};

/* Returns true for "they differ". */
static bool __attribute__((format(printf, 2, 3)))
say(const struct match *m, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(m->buf, m->size, format, args);
	va_end(args);
	return true;
}

static bool number_differs(const struct match *m, const char *name, uint32_t want, uint32_t got)
{
	return want != got && say(m, "%s is %u, not %u", name, got, want);
}

static bool address_differs(const struct match *m, const char *name, const struct hb_endpoint *want,
			    const struct hb_addr *addr, uint16_t port)
{
	const struct hb_endpoint got = { .addr = *addr, .port = port };
	char want_text[HB_ENDPOINT_TEXT_SIZE], got_text[HB_ENDPOINT_TEXT_SIZE];

	if (hb_addr_equal(&want->addr, addr) && (want->port == port || port == 0))
		return false;
	return say(m, "%s is %s, not %s", name, hb_endpoint_format(&got, got_text),
		   hb_endpoint_format(want, want_text));
}

static bool route_differs(const struct match *m)
{
	bool ports = m->got->protocol == HB_PROTO_TCP || m->got->protocol == HB_PROTO_UDP;

	return address_differs(m, "source", &m->expectation->src, &m->got->src,
			       ports && !m->expectation->any_port ? m->got->src_port : 0) ||
	       address_differs(m, "destination", &m->expectation->dst, &m->got->dst,
			       ports ? m->got->dst_port : 0);
}

/* Unless a device is to finish them, checksums must be right; or wrong, as they came. */
static bool checksum_differs(const struct match *m, bool partial)
{
	const struct hb_packet *got = m->got;

	if (got->ip_version == 4 &&
	    hb_checksum_fold(hb_checksum_add(0, got->data, (size_t)(got->data[0] & 0xf) * 4)) !=
		    0xffff)
		return say(m, "the IPv4 header's checksum is wrong");
	if (got->protocol == HB_PROTO_UDP) {
		bool none = hb_get_be16(got->data + hb_checksum_l4_offset(got)) == 0;

		if (none != m->want->nosum)
			return say(m, none ? "there is no checksum" : "a checksum was made up");
	}
	if (partial || hb_packet_checksum_ok(got) != m->want->badsum)
		return false;
	return say(m, m->want->badsum ? "a wrong checksum was repaired" : "the checksum is wrong");
}

static bool payload_differs(const struct match *m, const uint8_t *want, size_t want_len)
{
	const uint8_t *got = m->got->data + m->got->payload_offset;
	size_t i = 0;

	if (want_len != m->got->payload_len)
		return say(m, "the payload has %zu bytes, not %zu", m->got->payload_len, want_len);
	if (m->want->has & SCRIPT_LENGTH_ONLY)
		return false;
	while (i < want_len && want[i] == got[i])
		i++;
	return i < want_len && say(m, "the payload differs at byte %zu", i);
}

/* Where options are expected; what pads them counts as well, but for its end. */
static bool ip_options_differ(const struct match *m)
{
	size_t at = m->got->ip_version == 4 ? 20 : 42, len = m->want->ip_len;

	if (len == 0)
		return false;
	if (m->got->l4_offset < at + len)
		return say(m, "there are no such IP options");
	return memcmp(m->got->data + at, m->want->ip, len) != 0 && say(m, "IP options differ");
}

static bool ip_differs(const struct match *m)
{
	const struct script_segment *want = m->want;
	const struct hb_packet *got = m->got;

	return ((want->has & SCRIPT_HAS_TTL) && number_differs(m, "ttl", want->ttl, got->ttl)) ||
	       ((want->has & SCRIPT_HAS_TOS) && number_differs(m, "tos", want->tos, got->tos)) ||
	       ((want->has & SCRIPT_HAS_ID) && number_differs(m, "id", want->ip_id, got->ip_id)) ||
	       ((want->has & SCRIPT_HAS_LABEL) &&
		number_differs(m, "the flow label", want->label, got->flow_label)) ||
	       ((want->has & SCRIPT_HAS_PIECES) &&
		number_differs(m, "the number of pieces", want->pieces, m->expectation->pieces)) ||
	       ip_options_differ(m);
}

static bool sack_differs(const struct match *m)
{
	const struct hb_tcp_options *want = &m->want->options, *got = &m->got->options;

	if (!(want->present & HB_TCPOPT_SACK))
		return false;
	if (number_differs(m, "the number of SACK blocks", want->sack_count, got->sack_count))
		return true;
	for (unsigned i = 0; i < want->sack_count; i++) {
		if (number_differs(m, "a SACK block's left edge", want->sack[i].left,
				   got->sack[i].left) ||
		    number_differs(m, "a SACK block's right edge", want->sack[i].right,
				   got->sack[i].right))
			return true;
	}
	return false;
}

/* Options that are named must be there, with their values; "no-x" must not. */
static bool options_differ(const struct match *m)
{
	const struct hb_tcp_options *want = &m->want->options, *got = &m->got->options;
	unsigned missing = want->present & ~(unsigned)got->present;
	unsigned unwanted = m->want->absent & (unsigned)got->present;

	if (missing != 0)
		return say(m, "an option is missing (bits 0x%x)", missing);
	if (unwanted != 0)
		return say(m, "there is an option that must not be (bits 0x%x)", unwanted);
	if ((want->present & HB_TCPOPT_MSS) && number_differs(m, "mss", want->mss, got->mss))
		return true;
	if ((want->present & HB_TCPOPT_WSCALE) &&
	    number_differs(m, "wscale", want->wscale, got->wscale))
		return true;
	if ((m->want->has & SCRIPT_HAS_TSVAL) &&
	    number_differs(m, "tsval", want->tsval, got->tsval))
		return true;
	if ((m->want->has & SCRIPT_HAS_TSECR) &&
	    number_differs(m, "tsecr", want->tsecr, got->tsecr))
		return true;
	return sack_differs(m);
}

static bool tcp_differs(const struct match *m)
{
	const struct script_segment *want = m->want;
	const struct hb_packet *got = m->got;

	if (number_differs(m, "the flags byte", want->tcp_flags, got->tcp_flags))
		return true;
	if ((want->has & SCRIPT_HAS_SEQ) && number_differs(m, "seq", want->seq, got->seq))
		return true;
	if ((want->has & SCRIPT_HAS_ACK) && number_differs(m, "ack", want->ack, got->ack))
		return true;
	if ((want->has & SCRIPT_HAS_WINDOW) &&
	    number_differs(m, "the window", want->window, got->window))
		return true;
	if ((want->has & SCRIPT_HAS_URGENT) &&
	    number_differs(m, "the urgent pointer", want->urgent, got->urgent))
		return true;
	return options_differ(m);
}

/* An error must quote what its receiver sent, as the receiver sent it. */
/* The identifier of a quoted echo, and its sum: an ICMP error of a script quotes the whole. */
static bool quoted_echo_differs(const struct match *m, const struct hb_packet *quoted)
{
	uint64_t sum = hb_checksum_add(0, quoted->data + quoted->l4_offset,
				       quoted->len - quoted->l4_offset);

	if (quoted->ip_version == 4 && hb_checksum_fold(sum) != 0xffff)
		return say(m, "the quoted ICMP checksum is wrong");
	return (m->want->has & SCRIPT_HAS_QUOTED) &&
	       number_differs(m, "the quoted identifier", m->want->quoted_seq, quoted->src_port);
}

/* What of a segment stands behind the number: it may be cut short there. */
static bool quoted_segment_differs(const struct match *m, const struct hb_packet *quoted)
{
	const uint8_t *header = quoted->data + quoted->l4_offset;
	size_t there = quoted->len - quoted->l4_offset;

	if ((m->want->has & SCRIPT_LENGTH_ONLY) &&
	    number_differs(m, "the length of the quoted segment", (uint32_t)m->want->payload_len,
			   (uint32_t)there))
		return true;
	if (!(m->want->has & SCRIPT_HAS_ACK))
		return false;
	return there < 20
		       ? say(m, "no ACK is quoted")
		       : number_differs(m, "the quoted ACK", m->want->ack, hb_get_be32(header + 8));
}

static bool quoted_differs(const struct match *m)
{
	struct hb_packet quoted;

	if (hb_packet_parse_quoted(m->got, &quoted) != 0)
		return say(m, "nothing useful is quoted");
	if (address_differs(m, "the quoted source", &m->expectation->dst, &quoted.src,
			    quoted.is_icmp_echo ? 0 : quoted.src_port) ||
	    address_differs(m, "the quoted destination", &m->expectation->other, &quoted.dst,
			    quoted.is_icmp_echo ? 0 : quoted.dst_port))
		return true;
	if (quoted.ip_version == 4 &&
	    hb_checksum_fold(hb_checksum_add(0, quoted.data, quoted.l4_offset)) != 0xffff)
		return say(m, "the quoted IPv4 header's checksum is wrong");
	if (quoted.is_icmp_echo)
		return quoted_echo_differs(m, &quoted);
	if ((m->want->has & SCRIPT_HAS_QUOTED) &&
	    number_differs(m, "the quoted seq", m->want->quoted_seq, quoted.seq))
		return true;
	return quoted_segment_differs(m, &quoted);
}

static bool icmp_differs(const struct match *m)
{
	const struct script_icmp_kind *kind = script_packet_icmp_kind(m->got);

	if (kind != m->want->icmp)
		return say(m, "it is ICMP %s, not %s",
			   kind == NULL ? "of another kind" : kind->name, m->want->icmp->name);
	if (kind->error)
		return quoted_differs(m);
	return number_differs(m, "the identifier", m->want->icmp_value, m->got->src_port) ||
	       payload_differs(m, m->want->payload, m->want->payload_len);
}

static bool protocol_differs(const struct match *m)
{
	uint8_t want = m->want->protocol;

	if (want == HB_PROTO_ICMP && m->got->ip_version == 6)
		want = HB_PROTO_ICMPV6;
	return number_differs(m, "the protocol", want, m->got->protocol);
}

static bool named_differs(const struct match *m)
{
	if (protocol_differs(m))
		return true;
	if (m->want->protocol == HB_PROTO_ICMP)
		return icmp_differs(m);
	if (m->want->protocol == HB_PROTO_TCP && tcp_differs(m))
		return true;
	return payload_differs(m, m->want->payload, m->want->payload_len);
}

/* "it": header, options and payload as sent; only addresses, ports, TTL and checksums may differ.
 */
static bool it_differs(const struct match *m)
{
	const struct script_expectation *e = m->expectation;
	const struct hb_packet *got = m->got;
	struct hb_packet sent;
	size_t header;

	if (hb_packet_parse(e->sent, e->sent_len, &sent) != 0)
		return say(m, "what was sent cannot be parsed");
	if (m->want->unchanged &&
	    (got->len != e->sent_len || memcmp(got->data, e->sent, e->sent_len) != 0))
		return say(m, "some byte was changed");
	if (number_differs(m, "the protocol", sent.protocol, got->protocol))
		return true;
	if (sent.protocol == HB_PROTO_TCP) {
		header = (size_t)sent.payload_offset - sent.l4_offset;
		if (number_differs(m, "seq", sent.seq, got->seq) ||
		    number_differs(m, "ack", sent.ack, got->ack) ||
		    number_differs(m, "the flags byte", sent.tcp_flags, got->tcp_flags) ||
		    number_differs(m, "the window", sent.window, got->window) ||
		    number_differs(m, "the urgent pointer", sent.urgent, got->urgent))
			return true;
		if (header != (size_t)got->payload_offset - got->l4_offset ||
		    memcmp(sent.data + sent.l4_offset + 20, got->data + got->l4_offset + 20,
			   header - 20) != 0)
			return say(m, "the options differ from those that were sent");
	}
	return payload_differs(m, sent.data + sent.payload_offset, sent.payload_len);
}

const char *script_match(const struct script_expectation *expectation, const uint8_t *data,
			 size_t len, bool partial, char *buf, size_t size)
{
	struct hb_packet got;
	struct match m = { expectation, expectation->segment, &got, buf, size };

	if (hb_packet_parse(data, len, &got) != 0)
		return "no endpoint would take it: it cannot be parsed";
	if (got.len != len)
		return "the IP header's length is not the datagram's";
	if (route_differs(&m) || checksum_differs(&m, partial) || ip_differs(&m) ||
	    (m.want->it ? it_differs(&m) : named_differs(&m)))
		return buf;
	return NULL;
}
