/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold at every moment of a run. */
#include "world.h"

/* From cut on the frontend gets nothing while a handover is under way (handover rule 1). */
static void look_at_frontend(struct session *session, const struct hb_packet *packet)
{
	uint32_t first = session->tcp[ROLE_CLIENT].config.iss + 1;
	int32_t end = (int32_t)(packet->seq - first) + (int32_t)packet->payload_len;
	bool resets = packet->tcp_flags & (HB_TCP_RST | HB_TCP_SYN);

	if (session->state == HB_STATE_REPLAY && !resets && packet->payload_len > 0 &&
	    end > session->cut)
		session_wrong(session, "the frontend is shown byte %d, the handover began at %d",
			      end, session->cut);
	if (session->state == HB_STATE_FORWARD && !resets)
		session_wrong(session, "the frontend is sent a packet after the handover");
}

static bool in_order(const struct session *session)
{
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		const struct plan_link *link = &session->plan->links[role];

		if (link->reorder_permille != 0 || link->duplicate_permille != 0 ||
		    link->corrupt_permille != 0)
			return false;
	}
	return true;
}

/* What a fingerprint is made of stays as it was; ACKs and windows do not step back. */
static void look_at_client(struct session *session, const struct hb_packet *packet)
{
	const struct tcp *client = &session->tcp[ROLE_CLIENT];
	uint8_t shift = client->granted & HB_TCPOPT_WSCALE ? client->peer_shift : 0;

	if ((packet->tcp_flags & (HB_TCP_RST | HB_TCP_SYN)) || !(packet->tcp_flags & HB_TCP_ACK) ||
	    client->state != TCP_OPEN)
		return;
	/* A session that a crafted SYN began is none of the client's. */
	if (session->plan->crafts != 0 && session->flows > 1)
		return;
	int32_t ack = (int32_t)(packet->ack - client->config.iss);
	int32_t edge = ack + (int32_t)((uint32_t)packet->window << shift);
	if (ack > client->max)
		session_wrong(session, "the client is told that %d came, it sent %d", ack,
			      client->max);
	if (session->shown_ttl != 0 && packet->ttl != session->shown_ttl)
		session_wrong(session, "the client sees a TTL of %u after %u", packet->ttl,
			      session->shown_ttl);
	if (in_order(session) && ack < session->shown_ack)
		session_wrong(session, "the client is shown ACK %d after %d", ack,
			      session->shown_ack);
	/* What is rounded up may be so by less at the next time. */
	if (in_order(session) && edge + (1 << shift) <= session->shown_edge)
		session_wrong(session, "the window's edge goes back from %d to %d",
			      session->shown_edge, edge);
	if (ack > session->shown_ack)
		session->shown_ack = ack;
	if (edge > session->shown_edge)
		session->shown_edge = edge;
	session->shown_ttl = packet->ttl;
}

/* It is asked for what the frontend granted the client (handover rules 16 and 17). */
static void look_at_backend(struct session *session, const struct hb_packet *packet)
{
	bool opens = (packet->tcp_flags & (HB_TCP_SYN | HB_TCP_ACK | HB_TCP_RST)) == HB_TCP_SYN;
	bool asks = packet->tcp_flags & (HB_TCP_ECE | HB_TCP_CWR);
	bool crafted = session->plan->crafts & (1u << CRAFT_SYN | 1u << CRAFT_FLAGS);

	if (opens && session->state == HB_STATE_REPLAY && !crafted &&
	    asks != session->tcp[ROLE_FRONTEND].ecn)
		session_wrong(session, "the backend is %s for ECN", asks ? "asked" : "not asked");
}

/* It comes from as far as its sender is, or would have ended before the frontend (handover rule 25). */
static void look_at_distance(struct session *session, enum role to, const struct hb_packet *packet)
{
	const struct plan *plan = session->plan;
	unsigned ttl = plan->tcp[ROLE_CLIENT].ttl - plan->links[ROLE_CLIENT].hops;
	bool dies = packet->ttl <= plan->links[ROLE_FRONTEND].hops + 1;

	if (packet->ttl != ttl && !dies && !(packet->tcp_flags & HB_TCP_RST))
		session_wrong(session, "the %s sees a TTL of %u, not %u", plan_role_name(to),
			      packet->ttl, ttl);
}

void look_at_packet(struct session *session, enum role to, const struct hb_packet *packet)
{
	if (!hb_packet_checksum_ok(packet))
		return;
	if (to != ROLE_CLIENT)
		look_at_distance(session, to, packet);
	if (to == ROLE_FRONTEND)
		look_at_frontend(session, packet);
	if (to == ROLE_CLIENT)
		look_at_client(session, packet);
	if (to == ROLE_BACKEND)
		look_at_backend(session, packet);
}

void look_at_passing(struct session *session, enum role to, const struct hb_packet *before,
		     const struct hb_packet *after)
{
	uint8_t flags = HB_TCP_ECE | HB_TCP_CWR;
	bool same = ((before->tos ^ after->tos) & TCP_ECN_MASK) == 0 &&
		    ((before->tcp_flags ^ after->tcp_flags) & flags) == 0;

	if (session->tcp[to].ecn && session->tcp[to].state == TCP_OPEN && !same)
		session_wrong(session, "ECN bits change on their way to the %s",
			      plan_role_name(to));
}

/*
 * Behind a hole a later copy may take the place of an earlier one (copies.c): where it got lost on
 * its way to the frontend, that has the earlier one, and nobody can tell. Nor is known here where a
 * super-packet will be cut: it counts as one segment, and begins before what its pieces do not.
 */
bool look_replaced_unseen(const struct session *session)
{
	const struct plan_link *link = &session->plan->links[ROLE_FRONTEND];
	bool copies = session->plan->crafts & (1u << CRAFT_COPY | 1u << CRAFT_AHEAD |
					       1u << CRAFT_NO_STAMP | 1u << CRAFT_OPTION);
	bool lost = link->loss_permille != 0 || link->reorder_permille != 0 ||
		    link->corrupt_permille != 0 || link->mtu != 0;

	return copies && (lost || session->plan->tcp[ROLE_CLIENT].offloads);
}

/* Of two versions of one byte the gateway lets only the first pass, as long as it may matter. */
static void look_for_conflicts(struct session *session)
{
	bool attack = session->plan->crafts != 0;
	bool decided = session->state != HB_STATE_DECISION && session->state != HB_STATE_REPLAY;
	int32_t frontend = session->tcp[ROLE_FRONTEND].conflict_at;
	int32_t backend = session->tcp[ROLE_BACKEND].conflict_at;

	if (frontend != session->conflict_at[ROLE_FRONTEND] && (!attack || !decided) &&
	    !look_replaced_unseen(session))
		session_wrong(session, "the frontend gets two versions of byte %d", frontend);
	if (backend != session->conflict_at[ROLE_BACKEND] &&
	    (!attack || session->state == HB_STATE_REPLAY))
		session_wrong(session, "the backend gets two versions of byte %d", backend);
	session->conflict_at[ROLE_FRONTEND] = frontend;
	session->conflict_at[ROLE_BACKEND] = backend;
	if (session->tcp[ROLE_CLIENT].conflict_at != 0)
		session_wrong(session, "the client gets two versions of byte %d",
			      session->tcp[ROLE_CLIENT].conflict_at);
	if (session->tcp[ROLE_CLIENT].overrun)
		session_wrong(session, "the client gets more than its window has room for");
}

void look_at_endpoints(struct session *session)
{
	/* A server that takes a crafted SYN for a new session does not know the client's, nor it that. */
	bool stray = session->plan->crafts != 0 && session->flows > 1;

	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		struct tcp *tcp = &session->tcp[role];

		if (session->old[role] || stray)
			tcp->wrong = NULL;
		if (tcp->wrong != NULL)
			session_wrong(session, "the %s %s", plan_role_name(role), tcp->wrong);
	}
	look_for_conflicts(session);
}
