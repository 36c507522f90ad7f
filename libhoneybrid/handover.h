/* SPDX-License-Identifier: BSD-2-Clause */
/* A session on its way from the frontend to a backend, and what stays of that afterwards. */
#ifndef HB_HANDOVER_H
#define HB_HANDOVER_H

#include "core.h"
#include "replay.h"
#include "translate.h"

#include <honeybrid/event.h>

enum hb_phase {
	HB_PHASE_REPLAY = 0, /* the backend is told what the frontend knew */
	HB_PHASE_CAUGHT_UP,  /* it knows; the client or the frontend is not there yet */
	HB_PHASE_COMMITTED,  /* the backend serves */
	HB_PHASE_UNDONE,     /* the frontend serves again, and we may owe it bytes */
};

/* A client datagram that came while a UDP flow was being handed over. */
struct hb_held_datagram {
	struct hb_held_datagram *next;
	size_t len;
	uint8_t data[];
};

struct hb_handover {
	struct hb_redirect redirect;
	enum hb_phase phase;
	uint64_t begin_ns;
	struct hb_replay replay;
	struct hb_handover_info info;

	/* TCP: the client's side. Bytes from cut on follow those replayed in the flow's record. */
	uint32_t cut;          /* first client byte that never passed to the frontend */
	uint32_t owed;         /* the gateway acknowledged up to here; cut or less: nothing */
	uint64_t early_ack_ns; /* when to acknowledge what is held; 0: not */
	bool client_fin;       /* a FIN follows the held bytes */
	bool client_reset;     /* a RST waits behind the debt */
	bool backend_gone;     /* it refused, reset or cannot be reached: no RST for it */
	bool backend_silent;   /* all the time was over before it had said a word */
	bool trigger_empty;    /* the trigger packet had no byte from cut on */

	/* TCP: the frontend's side. */
	bool frontend_answers; /* the client has a byte of its last answer: it finishes that */
	bool frontend_fin, frontend_reset; /* came meanwhile, and not shown to the client */
	uint32_t
		frontend_max; /* behind what it is known to have sent: beyond what came, it got lost */
	bool frontend_busy; /* nothing says that its answer is complete but that it falls silent */
	uint64_t frontend_byte_ns; /* when its last byte passed, or the last ACK to it */

	/* TCP: what the backend sent for the client before commit; not acknowledged to it. */
	struct hb_stream kept;

	/* TCP after commit, until settled. */
	uint64_t passed_ns; /* when the backend's last new byte passed; 0: none has */
	uint8_t client_dup_acks;
	bool narrow;      /* the way to the client takes less than the client does */
	bool heard;       /* the client has a packet of the backend's */
	bool passed_byte; /* a byte of the backend's reached the client: the difference is final */
	uint64_t late_until_ns; /* for late answers, if the trigger was empty; 0: no limit */
	uint32_t ts_floor;      /* backend's TSval at commit: what is echoed to it is not older */
	uint32_t client_end;    /* behind the client's last byte that was seen, right or garbled */

	/* UDP */
	struct hb_held_datagram *held_first, **held_last;
	size_t held_bytes;    /* memory that they take */
	uint32_t udp_turn;    /* the next recorded datagram to send */
	uint32_t udp_swallow; /* answers to the last one that are the frontend's already */
	uint32_t udp_answers; /* all that came from the backend */
	uint64_t udp_deadline_ns;
};

/* The handover of a flow that has a redirect. */
static inline struct hb_handover *hb_handover_of(const struct hb_flow *flow)
{
	return (struct hb_handover *)((char *)flow->redirect -
				      offsetof(struct hb_handover, redirect));
}

/* True if honeypots wait for the client to open its window: their silence ends no answer. */
static inline bool hb_handover_client_is_full(const struct hb_handover *handover)
{
	const struct hb_flow *flow = handover->redirect.flow;
	return flow->record != NULL &&
	       hb_track_client_is_full(&flow->track, flow->record->largest_window);
}

/*
 * Begins a handover because of a client packet, or declines it: then the flow is in PROXY, an event
 * says why, and the packet is to be treated as any other. In a dry run a handover that could begin
 * is written down in the flow, which is in PROXY then.
 * Returns true if the packet was taken over: *verdict holds.
 */
bool hb_handover_begin(struct hb_core *core, struct hb_flow *flow, struct hb_datagram *dgram,
		       const struct hb_packet *packet, unsigned backend_number,
		       enum hb_verdict *verdict);

/* Where a flow that has a redirect is to be served. */
struct hb_service hb_handover_service(const struct hb_flow *flow);

/* Declines: PROXY, with the reason in an event. */
void hb_handover_decline(struct hb_core *core, struct hb_flow *flow, const char *reason);

/* A packet while the flow is in REPLAY. */
enum hb_verdict hb_handover_client(struct hb_core *core, struct hb_flow *flow,
				   struct hb_datagram *dgram, const struct hb_packet *packet);
enum hb_verdict hb_handover_frontend(struct hb_core *core, struct hb_flow *flow,
				     struct hb_datagram *dgram, const struct hb_packet *packet);
enum hb_verdict hb_handover_backend(struct hb_core *core, struct hb_flow *flow,
				    struct hb_datagram *dgram, const struct hb_packet *packet);

/* "backend NAME what": for an event, and the log. Returns buf. */
const char *hb_handover_backend_reason(const struct hb_flow *flow, const char *what, char *buf,
				       size_t size);

/*
 * A handover that was undone has nothing to do any more. Its leg stays for the flow's life: what the
 * backend still sends, or a router about it, is for nobody.
 */
void hb_handover_retire(struct hb_core *core, struct hb_flow *flow);

/*
 * A new session of the client's takes the place of this one: where the frontend may have missed its
 * RST it gets it again, or it would answer for a connection that nobody else knows (rule 8).
 */
void hb_handover_superseded(struct hb_core *core, const struct hb_flow *flow);

/* Takes the handover from the flow and frees it, silently. */
void hb_handover_free(struct hb_core *core, struct hb_flow *flow);

/* Timers (handover_timer.c). */

/* Until when the backend must have caught up. */
uint64_t hb_handover_time_limit(const struct hb_flow *flow);

/* The flow's timer fired. */
void hb_handover_timer(struct hb_core *core, struct hb_flow *flow);

/* When the handover, in whatever phase, wants its timer; UINT64_MAX for never. */
uint64_t hb_handover_deadline(const struct hb_core *core, const struct hb_flow *flow);

/* UDP (handover_udp.c): the same, called from the functions above. */
void hb_handover_udp_start(struct hb_core *core, struct hb_flow *flow);
enum hb_verdict hb_handover_udp_client(struct hb_core *core, struct hb_flow *flow,
				       const struct hb_packet *packet);
enum hb_verdict hb_handover_udp_backend(struct hb_core *core, struct hb_flow *flow,
					struct hb_datagram *dgram, const struct hb_packet *packet);
void hb_handover_udp_timer(struct hb_core *core, struct hb_flow *flow);
/* Counts an answer of the backend's; the first one tells that it is there, and how its packets must
 * change. */
void hb_handover_udp_hear(struct hb_core *core, struct hb_flow *flow,
			  const struct hb_packet *packet);
/* Keeps a copy of a client's datagram. False: no room. */
bool hb_handover_udp_hold(struct hb_core *core, struct hb_handover *handover,
			  const struct hb_packet *packet);
/* Frees what is held. */
void hb_handover_udp_forget(struct hb_core *core, struct hb_handover *handover);
/* Sends what is held, and keeps it. */
void hb_handover_udp_release(struct hb_core *core, struct hb_flow *flow, enum hb_leg leg);

#endif
