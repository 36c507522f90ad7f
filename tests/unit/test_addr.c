/* SPDX-License-Identifier: BSD-2-Clause */
#include <honeybrid/types.h>

#include "unit.h"

#include <errno.h>
#include <string.h>

static struct hb_addr addr_of(const char *text)
{
	struct hb_addr addr;

	ck_assert_msg(hb_addr_parse(text, &addr) == 0, "%s", text);
	return addr;
}

static void check_addr_refused(const char *text)
{
	struct hb_addr addr, before;

	memset(&addr, 0xa5, sizeof(addr));
	before = addr;
	ck_assert_msg(hb_addr_parse(text, &addr) == -EINVAL, "\"%s\" was taken", text);
	ck_assert_mem_eq(&addr, &before, sizeof(addr));
}

START_TEST(ipv4_is_held_as_mapped)
{
	struct hb_addr addr = addr_of("192.0.2.7");

	ck_assert_mem_eq(addr.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07", 16);
	ck_assert(hb_addr_is_ipv4(&addr));
	addr = addr_of("2001:db8::1");
	ck_assert(!hb_addr_is_ipv4(&addr));
	addr = addr_of("::fffe:c000:207"); /* one bit beside the mapped prefix */
	ck_assert(!hb_addr_is_ipv4(&addr));
}
END_TEST

START_TEST(bytes_become_addresses)
{
	static const uint8_t ipv4[] = { 192, 0, 2, 7 };
	static const uint8_t ipv6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	struct hb_addr a = hb_addr_from_ipv4(ipv4), b = addr_of("192.0.2.7");

	ck_assert(hb_addr_equal(&a, &b));
	a = hb_addr_from_ipv6(ipv6);
	b = addr_of("2001:db8::1");
	ck_assert(hb_addr_equal(&a, &b));
	b.bytes[15] = 2;
	ck_assert(!hb_addr_equal(&a, &b));
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
	check_addr_refused("");
	check_addr_refused("192.0.2");
	check_addr_refused("192.0.2.256");
	check_addr_refused("192.0.2.7 ");
	check_addr_refused("192.0.2.7:80");
	check_addr_refused("[2001:db8::1]");
	check_addr_refused("fe80::1%eth0");
	check_addr_refused("1:2:3:4:5:6:7:8:9");
	check_addr_refused("honeypot.example");
	check_addr_refused("::ffff:1.2.3.4"); /* would be IPv4 in disguise */
	check_addr_refused("::ffff:102:304");
}
END_TEST

START_TEST(addresses_come_back_as_text)
{
	static const char *const texts[] = {
		"0.0.0.0", "192.0.2.7",   "255.255.255.255", "::",
		"::1",     "2001:db8::1", "fe80::1:0:1",     "2001:db8:0:1:1:1:1:1"
	};
	char buf[HB_ADDR_TEXT_SIZE];
	struct hb_addr addr;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		addr = addr_of(texts[i]);
		ck_assert_ptr_eq(hb_addr_format(&addr, buf), buf);
		ck_assert_str_eq(buf, texts[i]);
	}
	addr = addr_of("2001:DB8:0:0:1:0:0:1");
	ck_assert_str_eq(hb_addr_format(&addr, buf), "2001:db8::1:0:0:1");
}
END_TEST

START_TEST(the_longest_text_fits)
{
	static const char longest[] = "[2001:1db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535";
	char buf[HB_ENDPOINT_TEXT_SIZE];
	struct hb_endpoint endpoint;

	ck_assert_int_eq(hb_endpoint_parse(longest, &endpoint), 0);
	ck_assert_str_eq(hb_endpoint_format(&endpoint, buf), longest);
}
END_TEST

START_TEST(endpoints_have_an_optional_port)
{
	static const struct {
		const char *text, *addr;
		uint16_t port;
	} cases[] = {
		{ "10.0.0.2", "10.0.0.2", 0 },
		{ "10.0.0.2:8080", "10.0.0.2", 8080 },
		{ "10.0.0.2:65535", "10.0.0.2", 65535 },
		{ "2001:db8::2", "2001:db8::2", 0 },
		{ "[2001:db8::2]:80", "2001:db8::2", 80 },
		{ "[::]:1", "::", 1 },
	};
	char buf[HB_ENDPOINT_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct hb_addr addr = addr_of(cases[i].addr);
		struct hb_endpoint endpoint;

		ck_assert_int_eq(hb_endpoint_parse(cases[i].text, &endpoint), 0);
		ck_assert(hb_addr_equal(&endpoint.addr, &addr));
		ck_assert_uint_eq(endpoint.port, cases[i].port);
		ck_assert_ptr_eq(hb_endpoint_format(&endpoint, buf), buf);
		ck_assert_str_eq(buf, cases[i].text);
	}
}
END_TEST

START_TEST(what_is_no_endpoint_is_refused)
{
	static const char *const texts[] = {
		"",
		":",
		":80",
		"[",
		"[:80",
		"[]:80",
		"[]",
		"10.0.0.2:",
		"10.0.0.2:0",
		"10.0.0.2:65536",
		"10.0.0.2:99999999999999999999",
		"10.0.0.2:080",
		"10.0.0.2: 80",
		"10.0.0.2:+80",
		"10.0.0.2:80x",
		"10.0.0.2:80:81",
		"[10.0.0.2]:80",
		"[10.0.0.2]",
		"[2001:db8::2]",
		"[2001:db8::2]:",
		"[2001:db8::2]80",
		"[2001:db8::2:80",
		"2001:db8::2]:80",
		"[::ffff:1.2.3.4]:80",
		"[2001:1db8:aaaa:bbbb:cccc:dddd:eeee:ffff:1111:2222:3333]:80",
	};
	struct hb_endpoint endpoint, before;

	memset(&endpoint, 0xa5, sizeof(endpoint));
	before = endpoint;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		ck_assert_msg(hb_endpoint_parse(texts[i], &endpoint) == -EINVAL, "\"%s\" was taken",
			      texts[i]);
		ck_assert_mem_eq(&endpoint, &before, sizeof(endpoint));
	}
}
END_TEST

START_TEST(networks_have_a_first_and_a_last_address)
{
	static const struct {
		const char *text, *first, *last;
	} cases[] = {
		{ "192.0.2.7", "192.0.2.7", "192.0.2.7" },
		{ "192.0.2.7/32", "192.0.2.7", "192.0.2.7" },
		{ "192.0.2.7/31", "192.0.2.6", "192.0.2.7" },
		{ "10.1.2.3/8", "10.0.0.0", "10.255.255.255" },
		{ "10.1.15.0/21", "10.1.8.0", "10.1.15.255" },
		{ "0.0.0.0/0", "0.0.0.0", "255.255.255.255" },
		{ "2001:db8::1", "2001:db8::1", "2001:db8::1" },
		{ "2001:db8::1/128", "2001:db8::1", "2001:db8::1" },
		{ "2001:db8:8000::/33",
		  "2001:db8:8000::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hb_addr first, last;
		char text[HB_ADDR_TEXT_SIZE];

		ck_assert_int_eq(hb_addr_parse_network(cases[i].text, &first, &last), 0);
		ck_assert_str_eq(hb_addr_format(&first, text), cases[i].first);
		ck_assert_str_eq(hb_addr_format(&last, text), cases[i].last);
	}
}
END_TEST

START_TEST(what_is_no_network_is_refused)
{
	static const char *const texts[] = {
		"",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0/8",
		"10.0.0.0/8/8",
		"10.0.0.0/ 8",
		"10.0.0.0/8 ",
		"10.0.0.0/0008",
		"10.0.0.0/+8",
		"2001:db8::/129",
		"2001:db8::/x",
		"::ffff:10.0.0.0/104",
		"[2001:db8::]/32",
		"10.0.0.0/4294967304",
		"1111111111111111111111111111111111111111111111111111111111111111/8",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct hb_addr first = addr_of("192.0.2.1"), last = first;
		const struct hb_addr before = first;

		ck_assert_msg(hb_addr_parse_network(texts[i], &first, &last) == -EINVAL,
			      "\"%s\" was taken", texts[i]);
		ck_assert(hb_addr_equal(&first, &before) && hb_addr_equal(&last, &before));
	}
}
END_TEST

UNIT_MAIN("addr", ipv4_is_held_as_mapped, networks_have_a_first_and_a_last_address,
	  what_is_no_network_is_refused, bytes_become_addresses, what_is_no_address_is_refused,
	  addresses_come_back_as_text, the_longest_text_fits, endpoints_have_an_optional_port,
	  what_is_no_endpoint_is_refused)
