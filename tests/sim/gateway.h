/* SPDX-License-Identifier: BSD-2-Clause */
/* The host that the engine works on: what its kernel does with packets before and behind it. */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "world.h"

struct hb_time gateway_time(const struct world *world);

/* Makes the engine, with a policy for the plan. False: it could not be made. */
bool gateway_set_up(struct world *world, const struct plan *plan);

/* A packet reaches the gateway. */
void gateway_input(struct world *world, struct link_packet *in);

/* When the engine's next timer expires; TCP_NEVER for never. */
uint64_t gateway_deadline(const struct world *world);

#endif
