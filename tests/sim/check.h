/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold after a run; see README.md. */
#ifndef CHECK_H
#define CHECK_H

#include "world.h"

/*
 * Notes in the world what does not hold. Returns true if the seam was damaged in a way that no
 * gateway could have avoided: a part of an answer was lost where the silence that it left is how an
 * answer ends (handover rule 3).
 */
bool check_world(struct world *world);

#endif
