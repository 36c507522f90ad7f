/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything that an embedder or a module author needs. */
#ifndef HONEYBRID_HONEYBRID_H
#define HONEYBRID_HONEYBRID_H

#include <honeybrid/engine.h>
#include <honeybrid/event.h>
#include <honeybrid/flow.h>
#include <honeybrid/module.h>
#include <honeybrid/packet.h>
#include <honeybrid/policy.h>
#include <honeybrid/rule.h>
#include <honeybrid/store.h>
#include <honeybrid/types.h>
#include <honeybrid/version.h>

#endif
