/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame is a chain of headers. Each reader takes its own off and says which one follows; the
 * chain ends at IP, or at what is not known here. Every header is at least one byte long and the
 * chain has a limit, so a frame made of tags alone ends, too.
 */
#include "link.h"

#include <pcap/dlt.h>

#define LAYERS_MAX 16

/* What a header can be. */
enum layer {
	LAYER_NONE = 0, /* nothing that leads to IP */
	LAYER_IP,
	LAYER_ETHERNET,
	LAYER_VLAN,
	LAYER_MPLS,
	LAYER_PPPOE,
	LAYER_PPP,  /* protocol first */
	LAYER_HDLC, /* address and control first, if they are there: PPP's or Cisco's */
	LAYER_SLL,
	LAYER_SLL2,
	LAYER_LOOPBACK,
};

/* What is left of a frame. */
struct rest {
	const uint8_t *at;
	size_t len;
};

static uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static const struct {
	uint16_t type;
	enum layer layer;
} ethertypes[] = {
	{ 0x0800, LAYER_IP },    { 0x86dd, LAYER_IP },
	{ 0x8100, LAYER_VLAN },  { 0x88a8, LAYER_VLAN }, /* 802.1Q, 802.1ad */
	{ 0x9100, LAYER_VLAN },  { 0x9200, LAYER_VLAN }, /* tags in tags, before 802.1ad */
	{ 0x8847, LAYER_MPLS },  { 0x8848, LAYER_MPLS }, /* RFC 5332 */
	{ 0x8864, LAYER_PPPOE },                         /* session stage: RFC 2516 */
};

static enum layer layer_of_ethertype(uint16_t type)
{
	for (size_t i = 0; i < sizeof(ethertypes) / sizeof(*ethertypes); i++) {
		if (ethertypes[i].type == type)
			return ethertypes[i].layer;
	}
	return LAYER_NONE;
}

/* Takes len bytes off; false if they are not there. */
static bool skip(struct rest *rest, size_t len)
{
	if (rest->len < len)
		return false;
	rest->at += len;
	rest->len -= len;
	return true;
}

/* Takes a header off, whose ethertype stands at an offset in it. */
static enum layer read_typed(struct rest *rest, size_t len, size_t type_offset)
{
	const uint8_t *header = rest->at;

	return skip(rest, len) ? layer_of_ethertype(be16(header + type_offset)) : LAYER_NONE;
}

/* One label a turn. Behind the last there is no type: IP is told by its version (RFC 4928, 3). */
static enum layer read_mpls(struct rest *rest)
{
	const uint8_t *label = rest->at;

	if (!skip(rest, 4))
		return LAYER_NONE;
	if ((label[2] & 1) == 0)
		return LAYER_MPLS;
	if (rest->len == 0 || (rest->at[0] >> 4 != 4 && rest->at[0] >> 4 != 6))
		return LAYER_NONE;
	return LAYER_IP;
}

/* RFC 2516, 4: version and type 1, code 0 is data. */
static enum layer read_pppoe(struct rest *rest)
{
	const uint8_t *header = rest->at;

	if (!skip(rest, 6) || header[0] != 0x11 || header[1] != 0)
		return LAYER_NONE;
	return LAYER_PPP;
}

/* The protocol field may be compressed to its second byte, which is odd (RFC 1661, 2 and 6.5). */
static enum layer read_ppp(struct rest *rest)
{
	const uint8_t *header = rest->at;
	uint16_t protocol;

	if (rest->len == 0)
		return LAYER_NONE;
	if (header[0] & 1) {
		protocol = header[0];
		skip(rest, 1);
	} else {
		if (!skip(rest, 2))
			return LAYER_NONE;
		protocol = be16(header);
	}
	switch (protocol) {
	case 0x0021: /* RFC 1332 */
	case 0x0057: /* RFC 5072 */
		return LAYER_IP;
	case 0x0281: /* RFC 3032, 4.3 */
	case 0x0283:
		return LAYER_MPLS;
	default:
		return LAYER_NONE;
	}
}

/* RFC 1662, 3.1 in PPP; unicast or broadcast in Cisco's, whose protocols are ethertypes. */
static enum layer read_hdlc(struct rest *rest)
{
	const uint8_t *header = rest->at;

	if (rest->len >= 2 && header[0] == 0xff && header[1] == 0x03)
		return skip(rest, 2) ? LAYER_PPP : LAYER_NONE;
	if (rest->len >= 2 && (header[0] == 0x0f || header[0] == 0x8f) && header[1] == 0)
		return read_typed(rest, 4, 2);
	return LAYER_PPP;
}

/*
 * An address family in the byte order of who captured (NULL) or in network order (LOOP). No family
 * is above 255, so the order tells itself; IPv6 has another number on each system.
 */
static enum layer read_loopback(struct rest *rest)
{
	const uint8_t *header = rest->at;

	if (!skip(rest, 4) || header[1] != 0 || header[2] != 0 ||
	    (header[0] != 0 && header[3] != 0))
		return LAYER_NONE;
	switch (header[0] | header[3]) {
	case 2:  /* IPv4, everywhere */
	case 10: /* Linux */
	case 23: /* Windows */
	case 24: /* NetBSD, OpenBSD */
	case 28: /* FreeBSD */
	case 30: /* Darwin */
		return LAYER_IP;
	default:
		return LAYER_NONE;
	}
}

static enum layer read_layer(enum layer layer, struct rest *rest)
{
	switch (layer) {
	case LAYER_ETHERNET:
		return read_typed(rest, 14, 12);
	case LAYER_VLAN:
		return read_typed(rest, 4, 2);
	case LAYER_SLL:
		return read_typed(rest, 16, 14);
	case LAYER_SLL2:
		return read_typed(rest, 20, 0);
	case LAYER_MPLS:
		return read_mpls(rest);
	case LAYER_PPPOE:
		return read_pppoe(rest);
	case LAYER_PPP:
		return read_ppp(rest);
	case LAYER_HDLC:
		return read_hdlc(rest);
	case LAYER_LOOPBACK:
		return read_loopback(rest);
	default:
		return LAYER_NONE;
	}
}

static const struct {
	int type;
	enum layer layer;
} links[] = {
	{ DLT_EN10MB, LAYER_ETHERNET }, { DLT_RAW, LAYER_IP },
	{ DLT_IPV4, LAYER_IP },         { DLT_IPV6, LAYER_IP },
	{ DLT_LINUX_SLL, LAYER_SLL },   { DLT_LINUX_SLL2, LAYER_SLL2 },
	{ DLT_NULL, LAYER_LOOPBACK },   { DLT_LOOP, LAYER_LOOPBACK },
	{ DLT_PPP, LAYER_HDLC },        { DLT_PPP_SERIAL, LAYER_HDLC },
	{ DLT_C_HDLC, LAYER_HDLC },     { DLT_PPP_ETHER, LAYER_PPPOE },
};

static enum layer layer_of_link(int type)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		if (links[i].type == type)
			return links[i].layer;
	}
	return LAYER_NONE;
}

bool hb_link_known(int type)
{
	return layer_of_link(type) != LAYER_NONE;
}

const char *hb_link_names(void)
{
	return "Ethernet, raw IP, Linux cooked (1 and 2), BSD loopback, PPP, PPPoE and Cisco HDLC";
}

bool hb_link_find_ip(int type, const uint8_t *frame, size_t len, size_t *offset)
{
	struct rest rest = { .at = frame, .len = len };
	enum layer layer = layer_of_link(type);

	for (unsigned i = 0; i < LAYERS_MAX && layer != LAYER_NONE && layer != LAYER_IP; i++)
		layer = read_layer(layer, &rest);
	*offset = len - rest.len;
	return layer == LAYER_IP && rest.len > 0;
}
