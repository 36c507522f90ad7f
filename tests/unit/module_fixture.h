/* SPDX-License-Identifier: BSD-2-Clause */
/* One instance of a built-in module, and a query to ask it with. */
#ifndef MODULE_FIXTURE_H
#define MODULE_FIXTURE_H

#include "registry.h"

#include "unit.h"

#include <string.h>

struct asked {
	struct hb_packet packet;
	struct hb_flow_info flow;
	struct hb_query query;
};

/* Fills in a query about an empty packet of a flow to port 80; asked must stay where it is. */
static inline void asked_init(struct asked *asked)
{
	memset(asked, 0, sizeof(*asked));
	asked->flow.attacked.port = 80;
	asked->flow.client_packets = 1;
	asked->query.size = sizeof(asked->query);
	asked->query.packet = &asked->packet;
	asked->query.flow = &asked->flow;
	asked->query.direction = HB_FROM_CLIENT;
}

/* Makes an instance with one parameter, or with none if param is NULL. NULL on error. */
static inline struct hb_instance *module_make(const char *function, const char *param,
					      const char *value, struct hb_error *err)
{
	const struct hb_setting setting = { param, value, 1, 1 };

	return hb_instance_new("test", hb_module_builtin(function), &setting, param ? 1 : 0, err);
}

#endif
