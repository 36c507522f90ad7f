/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the engine tells its embedder: facts, from which a log line, a metric or an alert is made.
 */
#ifndef HONEYBRID_EVENT_H
#define HONEYBRID_EVENT_H

#include <honeybrid/flow.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hb_event_kind {
	HB_EVENT_NONE = 0,
	HB_EVENT_FLOW_NEW,        /* a flow's first packet was seen */
	HB_EVENT_FLOW_STATE,      /* the state changed; from_state says from where */
	HB_EVENT_HANDOVER,        /* the session is served by a backend from now on */
	HB_EVENT_HANDOVER_FAILED, /* undone or declined; reason says why, the flow goes on */
	HB_EVENT_FLOW_END,        /* the flow is forgotten: time for its log line */
	HB_EVENT_MODULE_NOTE,     /* a module says something about a flow */
	HB_EVENT_COUNT
};

/*
 * What a backend did otherwise than the frontend while the session was repeated to it: bits of
 * hb_handover_info.problems, with the values that the log has always had. None but the first keeps a
 * session from being handed over.
 */
#define HB_PROBLEM_PROTOCOL 0x01             /* it refused, reset or closed the connection */
#define HB_PROBLEM_PAYLOAD 0x02              /* an answer of another length */
#define HB_PROBLEM_ACK 0x04                  /* it acknowledged what this session never sent */
#define HB_PROBLEM_SEQ 0x08                  /* a piece of its stream was missing, or came late */
#define HB_PROBLEM_TIMESTAMP_UNEXPECTED 0x10 /* timestamps that nobody had offered */
#define HB_PROBLEM_TIMESTAMP_MISSING 0x20    /* it refuses timestamps, which the frontend granted */
#define HB_PROBLEM_TIMESTAMP_STEP 0x40       /* its clock went back */

/* How a handover went; all zero where none was tried. */
struct hb_handover_info {
	uint32_t latency_us; /* from the trigger packet to the first byte sent on, or to the undo */
	uint32_t turns;      /* answers of the frontend that the backend had to give again */
	uint32_t replayed_bytes;  /* client bytes sent again to the backend */
	uint32_t discarded_bytes; /* answers of the backend that the client had from the frontend */
	uint32_t recorded_bytes;  /* how long the frontend's answers to the same turns were */
	uint32_t retransmissions; /* segments that the gateway had to send again */
	uint32_t problems;        /* HB_PROBLEM_* */
};

/*
 * One fact. size is sizeof(struct hb_event) of the library that fills it: later versions may add
 * fields at the end. Pointers live for the call only.
 */
struct hb_event {
	size_t size;
	enum hb_event_kind kind;
	struct hb_time time;
	struct hb_flow_info flow;
	enum hb_flow_state from_state; /* FLOW_STATE only */
	/*
	 * Which modules decided, in the order of the target's rules, joined by ';':
	 * "+name" accepted, "-name" rejected, "?name" deferred; "" where none was asked. In a dry
	 * run "redirect:N" follows where backend N would have got the flow.
	 */
	const char *trace;
	const char *reason; /* why a handover failed or was declined, or the flow ended; "" for
			       nothing special */
	const char *note;   /* MODULE_NOTE: the text; else "" */
	const char *module; /* MODULE_NOTE: the instance's name; else "" */
	struct hb_handover_info handover;
	/* Of the clone that serves, is being tried, or started the flow; else "". */
	const char *tag;
};

#ifdef __cplusplus
}
#endif

#endif
