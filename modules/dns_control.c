/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For control rules: accepts what a honeypot asks a name server, and leads it to one of ours, whose
 * answers seem to come from the one that was asked. Nothing of it gets out. "dns_control or limit"
 * lets the honeypot ask, and limits the rest.
 *
 * Routing finds the server, so the link's parameters of old configurations are not needed.
 */
#include <honeybrid/module.h>

#include <stdlib.h>

#define DNS_PORT 53

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct hb_endpoint *server = state;
	const struct hb_flow_info *flow = query->flow;
	bool is_dns = (flow->protocol == HB_PROTO_UDP || flow->protocol == HB_PROTO_TCP) &&
		      flow->attacked.port == DNS_PORT;

	return is_dns && hb_query_divert(query, server) == 0 ? HB_DECISION_ACCEPT
							     : HB_DECISION_REJECT;
}

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	struct hb_endpoint *server = malloc(sizeof(*server));

	if (!server)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
				    hb_instance_name(instance));
	hb_instance_endpoint(instance, "ip", server);
	*state = server;
	return 0;
}

static const char routed[] = "the kernel's routes and neighbours say how \"ip\" is reached";

static const struct hb_param params[] = {
	{ .name = "interface", .type = HB_PARAM_IGNORED, .help = routed },
	{ .name = "ip", .type = HB_PARAM_ENDPOINT, .required = true, .help = "the name server" },
	{ .name = "mac", .type = HB_PARAM_IGNORED, .help = routed },
	{ .name = "vlan_id", .type = HB_PARAM_IGNORED, .help = routed },
	{ .name = NULL },
};

HB_MODULE(dns_control, .flags = HB_MODULE_DIVERTS,
	  .summary = "leads what honeypots ask name servers to one of ours", .params = params,
	  .create = create, .destroy = free, .decide = decide)
