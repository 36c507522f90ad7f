/* SPDX-License-Identifier: BSD-2-Clause */
#include "translate.h"

#include "seq.h"
#include "target.h"
#include "way.h"

enum {
	ECN_MASK = 3,
};

uint16_t hb_translate_window(uint32_t bytes, uint8_t shift)
{
	uint32_t field = bytes >> shift;
	if (field > UINT16_MAX)
		return UINT16_MAX;
	return field == 0 && bytes > 0 ? 1 : (uint16_t)field;
}

struct hb_translation hb_translate_frontend(const struct hb_flow *flow)
{
	struct hb_leg_key leg = hb_flow_leg(flow, HB_LEG_FRONTEND);
	return (struct hb_translation){ .honeypot = { leg.server, leg.server_port },
					.client_port = leg.client_port };
}

bool hb_translate_hides_route(const struct hb_flow *flow)
{
	return flow->state == HB_STATE_FORWARD || flow->redirect != NULL ||
	       !hb_flow_is_identity(flow);
}

/*
 * SACK blocks from the client. Blocks below the first byte that came from this honeypot mean
 * nothing to it: the option goes then (handover rule 14).
 */
static void sack_to_honeypot(struct hb_edit *edit, const struct hb_translation *translation)
{
	const struct hb_tcp_options *options = &edit->packet->options;
	size_t at = options->sack_offset;
	bool below = false;
	for (size_t i = 0; i < options->sack_count; i++)
		below |= hb_seq_before(options->sack[i].left - translation->seq_difference,
				       translation->keep);
	if (below || (translation->lacks & HB_TCPOPT_SACK_OK)) {
		hb_edit_erase_option(edit, at);
		return;
	}
	for (size_t i = 0; i < options->sack_count; i++) {
		hb_edit_u32(edit, at + 2 + 8 * i,
			    options->sack[i].left - translation->seq_difference);
		hb_edit_u32(edit, at + 6 + 8 * i,
			    options->sack[i].right - translation->seq_difference);
	}
}

/* ACK and window; never below the first byte of this honeypot that counts (handover rule 13). */
static void ack_to_honeypot(struct hb_edit *edit, const struct hb_track *track,
			    const struct hb_translation *translation)
{
	const struct hb_packet *packet = edit->packet;
	uint32_t ack = packet->ack - translation->seq_difference;
	uint32_t window = (uint32_t)packet->window << translation->client_shift;
	/* One that any server refuses must not become one that this takes. */
	if (hb_seq_before(ack, translation->keep) && !hb_track_ack_is_ancient(track, packet)) {
		uint32_t raised = hb_seq_distance(ack, translation->keep);
		window = window > raised ? window - raised : 0;
		ack = translation->keep;
	}
	if (ack != packet->ack)
		hb_edit_ack(edit, ack);
	bool unscaled = translation->lacks & HB_TCPOPT_WSCALE;
	uint16_t field = hb_translate_window(window, unscaled ? 0 : translation->client_shift);
	if (field != packet->window)
		hb_edit_window(edit, field);
}

/* It did not agree to ECN: nothing of it may reach it (handover rule 17). */
static void ecn_to_honeypot(struct hb_edit *edit)
{
	uint8_t flags = edit->packet->tcp_flags;
	uint8_t plain = flags & (uint8_t) ~(HB_TCP_ECE | HB_TCP_CWR);
	if (plain != flags)
		hb_edit_tcp_flags(edit, plain);
	hb_edit_tos(edit, edit->packet->tos & (uint8_t)~ECN_MASK);
}

static void tcp_to_honeypot(struct hb_edit *edit, const struct hb_track *track,
			    const struct hb_translation *translation)
{
	const struct hb_packet *packet = edit->packet;
	if (packet->tcp_flags & HB_TCP_ACK)
		ack_to_honeypot(edit, track, translation);
	if (packet->options.sack_offset != 0)
		sack_to_honeypot(edit, translation);
	if (translation->lacks_ecn)
		ecn_to_honeypot(edit);
	if (packet->options.timestamp_offset == 0)
		return;
	if (translation->lacks & HB_TCPOPT_TIMESTAMP)
		hb_edit_erase_option(edit, packet->options.timestamp_offset);
	else if (translation->ts_difference != 0 && (packet->tcp_flags & HB_TCP_ACK))
		hb_edit_u32(edit, packet->options.timestamp_offset + 6u,
			    packet->options.tsecr - translation->ts_difference);
}

void hb_translate_to_honeypot(struct hb_edit *edit, const struct hb_flow *flow,
			      const struct hb_translation *translation)
{
	struct hb_endpoint source = { flow->client, translation->client_port };
	hb_edit_source(edit, &source);
	hb_edit_destination(edit, &translation->honeypot);
	if (translation->way.interface != 0)
		edit->changed |= hb_way_take(flow, &translation->way, edit->dgram);
	if (hb_translate_hides_route(flow) && !edit->packet->refused) /* or it would be taken */
		hb_edit_hide_route(edit);
	if (flow->protocol == HB_PROTO_TCP && edit->packet->has_l4 && translation->numbers_differ)
		tcp_to_honeypot(edit, &flow->track, translation);
}

static void tcp_to_client(struct hb_edit *edit, const struct hb_translation *translation)
{
	const struct hb_packet *packet = edit->packet;
	hb_edit_seq(edit, packet->seq + translation->seq_difference);
	if (!(packet->tcp_flags & HB_TCP_RST)) {
		uint32_t bytes = (uint32_t)packet->window << translation->honeypot_shift;
		uint16_t field = hb_translate_window(bytes, translation->shown_shift);
		if (field != packet->window)
			hb_edit_window(edit, field);
	}
	if (packet->options.sack_offset != 0 && !(translation->granted & HB_TCPOPT_SACK_OK))
		hb_edit_erase_option(edit, packet->options.sack_offset);
	if (packet->options.timestamp_offset == 0)
		return;
	if (!(translation->granted & HB_TCPOPT_TIMESTAMP))
		hb_edit_erase_option(edit, packet->options.timestamp_offset);
	else
		hb_edit_u32(edit, packet->options.timestamp_offset + 2u,
			    packet->options.tsval + translation->ts_difference);
}

static uint8_t shifted_ttl(uint8_t ttl, int difference)
{
	int shifted = ttl + difference;
	if (shifted < 1)
		return 1;
	return shifted > 255 ? 255 : (uint8_t)shifted;
}

void hb_translate_ttl(struct hb_edit *edit, const struct hb_translation *translation)
{
	if (translation->ttl_difference != 0)
		hb_edit_ttl(edit, shifted_ttl(edit->packet->ttl, translation->ttl_difference));
}

void hb_translate_to_client(struct hb_edit *edit, const struct hb_flow *flow,
			    const struct hb_translation *translation)
{
	struct hb_endpoint attacked = { flow->attacked, flow->attacked_port };
	struct hb_endpoint client = { flow->client, flow->client_port };
	hb_edit_source(edit, &attacked);
	hb_edit_destination(edit, &client);
	if (hb_way_matters(flow)) {
		struct hb_way way = hb_way_to_client(flow);
		edit->changed |= hb_way_take(flow, &way, edit->dgram);
	}
	/* Where packets are tracked nobody may know the frontend's address, either. */
	if (hb_translate_hides_route(flow) || edit->dgram->tracked)
		hb_edit_hide_route(edit);
	hb_translate_ttl(edit, translation);
	if (translation->look.changes)
		hb_edit_look(edit, &translation->look);
	if (flow->protocol != HB_PROTO_TCP || !edit->packet->has_l4)
		return;
	edit->dgram->segment_bytes = hb_track_client_payload(&flow->track);
	if (translation->numbers_differ)
		tcp_to_client(edit, translation);
}
