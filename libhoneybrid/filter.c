/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters: what a person writes is read once, word by word, to refuse what has no meaning without a
 * link layer and to write protocol names as libpcap wants them. libpcap does the rest.
 *
 * libpcap's programs look for a transport header right behind the IPv6 header. So where extension
 * headers stand between the two, the program runs on a copy without them.
 */
#include "filter.h"

#include <pcap/pcap.h>

#include <stdlib.h>
#include <string.h>

#define SNAPLEN 65535
#define EXPRESSION_MAX 65536
#define QUOTE_MAX 80 /* how much of an expression an error quotes */
#define REASON_MAX 100
#define IPV6_HEADER_LEN 40
#define IPV6_NEXT_HEADER 6 /* where it lies */
#define NORMALISED_MAX (IPV6_HEADER_LEN + 256)

struct hb_filter {
	struct bpf_program program;
};

struct word {
	const char *text;
	size_t len;
};

/* What asks for something that lies outside the IP packet. */
static const char *const link_words[] = {
	"aarp",     "arp",    "atalk",  "decnet", "ether", "fddi",  "ifname", "inbound", "ipx",
	"iso",      "lane",   "lat",    "link",   "llc",   "mopdl", "moprc",  "mpls",    "netbeui",
	"outbound", "pppoed", "pppoes", "rarp",   "stp",   "tr",    "vlan",   "wlan",
};

static bool is_word(const struct word *word, const char *text)
{
	return strlen(text) == word->len && memcmp(word->text, text, word->len) == 0;
}

/*
 * The next word at or behind text: a run of what names, numbers and addresses are made of, with
 * their backslash. Its length is 0 at the end.
 */
static struct word next_word(const char *text)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789_-.:/\\";
	const char *start = text + strcspn(text, characters);

	return (struct word){ .text = start, .len = strspn(start, characters) };
}

/* "broadcast" and "multicast" alone mean the link's. */
static bool asks_for_link(const struct word *word, const struct word *previous)
{
	for (size_t i = 0; i < sizeof(link_words) / sizeof(*link_words); i++) {
		if (is_word(word, link_words[i]))
			return true;
	}
	return (is_word(word, "broadcast") || is_word(word, "multicast")) &&
	       !is_word(previous, "ip") && !is_word(previous, "ip6");
}

/* True for the second word of "proto tcp": only there it is a name and not a keyword. */
static bool needs_backslash(const struct word *word, const struct word *previous)
{
	return is_word(previous, "proto") &&
	       (is_word(word, "tcp") || is_word(word, "udp") || is_word(word, "icmp"));
}

/*
 * Writes the expression as libpcap wants it.
 *
 * @out  room for twice the expression and a zero.
 */
static int rewrite(const char *expression, char *out, struct hb_error *err)
{
	struct word previous = { .text = expression };
	const char *copied = expression;

	for (struct word word = next_word(expression); word.len > 0;
	     word = next_word(word.text + word.len)) {
		if (asks_for_link(&word, &previous))
			return hb_error_set(
				err, HB_ERROR_FILTER, (int)(word.text - expression) + 1,
				"\"%.*s\" asks for the link layer: a filter sees IP "
				"packets, which have addresses, protocols and ports only",
				(int)word.len, word.text);
		memcpy(out, copied, (size_t)(word.text - copied));
		out += word.text - copied;
		if (needs_backslash(&word, &previous))
			*out++ = '\\';
		copied = word.text;
		previous = word;
	}
	strcpy(out, copied);
	return 0;
}

/* Where the word that libpcap's message quotes stands in the expression, from 1; else 1. */
static int find_culprit(const char *expression, const char *message)
{
	const char *start = strpbrk(message, "'\"");

	if (!start)
		return 1;

	char culprit[REASON_MAX];
	size_t len = strcspn(start + 1, "'\"");

	if (len == 0 || len >= sizeof(culprit))
		return 1;
	memcpy(culprit, start + 1, len);
	culprit[len] = '\0';

	const char *found = strstr(expression, culprit);

	return found ? (int)(found - expression) + 1 : 1;
}

static int refuse(const char *expression, const char *message, struct hb_error *err)
{
	const char *reason = message;

	if (strstr(message, "syntax error"))
		reason = "it does not read as pcap-filter(7) says";
	else if (strstr(message, "rejects all packets"))
		reason = "no IP packet can match it";
	return hb_error_set(err, HB_ERROR_FILTER, find_culprit(expression, reason),
			    "libpcap refuses the filter \"%.*s\": %.*s", QUOTE_MAX, expression,
			    REASON_MAX, reason);
}

static int compile(struct hb_filter *filter, const char *expression, const char *rewritten,
		   struct hb_error *err)
{
	pcap_t *pcap = pcap_open_dead(DLT_RAW, SNAPLEN);
	int ret = 0;

	if (!pcap)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for a filter");
	if (pcap_compile(pcap, &filter->program, rewritten, 1, PCAP_NETMASK_UNKNOWN) < 0)
		ret = refuse(expression, pcap_geterr(pcap), err);
	pcap_close(pcap);
	return ret;
}

static int prepare(struct hb_filter *filter, const char *expression, struct hb_error *err)
{
	size_t len = strlen(expression);

	if (len > EXPRESSION_MAX)
		return hb_error_set(err, HB_ERROR_FILTER, 1,
				    "the filter is %zu characters long: at most %d are allowed",
				    len, EXPRESSION_MAX);
	if (expression[strspn(expression, " \t\r\n")] == '\0')
		return hb_error_set(
			err, HB_ERROR_FILTER, 1,
			"the filter \"\" is empty: write \"ip or ip6\" for every packet");

	char *rewritten = malloc(2 * len + 1);

	if (!rewritten)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for a filter");

	int ret = rewrite(expression, rewritten, err);

	if (ret == 0)
		ret = compile(filter, expression, rewritten, err);
	free(rewritten);
	return ret;
}

struct hb_filter *hb_filter_compile(const char *expression, struct hb_error *err)
{
	struct hb_filter *filter = calloc(1, sizeof(*filter));

	if (!filter) {
		hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for a filter");
		return NULL;
	}
	if (prepare(filter, expression, err) < 0) {
		free(filter);
		return NULL;
	}
	return filter;
}

void hb_filter_free(struct hb_filter *filter)
{
	if (!filter)
		return;
	pcap_freecode(&filter->program);
	free(filter);
}

static bool run(const struct hb_filter *filter, const uint8_t *data, size_t captured, size_t len)
{
	struct pcap_pkthdr header = { .caplen = (bpf_u_int32)captured, .len = (bpf_u_int32)len };

	return pcap_offline_filter(&filter->program, &header, data) != 0;
}

static bool has_extension_headers(const struct hb_packet *packet)
{
	return packet->ip_version == 6 && packet->l4_offset > IPV6_HEADER_LEN;
}

/* A later fragment has no transport header: its filter sees the fixed header alone. */
static bool match_normalised(const struct hb_filter *filter, const struct hb_packet *packet)
{
	uint8_t copy[NORMALISED_MAX];
	size_t behind = packet->fragment_offset_bytes > 0 ? 0 : packet->len - packet->l4_offset;

	if (behind > sizeof(copy) - IPV6_HEADER_LEN)
		behind = sizeof(copy) - IPV6_HEADER_LEN;
	memcpy(copy, packet->data, IPV6_HEADER_LEN);
	memcpy(copy + IPV6_HEADER_LEN, packet->data + packet->l4_offset, behind);
	copy[IPV6_NEXT_HEADER] = packet->protocol;
	return run(filter, copy, IPV6_HEADER_LEN + behind, packet->len);
}

bool hb_filter_match(const struct hb_filter *filter, const struct hb_packet *packet)
{
	if (has_extension_headers(packet))
		return match_normalised(filter, packet);
	return run(filter, packet->data, packet->len, packet->len);
}
