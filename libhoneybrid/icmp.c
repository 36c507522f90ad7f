/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ICMP error quotes the packet that it is about, as the reporter saw it: inside and out it must
 * tell of the leg on which it goes on, and nothing of the other (handover rule 28). An error about
 * a packet for a backend during replay ends the handover, and nobody sees it.
 */
#include "icmp.h"

#include "bytes.h"
#include "checksum.h"
#include "commit.h"
#include "contain.h"
#include "handover.h"
#include "life.h"
#include "seq.h"

#include <stdio.h>

enum {
	IPV4_SUM = 10,
	TCP_SEQ = 4,
	ECHO_ID = 4,
	V4_UNREACHABLE = 3,
	V4_FRAGMENTATION_NEEDED = 4,
	V4_MTU = 6, /* RFC 1191 */
	V4_TIME_EXCEEDED = 11,
	V4_PARAMETER = 12,
	V6_UNREACHABLE = 1,
	V6_TOO_BIG = 2,
	V6_TIME_EXCEEDED = 3,
	V6_PARAMETER = 4,
	V6_MTU = 4,
};

/* One quoted packet, and the error around it, on their way to the other leg. */
struct rewrite {
	struct hb_datagram *dgram;
	const struct hb_packet *error, *quoted;
};

static bool is_quoted(const struct rewrite *rewrite, size_t offset, size_t len)
{
	return offset + len <= rewrite->quoted->len; /* behind it may be ICMP's own (RFC 4884) */
}

static uint8_t *quotation(const struct rewrite *rewrite)
{
	return rewrite->dgram->data + rewrite->error->quoted_offset;
}

/*
 * The quoted transport checksum goes with what it covers, if it is quoted at all: what is wrong with
 * it tells of the leg as well. 0 is none for UDP.
 */
static void quoted_sum(const struct rewrite *rewrite, uint16_t old_word, uint16_t new_word)
{
	size_t at = hb_checksum_l4_offset(rewrite->quoted);
	bool udp = rewrite->quoted->protocol == HB_PROTO_UDP;
	if (at == 0 || !is_quoted(rewrite, at, 2))
		return;
	uint16_t sum = hb_get_be16(quotation(rewrite) + at);
	if (udp && sum == 0)
		return;
	sum = hb_checksum_update16(sum, old_word, new_word);
	hb_put_be16(quotation(rewrite) + at, udp && sum == 0 ? UINT16_MAX : sum);
}

/* Of the transport header: only what is there of it. */
static void quoted_word(const struct rewrite *rewrite, size_t offset, uint16_t word)
{
	size_t at = rewrite->quoted->l4_offset + offset;
	if (!is_quoted(rewrite, at, 2))
		return;
	quoted_sum(rewrite, hb_get_be16(quotation(rewrite) + at), word);
	hb_put_be16(quotation(rewrite) + at, word);
}

/* An address counts in the quoted IPv4 header's sum, and in all pseudo-headers. */
static void quoted_address(const struct rewrite *rewrite, bool source, const struct hb_addr *addr)
{
	bool ipv6 = rewrite->quoted->ip_version == 6;
	uint8_t *header = quotation(rewrite);
	uint8_t *field = header + (ipv6 ? (source ? 8 : 24) : (source ? 12 : 16));
	for (size_t i = ipv6 ? 0 : 12; i < 16; i += 2, field += 2) {
		uint16_t old_word = hb_get_be16(field), word = hb_get_be16(addr->bytes + i);
		hb_put_be16(field, word);
		if (!ipv6)
			hb_put_be16(header + IPV4_SUM,
				    hb_checksum_update16(hb_get_be16(header + IPV4_SUM), old_word,
							 word));
		if (rewrite->quoted->protocol != HB_PROTO_ICMP)
			quoted_sum(rewrite, old_word, word);
	}
}

static void quoted_endpoint(const struct rewrite *rewrite, bool source,
			    const struct hb_endpoint *endpoint)
{
	uint8_t protocol = rewrite->quoted->protocol;
	quoted_address(rewrite, source, &endpoint->addr);
	if (!rewrite->quoted->has_l4)
		return;
	if (protocol == HB_PROTO_TCP || protocol == HB_PROTO_UDP)
		quoted_word(rewrite, source ? 0 : 2, endpoint->port);
	else if (source && rewrite->quoted->is_icmp_echo)
		quoted_word(rewrite, ECHO_ID, endpoint->port);
}

static void quoted_seq(const struct rewrite *rewrite, uint32_t seq)
{
	if (rewrite->quoted->protocol != HB_PROTO_TCP || !rewrite->quoted->has_l4)
		return;
	quoted_word(rewrite, TCP_SEQ, (uint16_t)(seq >> 16));
	quoted_word(rewrite, TCP_SEQ + 2, (uint16_t)seq);
}

/* IP options that tell of another way than the addresses do, inside and out. */
static void hide_route(const struct hb_flow *flow, const struct rewrite *rewrite,
		       struct hb_edit *edit)
{
	/* Where packets are tracked the frontend's address is nobody's business either. */
	if (!hb_translate_hides_route(flow) && !rewrite->dgram->tracked)
		return;
	hb_edit_hide_route(edit);
	if (rewrite->quoted->ip_options &&
	    hb_edit_header_hide_route(quotation(rewrite), rewrite->quoted->l4_offset))
		edit->changed = true;
}

static enum hb_verdict finish(const struct rewrite *rewrite, struct hb_edit *edit)
{
	struct hb_packet changed;
	hb_edit_finish(edit);
	if (hb_packet_parse(rewrite->dgram->data, rewrite->dgram->len, &changed) != 0)
		return HB_DROP;
	hb_checksum_fill_l4(rewrite->dgram->data, &changed);
	return HB_ACCEPT_MODIFIED;
}

/*
 * A honeypot, or a router before it, tells the client of a packet of the client's; or this host does,
 * which is on the way to the frontend as well and goes by its own name.
 */
static enum hb_verdict to_client(const struct hb_flow *flow, enum hb_leg leg,
				 const struct rewrite *rewrite)
{
	struct hb_endpoint client = { flow->client, flow->client_port };
	struct hb_endpoint attacked = { flow->attacked, flow->attacked_port };
	struct hb_edit edit;
	bool own = rewrite->dgram->in_interface == 0;
	if (own && leg != HB_LEG_BACKEND && hb_flow_is_identity(flow))
		return HB_ACCEPT; /* right as it is */
	quoted_endpoint(rewrite, true, &client);
	quoted_endpoint(rewrite, false, &attacked);
	hb_edit_begin(&edit, rewrite->dgram, rewrite->error);
	if (!own)
		hb_edit_source(&edit, &attacked);
	hide_route(flow, rewrite, &edit);
	return finish(rewrite, &edit);
}

/* Somebody outside tells the honeypot of a packet that it sent to the client. */
static enum hb_verdict to_honeypot(const struct hb_flow *flow, const struct rewrite *rewrite)
{
	struct hb_translation translation = hb_translate_frontend(flow);
	bool redirected = flow->state == HB_STATE_FORWARD && flow->redirect != NULL;
	if (redirected)
		translation = flow->redirect->translation;
	/* About what the frontend had sent: it is not there any more, and the backend knows nothing
	 * of it (handover rule 28). */
	uint32_t seq = rewrite->quoted->seq - translation.seq_difference;
	if (redirected && hb_flow_is_tcp(flow) && hb_seq_before(seq, translation.keep))
		return HB_DROP;
	struct hb_endpoint client = { flow->client, translation.client_port };
	struct hb_edit edit;
	quoted_endpoint(rewrite, true, &translation.honeypot);
	quoted_endpoint(rewrite, false, &client);
	if (redirected)
		quoted_seq(rewrite, seq);
	hb_edit_begin(&edit, rewrite->dgram, rewrite->error);
	hb_edit_destination(&edit, &translation.honeypot);
	hide_route(flow, rewrite, &edit);
	return finish(rewrite, &edit);
}

static bool is_unreachable(const struct hb_packet *error)
{
	if (error->ip_version == 6)
		return error->icmp_type == V6_UNREACHABLE;
	return error->icmp_type == V4_UNREACHABLE && error->icmp_code != V4_FRAGMENTATION_NEEDED;
}

/*
 * About a packet of the client's own that no server saw: its hop limit ended here, or its IP options or
 * extension headers were refused, by this host or by the frontend that it was shown to.
 */
static bool about_header(const struct hb_match *match, const struct rewrite *rewrite)
{
	bool ipv6 = rewrite->error->ip_version == 6, own = rewrite->dgram->in_interface == 0;
	uint8_t type = rewrite->error->icmp_type;
	bool died = type == (ipv6 ? V6_TIME_EXCEEDED : V4_TIME_EXCEEDED) &&
		    rewrite->error->icmp_code == 0 && own;
	bool refused = type == (ipv6 ? V6_PARAMETER : V4_PARAMETER);
	return match->leg != HB_LEG_BACKEND && (died || refused);
}

/*
 * About a packet of the client's, quoted as the honeypot's side saw it; or as it came here, in FORWARD,
 * where this host may refuse it before it asks about it.
 */
static enum hb_verdict about_client(struct hb_core *core, const struct hb_match *match,
				    const struct rewrite *rewrite)
{
	struct hb_flow *flow = match->flow;
	bool replaying = flow->state == HB_STATE_REPLAY;
	if (match->leg == HB_LEG_BACKEND && replaying && is_unreachable(rewrite->error)) {
		char text[HB_ENDPOINT_TEXT_SIZE], reason[160];
		hb_endpoint_format(&flow->redirect->translation.honeypot, text);
		snprintf(reason, sizeof(reason), "backend %s is unreachable", text);
		hb_handover_of(flow)->backend_gone = true;
		hb_commit_undo(core, flow, reason);
		hb_life_arm(core, flow);
		return HB_DROP;
	}
	bool serves = (match->leg == HB_LEG_BACKEND) == (flow->state == HB_STATE_FORWARD);
	if (flow->state == HB_STATE_DROPPED)
		return HB_DROP;
	if ((!serves || replaying) && !about_header(match, rewrite))
		return HB_DROP;
	return to_client(flow, match->leg, rewrite);
}

/* The same legs as for packets the other way. */
static struct hb_match find_swapped(struct hb_core *core, const struct hb_packet *quoted)
{
	struct hb_packet swapped = *quoted;
	swapped.src = quoted->dst;
	swapped.dst = quoted->src;
	swapped.src_port = quoted->dst_port;
	swapped.dst_port = quoted->src_port;
	return hb_flowtable_find(&core->table, &swapped);
}

/* Then it is one of the packets that the honeypot itself has to say to somebody. */
static enum hb_verdict honeypots_own(struct hb_core *core, struct hb_datagram *dgram,
				     const struct hb_packet *packet,
				     const struct hb_target *honeypot)
{
	struct hb_match match = hb_flowtable_find(&core->table, packet);
	if (match.flow == NULL)
		return hb_contain_start(core, dgram, packet, honeypot);
	if (match.flow->state != HB_STATE_CONTROL || match.direction != HB_FROM_CLIENT) {
		core->counters.contained++;
		return HB_DROP;
	}
	hb_life_count(core, match.flow, packet, match.direction);
	return hb_contain_packet(core, &match, dgram, packet);
}

/* An error about nothing that we know. */
static enum hb_verdict about_nothing(struct hb_core *core, struct hb_datagram *dgram,
				     const struct hb_packet *packet)
{
	const struct hb_target *honeypot = hb_policy_find_honeypot(core->policy, &packet->src);
	if (honeypot != NULL)
		return honeypots_own(core, dgram, packet, honeypot);
	return dgram->in_interface == 0 ? HB_ACCEPT : HB_DROP; /* this host's own go their way */
}

/*
 * A honeypot may report on packets of its own legs to their senders, and on answers of whom it was
 * led to: all else that it sends is its own idea, however well the quotation is made up.
 */
static bool may_report(struct hb_core *core, const struct hb_match *match,
		       const struct hb_packet *error, const struct hb_packet *quoted)
{
	if (!hb_addr_equal(&error->dst, &quoted->src))
		return false;
	bool own_leg = match->direction == HB_FROM_SERVER || hb_flow_diverted(match->flow) != NULL;
	return hb_policy_find_honeypot(core->policy, &error->src) == NULL ||
	       (own_leg && hb_addr_equal(&error->src, &quoted->dst));
}

/* How long a packet the link takes that was too narrow for one; 0 if the error is about something else. */
static uint32_t reported_mtu(const struct hb_packet *error)
{
	const uint8_t *icmp = error->data + error->l4_offset;
	if (error->ip_version == 6)
		return error->icmp_type == V6_TOO_BIG ? hb_get_be32(icmp + V6_MTU) : 0;
	if (error->icmp_type != V4_UNREACHABLE || error->icmp_code != V4_FRAGMENTATION_NEEDED)
		return 0;
	return hb_get_be16(icmp + V4_MTU);
}

enum hb_verdict hb_icmp_error(struct hb_core *core, struct hb_datagram *dgram,
			      const struct hb_packet *packet)
{
	struct hb_packet quoted;
	/* Nobody takes one with a wrong sum, and nothing that it says counts. */
	if (dgram->checksum == HB_CHECKSUM_COMPLETE && !dgram->gso &&
	    !hb_packet_checksum_ok(packet)) {
		core->counters.malformed++;
		return HB_DROP;
	}
	if (packet->quoted_offset == 0 || hb_packet_parse_quoted(packet, &quoted) != 0)
		return about_nothing(core, dgram, packet);
	struct rewrite rewrite = { dgram, packet, &quoted };
	struct hb_match match = find_swapped(core, &quoted);
	if (match.flow == NULL || !may_report(core, &match, packet, &quoted))
		return about_nothing(core, dgram, packet);
	if (match.flow->state == HB_STATE_CONTROL) {
		if (!hb_contain_passes(core, &match, packet))
			return HB_DROP;
		if (match.direction == HB_FROM_SERVER)
			hb_contain_note_mtu(match.flow, &quoted, reported_mtu(packet));
		if (hb_flow_diverted(match.flow) == NULL)
			return HB_ACCEPT;
	}
	if (match.direction == HB_FROM_SERVER)
		return about_client(core, &match, &rewrite);
	return match.flow->state == HB_STATE_DROPPED ? HB_DROP : to_honeypot(match.flow, &rewrite);
}
