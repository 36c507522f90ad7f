/* SPDX-License-Identifier: BSD-2-Clause */
#include <honeybrid/types.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define IPV4_OFFSET 12 /* where the four bytes of an IPv4 address lie */

static const uint8_t mapped_prefix[IPV4_OFFSET] = { [10] = 0xff, [11] = 0xff };

bool hb_addr_is_ipv4(const struct hb_addr *addr)
{
	return memcmp(addr->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

bool hb_addr_equal(const struct hb_addr *a, const struct hb_addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

struct hb_addr hb_addr_from_ipv4(const uint8_t bytes_be[4])
{
	struct hb_addr addr;

	memcpy(addr.bytes, mapped_prefix, sizeof(mapped_prefix));
	memcpy(addr.bytes + IPV4_OFFSET, bytes_be, 4);
	return addr;
}

struct hb_addr hb_addr_from_ipv6(const uint8_t bytes_be[16])
{
	struct hb_addr addr;

	memcpy(addr.bytes, bytes_be, sizeof(addr.bytes));
	return addr;
}

int hb_addr_parse(const char *text, struct hb_addr *addr)
{
	struct hb_addr parsed;
	uint8_t ipv4[4];

	if (inet_pton(AF_INET, text, ipv4) == 1) {
		*addr = hb_addr_from_ipv4(ipv4);
		return 0;
	}
	/* A mapped address would be IPv4 to us and IPv6 to its reader: no. */
	if (inet_pton(AF_INET6, text, parsed.bytes) != 1 || hb_addr_is_ipv4(&parsed))
		return -EINVAL;
	*addr = parsed;
	return 0;
}

/* Digits only, one to three of them. -1 for what is no number, or above max. */
static int parse_prefix_len(const char *text, int max)
{
	int value = 0;

	if (text[0] == '\0' || strlen(text) > 3)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		value = value * 10 + (*text - '0');
	}
	return value <= max ? value : -1;
}

int hb_addr_parse_network(const char *text, struct hb_addr *first, struct hb_addr *last)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char host[HB_ADDR_TEXT_SIZE];
	struct hb_addr addr;

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (hb_addr_parse(host, &addr) < 0)
		return -EINVAL;

	int max = hb_addr_is_ipv4(&addr) ? 32 : 128;
	int prefix = slash ? parse_prefix_len(slash + 1, max) : max;

	if (prefix < 0)
		return -EINVAL;
	*first = *last = addr;
	for (int bit = 128 - max + prefix; bit < 128; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		first->bytes[bit / 8] &= (uint8_t)~mask;
		last->bytes[bit / 8] |= mask;
	}
	return 0;
}

const char *hb_addr_format(const struct hb_addr *addr, char buf[HB_ADDR_TEXT_SIZE])
{
	if (hb_addr_is_ipv4(addr))
		return inet_ntop(AF_INET, addr->bytes + IPV4_OFFSET, buf, HB_ADDR_TEXT_SIZE);
	return inet_ntop(AF_INET6, addr->bytes, buf, HB_ADDR_TEXT_SIZE);
}

/* Digits only, no leading zero, 1 to 65535. */
static int parse_port(const char *text, uint16_t *port)
{
	unsigned value = 0;

	if (text[0] < '1' || text[0] > '9')
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (unsigned)(*text - '0');
		if (value > UINT16_MAX)
			return -EINVAL;
	}
	*port = (uint16_t)value;
	return 0;
}

int hb_endpoint_parse(const char *text, struct hb_endpoint *endpoint)
{
	const char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[';
	struct hb_endpoint parsed = { .port = 0 };
	char host[HB_ADDR_TEXT_SIZE];
	size_t len;

	if (!colon || (!bracketed && strchr(text, ':') != colon)) {
		if (hb_addr_parse(text, &parsed.addr))
			return -EINVAL;
		*endpoint = parsed;
		return 0;
	}
	if (bracketed && colon[-1] != ']')
		return -EINVAL;
	len = (size_t)(colon - text) - (bracketed ? 2 : 0);
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text + bracketed, len);
	host[len] = '\0';
	if (hb_addr_parse(host, &parsed.addr) || hb_addr_is_ipv4(&parsed.addr) == bracketed ||
	    parse_port(colon + 1, &parsed.port))
		return -EINVAL;
	*endpoint = parsed;
	return 0;
}

const char *hb_endpoint_format(const struct hb_endpoint *endpoint, char buf[HB_ENDPOINT_TEXT_SIZE])
{
	char host[HB_ADDR_TEXT_SIZE];

	hb_addr_format(&endpoint->addr, host);
	if (endpoint->port == 0)
		snprintf(buf, HB_ENDPOINT_TEXT_SIZE, "%s", host);
	else if (hb_addr_is_ipv4(&endpoint->addr))
		snprintf(buf, HB_ENDPOINT_TEXT_SIZE, "%s:%u", host, (unsigned)endpoint->port);
	else
		snprintf(buf, HB_ENDPOINT_TEXT_SIZE, "[%s]:%u", host, (unsigned)endpoint->port);
	return buf;
}
