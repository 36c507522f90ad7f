/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every other header uses: addresses, time, errors.
 *
 * Everything here is plain data: it may be copied and used from any thread.
 */
#ifndef HONEYBRID_TYPES_H
#define HONEYBRID_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what the shared library exports; everything else is hidden. */
#define HB_API __attribute__((visibility("default")))

/*
 * A point in time, twice: mono_ns counts nanoseconds on a clock that never jumps (any origin) and
 * drives every timer; wall_us is microseconds since 1970-01-01 UTC, for logs and state files.
 */
struct hb_time {
	uint64_t mono_ns;
	int64_t wall_us;
};

/*
 * An IPv4 or IPv6 address, in network byte order. IPv4 is held as ::ffff:a.b.c.d (RFC 4291,
 * 2.5.5.2), so that one comparison serves both; a packet that carries such an address on the wire
 * as IPv6 is malformed to the parser.
 */
struct hb_addr {
	uint8_t bytes[16];
};

/* An address and a port (host byte order). Port 0 means "none" or "unchanged", as documented. */
struct hb_endpoint {
	struct hb_addr addr;
	uint16_t port;
};

/* Room for any address or endpoint in text, with the terminating zero. */
#define HB_ADDR_TEXT_SIZE 46
#define HB_ENDPOINT_TEXT_SIZE 56

/* True if the address is IPv4. */
HB_API bool hb_addr_is_ipv4(const struct hb_addr *addr);

/* True if both are the same address. */
HB_API bool hb_addr_equal(const struct hb_addr *a, const struct hb_addr *b);

/* Makes an address from four bytes in network byte order. */
HB_API struct hb_addr hb_addr_from_ipv4(const uint8_t bytes_be[4]);

/* Makes an address from sixteen bytes in network byte order. */
HB_API struct hb_addr hb_addr_from_ipv6(const uint8_t bytes_be[16]);

/*
 * Reads "192.0.2.1" or "2001:db8::1" (no port, no brackets, no scope).
 * Returns 0, or -EINVAL and leaves *addr alone.
 */
HB_API int hb_addr_parse(const char *text, struct hb_addr *addr);

/*
 * Reads an address as hb_addr_parse() does, or a network, "10.0.0.0/8" or "2001:db8::/32": its first
 * and last address. Bits behind the prefix do not count.
 * Returns 0, or -EINVAL and leaves both alone.
 */
HB_API int hb_addr_parse_network(const char *text, struct hb_addr *first, struct hb_addr *last);

/* Writes the address as text (RFC 5952 for IPv6). Returns buf. */
HB_API const char *hb_addr_format(const struct hb_addr *addr, char buf[HB_ADDR_TEXT_SIZE]);

/*
 * Reads an address with an optional port: "10.0.0.2", "10.0.0.2:8080", "2001:db8::2",
 * "[2001:db8::2]:80". Without a port it is 0.
 * Returns 0, or -EINVAL and leaves *endpoint alone.
 */
HB_API int hb_endpoint_parse(const char *text, struct hb_endpoint *endpoint);

/* Writes "10.0.0.2:80" or "[2001:db8::2]:80"; without the port where it is 0. Returns buf. */
HB_API const char *hb_endpoint_format(const struct hb_endpoint *endpoint,
				      char buf[HB_ENDPOINT_TEXT_SIZE]);

/* What kind of thing went wrong; honeybridd maps each to an exit status. */
enum hb_error_code {
	HB_ERROR_NONE = 0,
	HB_ERROR_CONFIG, /* a key, value, module, address or rule */
	HB_ERROR_FILTER, /* libpcap refuses a filter expression */
	HB_ERROR_STATE,  /* a module's state file is damaged or cannot be used */
	HB_ERROR_SYSTEM, /* memory, a library */
	HB_ERROR_COUNT
};

/*
 * One problem, for a person. message is one sentence that quotes the culprit and says what would
 * be right. column counts from 1 in the text that was given (a rule, a filter), 0 where there is
 * none; line is for who knows the file.
 */
struct hb_error {
	enum hb_error_code code;
	int line;
	int column;
	char message[240];
};

/*
 * Fills in an error; cuts a message that is too long.
 *
 * @err     NULL is allowed: nothing happens.
 * Returns  a negative errno that fits the code: -EINVAL, -EIO or -ENOMEM.
 */
HB_API int hb_error_set(struct hb_error *err, enum hb_error_code code, int column,
			const char *format, ...) __attribute__((format(printf, 4, 5)));

#ifdef __cplusplus
}
#endif

#endif
