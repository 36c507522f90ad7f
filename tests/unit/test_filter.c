/* SPDX-License-Identifier: BSD-2-Clause */
#include "build.h"
#include "filter.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

/* A packet and its bytes. */
struct sample {
	uint8_t bytes[1500];
	struct hb_packet packet;
};

static struct hb_build_ip ends(const char *src, const char *dst)
{
	struct hb_build_ip ip = { .ttl = 64 };

	ck_assert_int_eq(hb_endpoint_parse(src, &ip.src), 0);
	ck_assert_int_eq(hb_endpoint_parse(dst, &ip.dst), 0);
	return ip;
}

static void parse(struct sample *sample, size_t len)
{
	ck_assert_int_eq(hb_packet_parse(sample->bytes, len, &sample->packet), 0);
}

static void make_tcp(struct sample *sample, const char *src, const char *dst, uint8_t flags)
{
	const struct hb_build_tcp spec = { .ip = ends(src, dst), .flags = flags };

	parse(sample, hb_build_tcp(sample->bytes, sizeof(sample->bytes), &spec));
}

static void make_udp(struct sample *sample, const char *src, const char *dst)
{
	const struct hb_build_ip ip = ends(src, dst);

	parse(sample,
	      hb_build_udp(sample->bytes, sizeof(sample->bytes), &ip, (const uint8_t *)"x", 1));
}

/* Puts an extension header behind the IPv6 header: its number, and its bytes but the first. */
static void extend(struct sample *sample, uint8_t number, const uint8_t *rest, size_t rest_len)
{
	size_t len = sample->packet.len + 1 + rest_len;
	uint8_t next = sample->bytes[6];

	memmove(sample->bytes + 41 + rest_len, sample->bytes + 40, sample->packet.len - 40);
	sample->bytes[6] = number;
	sample->bytes[40] = next;
	memcpy(sample->bytes + 41, rest, rest_len);
	sample->bytes[4] = (uint8_t)((len - 40) >> 8);
	sample->bytes[5] = (uint8_t)(len - 40);
	parse(sample, len);
}

/* Destination options with a PadN of four bytes. */
static void add_options(struct sample *sample)
{
	static const uint8_t rest[] = { 0, 1, 4, 0, 0, 0, 0 };

	extend(sample, 60, rest, sizeof(rest));
}

static bool matches(const char *expression, const struct sample *sample)
{
	struct hb_error err = { .message = "" };
	struct hb_filter *filter = hb_filter_compile(expression, &err);
	bool result;

	ck_assert_msg(filter != NULL, "%s: %s", expression, err.message);
	result = hb_filter_match(filter, &sample->packet);
	hb_filter_free(filter);
	return result;
}

static void assert_refused(const char *expression, int column, const char *message)
{
	struct hb_error err = { .column = -1 };

	ck_assert_ptr_null(hb_filter_compile(expression, &err));
	ck_assert_str_eq(err.message, message);
	ck_assert_int_eq(err.code, HB_ERROR_FILTER);
	ck_assert_int_eq(err.column, column);
}

START_TEST(addresses_and_ports_are_seen)
{
	struct sample tcp, udp;

	make_tcp(&tcp, "192.0.2.7:40000", "10.1.2.3:80", HB_TCP_SYN);
	make_udp(&udp, "192.0.2.7:40000", "10.1.2.3:53");
	ck_assert(matches("dst net 10.1.0.0/21 and tcp port 80", &tcp));
	ck_assert(!matches("dst net 10.1.0.0/21 and tcp port 80", &udp));
	ck_assert(!matches("dst net 10.1.8.0/21", &tcp));
	ck_assert(matches("src host 192.0.2.7 and udp dst port 53", &udp));
	ck_assert(matches("tcp[tcpflags] & tcp-syn != 0", &tcp));
	ck_assert(matches("ip", &tcp));
	ck_assert(!matches("ip6", &tcp));
	ck_assert(matches("ip or ip6", &udp));
}
END_TEST

START_TEST(ipv4_options_do_not_hide_the_ports)
{
	struct sample tcp;
	size_t len;

	make_tcp(&tcp, "192.0.2.7:40000", "10.1.2.3:80", HB_TCP_SYN);
	len = tcp.packet.len + 4;
	memmove(tcp.bytes + 24, tcp.bytes + 20, tcp.packet.len - 20);
	memset(tcp.bytes + 20, 1, 4);
	tcp.bytes[0] = 0x46;
	tcp.bytes[3] = (uint8_t)len;
	parse(&tcp, len);
	ck_assert(matches("tcp dst port 80", &tcp));
}
END_TEST

START_TEST(ipv6_is_seen)
{
	struct sample tcp;

	make_tcp(&tcp, "[2001:db8::7]:40000", "[2001:db8:1::3]:80", HB_TCP_SYN);
	ck_assert(matches("dst net 2001:db8:1::/48 and tcp port 80", &tcp));
	ck_assert(matches("ip6 and port 80", &tcp));
	ck_assert(!matches("ip", &tcp));
	ck_assert(!matches("udp", &tcp));
}
END_TEST

START_TEST(extension_headers_do_not_hide_the_transport)
{
	struct sample tcp;

	make_tcp(&tcp, "[2001:db8::7]:40000", "[2001:db8:1::3]:80", HB_TCP_SYN);
	add_options(&tcp);
	add_options(&tcp);
	ck_assert_uint_eq(tcp.packet.l4_offset, 56);
	ck_assert(matches("tcp dst port 80", &tcp));
	ck_assert(matches("ip6 proto tcp", &tcp));
	ck_assert(matches("dst host 2001:db8:1::3 and src port 40000", &tcp));
	ck_assert(!matches("tcp dst port 81", &tcp));
	ck_assert(!matches("udp", &tcp));
	ck_assert(matches("len == 76", &tcp));
}
END_TEST

START_TEST(a_long_packet_with_extension_headers_is_seen)
{
	struct sample udp;
	struct hb_build_ip ip = ends("[2001:db8::7]:40000", "[2001:db8:1::3]:53");
	uint8_t payload[1200] = { 0 };

	parse(&udp, hb_build_udp(udp.bytes, sizeof(udp.bytes), &ip, payload, sizeof(payload)));
	add_options(&udp);
	ck_assert(matches("udp port 53", &udp));
}
END_TEST

START_TEST(a_later_fragment_has_no_ports)
{
	struct sample tcp;
	/* Offset 8, more to come. */
	static const uint8_t rest[] = { 0, 0, 9, 0, 0, 0, 7 };

	make_tcp(&tcp, "[2001:db8::7]:40000", "[2001:db8:1::3]:80", HB_TCP_SYN);
	extend(&tcp, 44, rest, sizeof(rest));
	ck_assert_uint_eq(tcp.packet.fragment_offset_bytes, 8);
	ck_assert(!matches("tcp dst port 80", &tcp));
	ck_assert(matches("dst host 2001:db8:1::3", &tcp));
	ck_assert(matches("tcp", &tcp));
}
END_TEST

START_TEST(protocol_names_need_no_backslash)
{
	struct sample tcp, udp;

	make_tcp(&tcp, "192.0.2.7:40000", "10.1.2.3:80", HB_TCP_SYN);
	make_udp(&udp, "192.0.2.7:40000", "10.1.2.3:80");
	ck_assert(matches("dst net 10.1.0.0/21 and proto tcp and port 80", &tcp));
	ck_assert(!matches("dst net 10.1.0.0/21 and proto tcp and port 80", &udp));
	ck_assert(matches("ip proto udp", &udp));
	ck_assert(matches("(proto  udp)and(ip proto\tudp)", &udp));
	ck_assert(matches("proto tcp or proto udp or ip6 proto icmp", &udp));
	ck_assert(matches("not proto icmp", &udp));
	ck_assert(matches("proto (udp)", &udp));
}
END_TEST

START_TEST(what_is_written_for_libpcap_stays)
{
	struct sample tcp;

	make_tcp(&tcp, "192.0.2.7:40000", "10.1.2.3:80", HB_TCP_SYN);
	ck_assert(matches("proto \\tcp and tcp", &tcp));
	ck_assert(matches("ip proto (\\tcp or \\udp)", &tcp));
	ck_assert(matches("proto 6 and tcp port 80", &tcp));
	ck_assert(matches("ip[9] == 6 and tcp[2:2] == 80", &tcp));
	ck_assert(matches("\tip\nand tcp ", &tcp));
}
END_TEST

START_TEST(what_needs_a_link_layer_is_refused)
{
	assert_refused("tcp and ether host 00:11:22:33:44:55", 9,
		       "\"ether\" asks for the link layer: a filter sees IP packets, which have "
		       "addresses, protocols and ports only");
	assert_refused("vlan 5", 1,
		       "\"vlan\" asks for the link layer: a filter sees IP packets, which have "
		       "addresses, protocols and ports only");
	assert_refused("ip or(arp)", 7,
		       "\"arp\" asks for the link layer: a filter sees IP packets, which have "
		       "addresses, protocols and ports only");
	assert_refused(
		"not multicast", 5,
		"\"multicast\" asks for the link layer: a filter sees IP packets, which have "
		"addresses, protocols and ports only");
	ck_assert_ptr_null(hb_filter_compile("ether[0] = 1", NULL));
	ck_assert_ptr_null(hb_filter_compile("inbound", NULL));

	struct hb_filter *filter = hb_filter_compile("ip multicast or ip6 multicast", NULL);

	ck_assert_ptr_nonnull(filter);
	hb_filter_free(filter);
}
END_TEST

START_TEST(only_whole_words_ask_for_the_link_layer)
{
	struct hb_error err;

	/* No resolver is asked for these: they do not read as addresses and fail. */
	ck_assert_ptr_null(hb_filter_compile("port vlan-5", &err));
	ck_assert_str_eq(err.message, "libpcap refuses the filter \"port vlan-5\": unknown port "
				      "'vlan-5'");
	ck_assert_int_eq(err.column, 6);
	ck_assert_ptr_null(hb_filter_compile("port ethernet", &err));
	ck_assert_int_eq(err.column, 6);
}
END_TEST

START_TEST(libpcap_says_what_is_wrong)
{
	assert_refused("tcp and", 1,
		       "libpcap refuses the filter \"tcp and\": it does not read as pcap-filter(7) "
		       "says");
	assert_refused("dst host 10.0.0.256", 10,
		       "libpcap refuses the filter \"dst host 10.0.0.256\": invalid IPv4 address "
		       "'10.0.0.256'");
	assert_refused(
		"tcp and net 10.1.0.1/8", 13,
		"libpcap refuses the filter \"tcp and net 10.1.0.1/8\": non-network bits set "
		"in \"10.1.0.1/8\"");
	assert_refused("proto tcp and port nosuch", 20,
		       "libpcap refuses the filter \"proto tcp and port nosuch\": unknown port "
		       "'nosuch'");
	assert_refused("ip and ip6", 1,
		       "libpcap refuses the filter \"ip and ip6\": no IP packet can match it");
	assert_refused("tcp port 99999", 1,
		       "libpcap refuses the filter \"tcp port 99999\": illegal port number 99999 > "
		       "65535");
}
END_TEST

START_TEST(nothing_is_no_filter)
{
	assert_refused("", 1, "the filter \"\" is empty: write \"ip or ip6\" for every packet");
	assert_refused(" \t\n", 1,
		       "the filter \"\" is empty: write \"ip or ip6\" for every packet");
	hb_filter_free(NULL);
}
END_TEST

START_TEST(a_filter_has_an_end)
{
	char text[70000];
	struct hb_error err;

	memset(text, ' ', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "ip", 2);
	assert_refused(text, 1, "the filter is 69999 characters long: at most 65536 are allowed");
	text[65536] = '\0';
	hb_filter_free(hb_filter_compile(text, &err));
	memset(text, 'x', 65536);
	ck_assert_ptr_null(hb_filter_compile(text, &err));
	ck_assert_ptr_nonnull(strstr(err.message, "xxx\": "));
}
END_TEST

UNIT_MAIN("filter", addresses_and_ports_are_seen, ipv4_options_do_not_hide_the_ports, ipv6_is_seen,
	  extension_headers_do_not_hide_the_transport, a_long_packet_with_extension_headers_is_seen,
	  a_later_fragment_has_no_ports, protocol_names_need_no_backslash,
	  what_is_written_for_libpcap_stays, what_needs_a_link_layer_is_refused,
	  only_whole_words_ask_for_the_link_layer, libpcap_says_what_is_wrong, nothing_is_no_filter,
	  a_filter_has_an_end)
