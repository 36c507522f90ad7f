/* SPDX-License-Identifier: BSD-2-Clause */
/* What a run will be: all that is drawn from its seed before it begins. */
#ifndef PLAN_H
#define PLAN_H

#include "rng.h"
#include "tcp.h"

#define PLAN_TURNS_MAX 8
#define PLAN_CLIENTS_MAX 4
#define PLAN_CLIENT_PORT 40000
#define PLAN_MS UINT64_C(1000000)
#define PLAN_US UINT64_C(1000)

enum role { ROLE_CLIENT = 0, ROLE_FRONTEND, ROLE_BACKEND, ROLE_COUNT };

/* One way of a link; both ways of one link are alike. */
struct plan_link {
	uint64_t delay_ns, jitter_ns, reorder_ns;
	uint32_t loss_permille, duplicate_permille, reorder_permille, corrupt_permille;
	uint32_t congestion_permille; /* marked so (ECN) */
	uint32_t told_permille;       /* of the losses: the sender gets an ICMP error */
	size_t mtu;                   /* 0: as long as anybody sends */
	unsigned hops;                /* routers between the gateway and the endpoint */
	unsigned quoted_bytes;        /* that their ICMP errors tell, behind the IP header */
};

/* How a honeypot answers: entry 0 is the banner. */
struct plan_answer {
	int32_t len;
	unsigned pieces;
	uint64_t think_ns, pause_ns;
};

struct plan_request {
	int32_t len;
	unsigned pieces;
	uint64_t wait_ns, pause_ns;
	bool pipelined; /* with the one before, whose answer is not awaited */
};

enum plan_trigger { TRIGGER_COUNTER = 0, TRIGGER_HASH, TRIGGER_RANDOM, TRIGGER_COUNT };

enum plan_backend {
	BACKEND_SERVES = 0,
	BACKEND_REFUSES,
	BACKEND_SILENT,
	BACKEND_SLOW, /* thinks longer than the gateway waits */
	BACKEND_DIES, /* is not heard of behind its SYN-ACK */
	BACKEND_COUNT
};

enum plan_close {
	CLOSE_CLIENT = 0, /* when it has all its answers */
	CLOSE_HALF,       /* the client, behind its last request */
	CLOSE_SERVER,     /* behind its last answer */
	CLOSE_TOGETHER, /* the client behind its last request, the server behind its last answer */
	CLOSE_RESET,    /* the client, at some time */
	CLOSE_ABORT,    /* the server, at some time */
	CLOSE_COUNT
};

/* What an attacker does beside its session (attack.c). */
enum plan_craft {
	CRAFT_COPY = 0,  /* sends bytes again, with other content */
	CRAFT_AHEAD,     /* sends bytes early, with other content, in the wrong order */
	CRAFT_TINY,      /* cuts what it sends in tiny pieces, and shuffles them */
	CRAFT_SYN_DATA,  /* has payload in its SYN */
	CRAFT_SYN,       /* a SYN, or SYN+ACK, on the live session */
	CRAFT_RESET,     /* a RST that does not count */
	CRAFT_FIN,       /* a FIN that does not count */
	CRAFT_FLAGS,     /* no ACK flag, or all flags at once */
	CRAFT_CHECKSUM,  /* a wrong checksum */
	CRAFT_TTL,       /* dies on its way */
	CRAFT_OLD_STAMP, /* a timestamp from before the session */
	CRAFT_NO_STAMP,  /* none, where all have one */
	CRAFT_ACK,       /* acknowledges what was never sent, or long ago */
	CRAFT_WINDOW,    /* lies outside of the window */
	CRAFT_OPTION,    /* an option that nobody asked for, or a malformed one */
	CRAFT_PROBE,     /* the byte before, and none */
	CRAFT_URGENT,    /* marks bytes as urgent */
	CRAFT_FRAGMENT,  /* sends in IP fragments */
	CRAFT_COUNT
};

struct plan {
	uint64_t seed;
	unsigned number; /* of the client, from 0 */
	uint64_t start_ns;
	uint32_t crafts;   /* bits, by enum plan_craft */
	uint64_t craft_ns; /* mean time between two packets that are crafted */
	bool ipv6, darknet, banner;
	unsigned turns;
	enum plan_trigger trigger;
	unsigned counter;
	enum plan_backend backend;
	enum plan_close close;
	uint64_t reset_at_ns, impaired_until_ns;
	bool again; /* a second session from the same port, so long after the first */
	uint64_t again_ns;
	uint32_t again_iss[ROLE_COUNT];
	struct plan_request requests[PLAN_TURNS_MAX + 1]; /* from 1 */
	struct plan_answer answers[ROLE_COUNT][PLAN_TURNS_MAX + 1];
	struct plan_link links[ROLE_COUNT];
	struct tcp_config tcp[ROLE_COUNT];
	struct hb_endpoint attacked;
	struct rng network; /* draws the fate of each packet */
	struct rng attack;  /* draws what is crafted */
};

/* Those of all clients at one gateway; they agree on what is the honeypots' and the network's. */
struct plans {
	struct plan each[PLAN_CLIENTS_MAX];
	unsigned count;
};

/* Impairments that the command line can switch off. */
#define PLAN_NO_LOSS 0x1u
#define PLAN_NO_REORDER 0x2u
#define PLAN_NO_DUPLICATE 0x4u
#define PLAN_NO_JITTER 0x8u
#define PLAN_NO_CORRUPTION 0x10u
#define PLAN_NO_OFFLOAD 0x20u
#define PLAN_NO_ATTACK 0x40u
#define PLAN_NO_AGAIN 0x80u
#define PLAN_NO_COMPANY 0x100u
#define PLAN_NO_ECN 0x200u
#define PLAN_NO_HOPS 0x400u
#define PLAN_NO_ERRORS 0x800u

/* Who has which address, for the only client, or the first of several. */
void plan_set_addresses(struct plan *plan);
void plan_make(struct plan *plan, uint64_t seed, unsigned without);
/* plan_company.c */
void plans_make(struct plans *plans, uint64_t seed, unsigned without);

/* How many sets of options there are, pairs of them, and what moves each way behind the handover. */
#define PLAN_OPTION_SETS (2u * 2 * 5 * 4 * 2)
#define PLAN_PAIRS (PLAN_OPTION_SETS * PLAN_OPTION_SETS)
#define PLAN_MATRIX_BYTES 65536

/* No loss and no attack, one pair of option sets: each has one index below PLAN_PAIRS. */
void plans_make_pair(struct plans *plans, unsigned index);

const char *plan_role_name(enum role role);

#endif
