/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold after a run; see README.md. */
#ifndef CHECK_H
#define CHECK_H

#include "world.h"

/*
 * Notes what does not hold when a session is over. Returns true if the seam was damaged
 * in a way that no gateway could have avoided: a part of an answer was lost where the silence that
 * it left is how an answer ends (handover rule 3).
 */
bool check_session(struct session *session);

/* The same when all has come to rest: nothing is left. Stops the engine. */
void check_rest(struct world *world);

/* Behind a run of the option matrix, which must be handed over before the bulk of its bytes. */
void check_pair(struct session *session);

#endif
