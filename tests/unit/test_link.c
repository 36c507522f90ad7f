/* SPDX-License-Identifier: BSD-2-Clause */
#include "link.h"

#include "unit.h"

#include <pcap/dlt.h>
#include <string.h>

#define IPV4 "\x45\x00\x00\x14"
#define IPV6 "\x60\x00\x00\x00"
#define MACS "\x02\0\0\0\0\1\x02\0\0\0\0\2"
#define SLL "\0\0\0\1\0\6\x02\0\0\0\0\1\0\0"
#define SLL2_REST "\0\0\0\0\0\2\0\1\0\6\x02\0\0\0\0\1\0\0"

/* Headers, and the first bytes of what follows. */
struct frame {
	const char *what;
	int type;
	size_t header_len;
	const char *bytes;
	const char *ip; /* NULL: there is none behind these headers */
};

#define FRAME(what, type, bytes, ip)                                                               \
	{                                                                                          \
		what, type, sizeof(bytes) - 1, bytes, ip                                           \
	}

static const struct frame frames[] = {
	FRAME("Ethernet, IPv4", DLT_EN10MB, MACS "\x08\x00", IPV4),
	FRAME("Ethernet, IPv6", DLT_EN10MB, MACS "\x86\xdd", IPV6),
	FRAME("802.1Q", DLT_EN10MB, MACS "\x81\x00\0\7\x08\x00", IPV4),
	FRAME("802.1ad", DLT_EN10MB, MACS "\x88\xa8\0\7\x81\x00\0\x8\x86\xdd", IPV6),
	FRAME("older double tags", DLT_EN10MB, MACS "\x91\x00\0\7\x81\x00\0\x8\x08\x00", IPV4),
	FRAME("one label", DLT_EN10MB, MACS "\x88\x47\0\1\1\x40", IPV4),
	FRAME("three labels", DLT_EN10MB, MACS "\x88\x48\0\1\0\x40\0\1\0\x40\0\1\1\x40", IPV6),
	FRAME("a label behind a tag", DLT_EN10MB, MACS "\x81\x00\0\7\x88\x47\0\1\1\x40", IPV4),
	FRAME("PPPoE", DLT_EN10MB, MACS "\x88\x64\x11\0\0\1\0\x16\0\x21", IPV4),
	FRAME("PPPoE, compressed protocol", DLT_EN10MB, MACS "\x88\x64\x11\0\0\1\0\x15\x57", IPV6),
	FRAME("a label in PPPoE", DLT_EN10MB, MACS "\x88\x64\x11\0\0\1\0\x1a\2\x81\0\1\1\x40",
	      IPV4),
	FRAME("raw IPv4", DLT_RAW, "", IPV4),
	FRAME("raw IPv6", DLT_RAW, "", IPV6),
	FRAME("type 228", DLT_IPV4, "", IPV4),
	FRAME("type 229", DLT_IPV6, "", IPV6),
	FRAME("cooked", DLT_LINUX_SLL, SLL "\x08\x00", IPV4),
	FRAME("cooked, tagged", DLT_LINUX_SLL, SLL "\x81\x00\0\7\x86\xdd", IPV6),
	FRAME("cooked 2", DLT_LINUX_SLL2, "\x86\xdd" SLL2_REST, IPV6),
	FRAME("loopback, little-endian", DLT_NULL, "\2\0\0\0", IPV4),
	FRAME("loopback, big-endian", DLT_NULL, "\0\0\0\2", IPV4),
	FRAME("loopback, Linux", DLT_NULL, "\x0a\0\0\0", IPV6),
	FRAME("loopback, Windows", DLT_NULL, "\x17\0\0\0", IPV6),
	FRAME("loopback, OpenBSD", DLT_LOOP, "\0\0\0\x18", IPV6),
	FRAME("loopback, FreeBSD", DLT_NULL, "\x1c\0\0\0", IPV6),
	FRAME("loopback, Darwin", DLT_NULL, "\x1e\0\0\0", IPV6),
	FRAME("PPP", DLT_PPP, "\0\x21", IPV4),
	FRAME("PPP with address", DLT_PPP, "\xff\3\0\x57", IPV6),
	FRAME("PPP, HDLC-like", DLT_PPP_SERIAL, "\xff\3\0\x21", IPV4),
	FRAME("PPP, compressed protocol", DLT_PPP, "\x21", IPV4),
	FRAME("PPPoE alone", DLT_PPP_ETHER, "\x11\0\0\1\0\x16\0\x21", IPV4),
	FRAME("Cisco HDLC, unicast", DLT_C_HDLC, "\x0f\0\x08\x00", IPV4),
	FRAME("Cisco HDLC, broadcast", DLT_C_HDLC, "\x8f\0\x86\xdd", IPV6),
	FRAME("Cisco HDLC on a PPP link", DLT_PPP_SERIAL, "\x0f\0\x08\x00", IPV4),
	FRAME("PPP on a Cisco HDLC link", DLT_C_HDLC, "\xff\3\0\x21", IPV4),
	FRAME("a label on Cisco HDLC", DLT_C_HDLC, "\x0f\0\x88\x47\0\1\1\x40", IPV4),

	FRAME("ARP", DLT_EN10MB, MACS "\x08\x06", NULL),
	FRAME("a length (802.3)", DLT_EN10MB, MACS "\0\x26", NULL),
	FRAME("ARP behind a tag", DLT_EN10MB, MACS "\x81\x00\0\7\x08\x06", NULL),
	FRAME("no IP behind a label", DLT_EN10MB, MACS "\x88\x47\0\1\1\x40\0\0\0\0", NULL),
	FRAME("PPPoE discovery", DLT_EN10MB, MACS "\x88\x63\x11\x09\0\0\0\4", NULL),
	FRAME("PPPoE, not data", DLT_EN10MB, MACS "\x88\x64\x11\xa7\0\1\0\x16\0\x21", NULL),
	FRAME("PPPoE, another version", DLT_EN10MB, MACS "\x88\x64\x21\0\0\1\0\x16\0\x21", NULL),
	FRAME("PPP link control", DLT_PPP, "\xff\3\xc0\x21", NULL),
	FRAME("cooked ARP", DLT_LINUX_SLL, SLL "\x08\x06", NULL),
	FRAME("cooked 2, ARP", DLT_LINUX_SLL2, "\x08\x06" SLL2_REST, NULL),
	FRAME("another family", DLT_NULL, "\1\0\0\0", NULL),
	FRAME("a family from both ends", DLT_NULL, "\2\0\0\2", NULL),
	FRAME("a family too large", DLT_NULL, "\2\1\0\0", NULL),
	FRAME("Cisco's keepalive", DLT_C_HDLC, "\x8f\0\x80\x35", NULL),
	FRAME("a type that nobody knows", DLT_IEEE802_11_RADIO, "", NULL),
};

/* In memory of its exact size, where a sanitizer sees a byte too far. */
static bool find(const struct frame *frame, size_t len, size_t *offset)
{
	size_t ip_len = frame->ip ? 4 : 0;
	uint8_t *copy = malloc(frame->header_len + ip_len);
	uint8_t *exact = malloc(len);
	bool found;

	ck_assert(copy != NULL && (exact != NULL || len == 0));
	memcpy(copy, frame->bytes, frame->header_len);
	memcpy(copy + frame->header_len, frame->ip ? frame->ip : "", ip_len);
	if (len > 0)
		memcpy(exact, copy, len);
	found = hb_link_find_ip(frame->type, exact, len, offset);
	free(exact);
	free(copy);
	return found;
}

START_TEST(ip_is_found_behind_every_header)
{
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		const struct frame *frame = &frames[i];
		size_t offset = 0;
		bool found = find(frame, frame->header_len + (frame->ip ? 4 : 0), &offset);

		ck_assert_msg(found == (frame->ip != NULL), "%s", frame->what);
		if (found)
			ck_assert_msg(offset == frame->header_len, "%s: at %zu", frame->what,
				      offset);
	}
}
END_TEST

START_TEST(a_frame_may_end_anywhere)
{
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		const struct frame *frame = &frames[i];
		size_t offset;

		for (size_t len = 0; len <= frame->header_len; len++)
			ck_assert_msg(!find(frame, len, &offset), "%s cut to %zu", frame->what,
				      len);
		if (frame->ip)
			ck_assert_msg(find(frame, frame->header_len + 1, &offset), "%s",
				      frame->what);
	}
}
END_TEST

/* A frame that is nothing but tags is given up, however long it is. */
START_TEST(tags_have_a_limit)
{
	uint8_t frame[14 + 4 * 400];
	size_t offset;

	memcpy(frame, MACS "\x81\x00", 14);
	for (size_t i = 14; i < sizeof(frame); i += 4)
		memcpy(frame + i, "\0\1\x81\x00", 4);
	memcpy(frame + sizeof(frame) - 6, "\x08\x00" IPV4, 6);
	ck_assert(!hb_link_find_ip(DLT_EN10MB, frame, sizeof(frame), &offset));
}
END_TEST

START_TEST(known_types_are_known)
{
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++)
		ck_assert_msg(hb_link_known(frames[i].type) ==
				      (frames[i].type != DLT_IEEE802_11_RADIO),
			      "%s", frames[i].what);
}
END_TEST

START_TEST(any_bytes_do)
{
	static const int types[] = { DLT_EN10MB,     DLT_LINUX_SLL, DLT_LINUX_SLL2,
				     DLT_NULL,       DLT_LOOP,      DLT_PPP,
				     DLT_PPP_SERIAL, DLT_C_HDLC,    DLT_PPP_ETHER };
	static const char *const ethertypes[] = { "\x81\x00", "\x88\x47", "\x88\x64", "\x08\x00" };
	uint64_t state = 1;

	for (int i = 0; i < 200000; i++) {
		size_t len = unit_random_below(&state, 48), offset = 0;
		uint8_t *frame = malloc(len + 1);

		unit_require(frame != NULL);
		unit_random_fill(&state, frame + 1, len);
		/* Most of the bytes that mean something. */
		if (len > 14)
			memcpy(frame + 13, ethertypes[unit_random_below(&state, 4)], 2);
		if (hb_link_find_ip(types[i % 9], frame + 1, len, &offset))
			unit_require(offset < len);
		free(frame);
	}
}
END_TEST

UNIT_MAIN("link", ip_is_found_behind_every_header, a_frame_may_end_anywhere, tags_have_a_limit,
	  known_types_are_known, any_bytes_do)
