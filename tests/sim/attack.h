/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An attacker: a client that crafts packets beside its session, and changes those of its session.
 *
 * Each byte of its stream has three versions. The real one and another are both what a server may
 * take, whichever comes first; poison is sent only in segments that no server takes (RFC 9293,
 * 5961, 7323, and what Linux does where these leave a choice), and must never arrive.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include "plan.h"

enum attack_version { ATTACK_REAL = 0, ATTACK_OTHER, ATTACK_POISON };

struct attacker {
	const struct plan *plan;
	struct rng rng;
	struct tcp *tcp;
	void (*send)(void *ctx, const uint8_t *data, size_t len, struct wire_offload offload);
	void *ctx;
	uint64_t due_ns;
	unsigned crafted;
};

/* @send  puts a packet on the client's link. */
void attack_init(struct attacker *attacker, const struct plan *plan, struct tcp *tcp,
		 void (*send)(void *ctx, const uint8_t *data, size_t len,
			      struct wire_offload offload),
		 void *ctx);

/* A packet of the client's own session on its way out. */
void attack_pass(struct attacker *attacker, const uint8_t *data, size_t len,
		 struct wire_offload offload);

/* When attack_step() is due; TCP_NEVER for not at all. */
uint64_t attack_deadline(const struct attacker *attacker);
void attack_step(struct attacker *attacker, uint64_t now);

/* Byte at (from 0) of the client's stream. */
uint8_t attack_byte(const struct plan *plan, enum attack_version version, int32_t at);

#endif
