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
#include "quote.h"
#include "seq.h"
#include "target.h"
#include "tcpopt.h"
#include "way.h"

#include <stdio.h>

#define TCP_HEADER_BYTES 20

/* A link that carries less is not believed in: as Linux (ip_rt_min_pmtu), and RFC 8200, 5. */
#define LEAST_MTU_IPV4 552
#define LEAST_MTU_IPV6 1280

enum {
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

/* IP options that tell of another way than the addresses do, inside and out. */
static void hide_route(const struct hb_flow *flow, const struct hb_quote *quote,
		       struct hb_edit *edit)
{
	/* Where packets are tracked the frontend's address is nobody's business either. */
	if (!hb_translate_hides_route(flow) && !quote->dgram->tracked)
		return;
	hb_edit_hide_route(edit);
	edit->changed |= hb_quote_hide_route(quote);
}

static enum hb_verdict finish(const struct hb_quote *quote, struct hb_edit *edit)
{
	struct hb_packet changed;
	hb_edit_finish(edit);
	if (hb_packet_parse(quote->dgram->data, quote->dgram->len, &changed) != 0)
		return HB_DROP;
	hb_checksum_fill_l4(quote->dgram->data, &changed);
	return HB_ACCEPT_MODIFIED;
}

/* Nothing is translated on this leg, and nothing is to be hidden. */
static bool is_right_as_it_is(const struct hb_flow *flow, enum hb_leg leg,
			      const struct hb_quote *quote)
{
	return leg != HB_LEG_BACKEND && hb_flow_is_identity(flow) && !quote->error->ip_options &&
	       !quote->quoted->ip_options;
}

/* In whose name the client is told: this host's own, which may be another on an uplink. */
static struct hb_addr reporter(const struct hb_flow *flow, const struct hb_quote *quote)
{
	const struct hb_packet *error = quote->error;
	bool outside = !(flow->flags & HB_FLOW_FROM_HONEYPOT);
	if (quote->dgram->in_interface != 0)
		return flow->attacked;
	const struct hb_uplink *uplink = outside ? hb_way_uplink(flow, flow->mark) : NULL;
	bool fits = uplink && hb_addr_is_ipv4(&uplink->ip) == (error->ip_version == 4);
	return fits ? uplink->ip : error->src;
}

/*
 * A honeypot, or a router before it, tells the client of a packet of the client's; or this host does,
 * which is on the way to the frontend as well and goes by its own name.
 */
static enum hb_verdict to_client(const struct hb_flow *flow, enum hb_leg leg,
				 const struct hb_quote *quote)
{
	struct hb_endpoint client = { flow->client, flow->client_port };
	struct hb_endpoint attacked = { flow->attacked, flow->attacked_port };
	struct hb_edit edit;
	struct hb_endpoint source = { reporter(flow, quote), 0 };
	struct hb_way way = hb_way_to_client(flow);
	bool own =
		quote->dgram->in_interface == 0 && hb_addr_equal(&source.addr, &quote->error->src);
	hb_way_take(flow, &way, quote->dgram);
	bool attackeds = hb_addr_equal(&quote->error->src, &flow->attacked);
	if ((own || attackeds) && is_right_as_it_is(flow, leg, quote))
		return HB_ACCEPT;
	hb_quote_set_source(quote, &client);
	hb_quote_set_destination(quote, &attacked);
	if (leg == HB_LEG_BACKEND && flow->redirect != NULL)
		hb_quote_numbers_of_client(quote, flow);
	hb_edit_begin(&edit, quote->dgram, quote->error);
	hb_edit_source(&edit, &source);
	if (leg == HB_LEG_BACKEND && flow->redirect != NULL &&
	    hb_addr_equal(&quote->error->src, &flow->redirect->translation.honeypot.addr))
		hb_translate_ttl(&edit, &flow->redirect->translation); /* it is as far as it was */
	hide_route(flow, quote, &edit);
	return finish(quote, &edit);
}

static bool is_too_big(const struct hb_packet *error)
{
	if (error->ip_version == 6)
		return error->icmp_type == V6_TOO_BIG;
	return error->icmp_type == V4_UNREACHABLE && error->icmp_code == V4_FRAGMENTATION_NEEDED;
}

/* How long a packet the link takes that was too narrow; 0: it does not say. */
static uint32_t reported_mtu(const struct hb_packet *error)
{
	const uint8_t *icmp = error->data + error->l4_offset;
	return error->ip_version == 6 ? hb_get_be32(icmp + V6_MTU) : hb_get_be16(icmp + V4_MTU);
}

/*
 * The largest segment for a link that was too narrow for the quoted one, the TCP header's options
 * included, as in an MSS; 0 if the error is about something else.
 */
static uint16_t reported_mss(const struct hb_quote *quote)
{
	uint32_t least = quote->error->ip_version == 6 ? LEAST_MTU_IPV6 : LEAST_MTU_IPV4;
	size_t headers = quote->quoted->l4_offset + (size_t)TCP_HEADER_BYTES;
	if (!is_too_big(quote->error) || quote->quoted->protocol != HB_PROTO_TCP)
		return 0;
	uint32_t mtu = reported_mtu(quote->error);
	if (mtu < least)
		mtu = least;
	return mtu > UINT16_MAX || mtu <= headers ? 0 : (uint16_t)(mtu - headers);
}

/*
 * The sender of the quoted packet will make shorter ones, as it is told. So must we, of its super-packets
 * and of what we have to repeat: in which size it cuts them we are not told. Only about what is on its way,
 * as a TCP asks for (RFC 5927, 4.1).
 */
static void note_mtu_to_client(struct hb_flow *flow, const struct hb_quote *quote)
{
	struct hb_track *track = &flow->track;
	uint16_t mss = reported_mss(quote);
	uint32_t seq = quote->quoted->seq;
	if (mss == 0 || !hb_flow_is_tcp(flow) || hb_tcpopt_payload(track->client_mss, 0) <= mss)
		return;
	if (flow->state == HB_STATE_FORWARD &&
	    (hb_seq_before(seq, track->client_ack) || hb_seq_at_or_after(seq, track->server_next)))
		return;
	track->client_mss = mss;
}

/*
 * A backend without timestamps is told that its packet was too long: so is what we add to each (handover
 * rule 16). A server stops at the least that links must take: what is longer then is cut here.
 */
static void leave_room(struct hb_flow *flow, const struct hb_quote *quote)
{
	bool ipv6 = quote->error->ip_version == 6;
	uint8_t *icmp = quote->dgram->data + quote->error->l4_offset;
	if (reported_mss(quote) == 0 || !(flow->redirect->translation.lacks & HB_TCPOPT_TIMESTAMP))
		return;
	hb_handover_of(flow)->narrow = true;
	uint32_t mtu = reported_mtu(quote->error);
	if (mtu < (ipv6 ? LEAST_MTU_IPV6 : LEAST_MTU_IPV4))
		return;
	mtu -= HB_TCPOPT_TIMESTAMP_BYTES;
	if (ipv6)
		hb_put_be32(icmp + V6_MTU, mtu);
	else
		hb_put_be16(icmp + V4_MTU, (uint16_t)mtu);
}

/* Somebody outside tells the honeypot of a packet that it sent to the client. */
static enum hb_verdict to_honeypot(struct hb_flow *flow, const struct hb_quote *quote)
{
	struct hb_translation translation = hb_translate_frontend(flow);
	bool redirected = flow->state == HB_STATE_FORWARD && flow->redirect != NULL;
	if (redirected)
		translation = flow->redirect->translation;
	hb_way_take(flow, &translation.way, quote->dgram);
	if (!redirected && is_right_as_it_is(flow, HB_LEG_FRONTEND, quote))
		return HB_ACCEPT;
	/* About what the frontend had sent: it is not there any more, and the backend knows nothing
	 * of it (handover rule 28). */
	uint32_t seq = quote->quoted->seq - translation.seq_difference;
	if (redirected && hb_flow_is_tcp(flow) && hb_seq_before(seq, translation.keep))
		return HB_DROP;
	struct hb_endpoint client = { flow->client, translation.client_port };
	struct hb_edit edit;
	hb_quote_set_source(quote, &translation.honeypot);
	hb_quote_set_destination(quote, &client);
	if (redirected)
		hb_quote_numbers_of_honeypot(quote, &translation);
	if (redirected && hb_flow_is_tcp(flow))
		leave_room(flow, quote);
	hb_edit_begin(&edit, quote->dgram, quote->error);
	hb_edit_destination(&edit, &translation.honeypot);
	hide_route(flow, quote, &edit);
	return finish(quote, &edit);
}

static bool is_unreachable(const struct hb_packet *error)
{
	if (error->ip_version == 6)
		return error->icmp_type == V6_UNREACHABLE;
	return error->icmp_type == V4_UNREACHABLE && !is_too_big(error);
}

/*
 * True about a packet of the client's that no server saw: this host could not send it on before we were
 * asked, in FORWARD, for its hop limit or since the way to the frontend, by which it would have gone
 * whoever serves, is too narrow; or its IP options or extension headers were refused, by this host or by
 * the frontend that it was shown to.
 */
static bool is_about_header(const struct hb_match *match, const struct hb_quote *quote)
{
	const struct hb_packet *error = quote->error;
	bool ipv6 = error->ip_version == 6, own = quote->dgram->in_interface == 0;
	bool died = error->icmp_type == (ipv6 ? V6_TIME_EXCEEDED : V4_TIME_EXCEEDED) &&
		    error->icmp_code == 0;
	bool refused = error->icmp_type == (ipv6 ? V6_PARAMETER : V4_PARAMETER);
	return match->leg != HB_LEG_BACKEND && (refused || (own && (died || is_too_big(error))));
}

/*
 * About a packet of the client's, quoted as the honeypot's side saw it; or as it came here, in FORWARD,
 * where this host may refuse it before it asks about it.
 */
static enum hb_verdict about_client(struct hb_core *core, const struct hb_match *match,
				    const struct hb_quote *quote)
{
	struct hb_flow *flow = match->flow;
	bool replaying = flow->state == HB_STATE_REPLAY;
	if (match->leg == HB_LEG_BACKEND && replaying && is_unreachable(quote->error)) {
		char name[HB_WAY_NAME_SIZE], reason[160];
		snprintf(reason, sizeof(reason), "backend %s is unreachable",
			 hb_way_backend_name(flow, name));
		hb_handover_of(flow)->backend_gone = true;
		hb_commit_undo(core, flow, reason);
		hb_life_arm(core, flow);
		return HB_DROP;
	}
	uint16_t mss = reported_mss(quote);
	if (mss != 0 && hb_flow_is_tcp(flow) && flow->redirect != NULL)
		hb_replay_narrow(core, hb_handover_of(flow), match->leg, quote->quoted->seq, mss);
	/* What the frontend has not got yet of its own the client sends again, until then (rule 1). */
	if (replaying && match->leg != HB_LEG_BACKEND && hb_flow_is_tcp(flow) &&
	    hb_seq_before(quote->quoted->seq, hb_handover_of(flow)->cut))
		return to_client(flow, match->leg, quote);
	bool serves = (match->leg == HB_LEG_BACKEND) == (flow->state == HB_STATE_FORWARD);
	bool passes = (serves && !replaying) || is_about_header(match, quote);
	if (flow->state == HB_STATE_DROPPED || !passes)
		return HB_DROP;
	return to_client(flow, match->leg, quote);
}

/* The same legs as for packets the other way. */
static struct hb_match find_swapped(struct hb_core *core, const struct hb_packet *quoted,
				    const struct hb_datagram *dgram)
{
	struct hb_packet swapped = *quoted;
	swapped.src = quoted->dst;
	swapped.dst = quoted->src;
	swapped.src_port = quoted->dst_port;
	swapped.dst_port = quoted->src_port;
	return hb_flowtable_find(&core->table, &swapped, dgram);
}

/* Then it is one of the packets that the honeypot itself has to say to somebody. */
static enum hb_verdict honeypots_own(struct hb_core *core, struct hb_datagram *dgram,
				     const struct hb_packet *packet,
				     const struct hb_target *honeypot)
{
	struct hb_match match = hb_flowtable_find(&core->table, packet, dgram);
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
	/*
	 * This host's own go their way: also those about a packet as a backend sent it, which was too long
	 * for routing before we saw it.
	 */
	return dgram->in_interface == 0 ? HB_ACCEPT : HB_DROP;
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
	struct hb_quote quote = { dgram, packet, &quoted };
	struct hb_match match = find_swapped(core, &quoted, dgram);
	if (match.flow == NULL || !may_report(core, &match, packet, &quoted))
		return about_nothing(core, dgram, packet);
	if (match.flow->state == HB_STATE_CONTROL) {
		if (!hb_contain_passes(core, &match, packet))
			return HB_DROP;
		if (match.direction == HB_FROM_SERVER)
			note_mtu_to_client(match.flow, &quote);
		if (!hb_flow_is_rewritten(match.flow))
			return hb_contain_lead(&match, dgram, packet);
	}
	if (match.direction == HB_FROM_SERVER)
		return about_client(core, &match, &quote);
	if (match.flow->state == HB_STATE_DROPPED)
		return HB_DROP;
	note_mtu_to_client(match.flow, &quote);
	return to_honeypot(match.flow, &quote);
}
