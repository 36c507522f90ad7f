/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipopt.h"

/* IPv4 (RFC 791, 3.1; RFC 781; RFC 2113). */
enum {
	V4_END = 0,
	V4_NOP = 1,
	V4_RECORD_ROUTE = 7,
	V4_TIMESTAMP = 68,
	V4_LOOSE_ROUTE = 131,
	V4_CIPSO = 134,
	V4_STRICT_ROUTE = 137,
	V4_ROUTER_ALERT = 148,
};

/* IPv6 (RFC 8200, 4.2; RFC 2711; RFC 5570). */
enum {
	V6_PAD1 = 0,
	V6_PADN = 1,
	V6_ROUTER_ALERT = 5,
	V6_CALIPSO = 7,
	V6_UNKNOWN_ACTION = 0xc0, /* what to do with an option that is not known: 0 skips it */
	V6_PAD_MAX = 7,           /* that many in a row, as Linux counts */
	V6_OPTIONS_MAX = 8,
};

/* The pointer counts from 1 and lies behind the three bytes before it; there is room, or none at all. */
static bool record_route_taken(const uint8_t *option, size_t len)
{
	return len >= 3 && option[2] >= 4 && (option[2] > len || (size_t)option[2] + 3 <= len);
}

static bool timestamp_taken(const uint8_t *option, size_t len)
{
	if (len < 4 || option[2] < 5)
		return false;
	if (option[2] > len) /* full: who finds no room counts, up to 15 */
		return option[3] >> 4 != 15;
	unsigned kind = option[3] & 0xfu;
	bool with_address = kind == 1 || kind == 3;
	return option[2] + (with_address ? 7u : 3u) <= len;
}

static bool ipv4_option_taken(const uint8_t *option, size_t len)
{
	switch (option[0]) {
	case V4_RECORD_ROUTE:
		return record_route_taken(option, len);
	case V4_TIMESTAMP:
		return timestamp_taken(option, len);
	case V4_ROUTER_ALERT:
		return len >= 4;
	case V4_LOOSE_ROUTE:
	case V4_STRICT_ROUTE:
	case V4_CIPSO:
		return false;
	default:
		return true;
	}
}

bool hb_ipopt_ipv4_taken(const uint8_t *options, size_t len)
{
	bool routes = false, stamps = false;
	size_t option_len;
	for (size_t at = 0; at < len && options[at] != V4_END; at += option_len) {
		option_len = 1;
		if (options[at] == V4_NOP)
			continue;
		if (len - at < 2 || options[at + 1] < 2 || options[at + 1] > len - at)
			return false;
		option_len = options[at + 1];
		bool again = (options[at] == V4_RECORD_ROUTE && routes) ||
			     (options[at] == V4_TIMESTAMP && stamps);
		if (again || !ipv4_option_taken(options + at, option_len))
			return false;
		routes = routes || options[at] == V4_RECORD_ROUTE;
		stamps = stamps || options[at] == V4_TIMESTAMP;
	}
	return true;
}

static bool is_zero(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != 0)
			return false;
	return true;
}

static bool ipv6_option_taken(const uint8_t *option, size_t content_len, bool hop_by_hop)
{
	if (hop_by_hop && option[0] == V6_ROUTER_ALERT)
		return content_len == 2;
	if (hop_by_hop && option[0] == V6_CALIPSO)
		return false;
	return (option[0] & V6_UNKNOWN_ACTION) == 0;
}

bool hb_ipopt_ipv6_taken(const uint8_t *options, size_t len, bool hop_by_hop)
{
	size_t padding = 0, option_len;
	unsigned count = 0;
	for (size_t at = 0; at < len; at += option_len) {
		const uint8_t *option = options + at;
		option_len = 1;
		if (option[0] != V6_PAD1) {
			if (len - at < 2 || option[1] + 2u > len - at)
				return false;
			option_len = option[1] + 2u;
		}
		if (option[0] == V6_PAD1 || option[0] == V6_PADN) {
			padding += option_len;
			if (padding > V6_PAD_MAX ||
			    (option_len > 2 && !is_zero(option + 2, option_len - 2)))
				return false;
			continue;
		}
		padding = 0;
		if (++count > V6_OPTIONS_MAX ||
		    !ipv6_option_taken(option, option_len - 2, hop_by_hop))
			return false;
	}
	return true;
}
