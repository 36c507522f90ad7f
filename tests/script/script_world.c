/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has which address: clients and the gateway by rule, honeypots from the configuration. */
#include "script.h"

#include "target.h"

#include <string.h>

/* 10.0.0.N or 2001:db8:a::N */
static struct hb_addr outer_addr(const struct script_world *world, uint8_t n)
{
	const uint8_t v4[4] = { 10, 0, 0, n };
	const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0x0a, [15] = n };

	return world->ipv6 ? hb_addr_from_ipv6(v6) : hb_addr_from_ipv4(v4);
}

#define GATEWAY_NUMBER 254

static const struct hb_backend *find_backend(const struct script_world *world,
					     const struct script_who *who)
{
	unsigned before = 0;

	for (size_t i = 0; i < world->policy->target_count; i++) {
		const struct hb_target *target = world->policy->targets[i];

		if (who->index - before <= target->backend_count)
			return &target->backends[who->index - before - 1];
		before += target->backend_count;
	}
	return NULL;
}

/* Frontend n is that of target n; backends are numbered through all targets. NULL: there is none.
 */
static const struct hb_endpoint *find_honeypot(const struct script_world *world,
					       const struct script_who *who)
{
	const struct hb_policy *policy = world->policy;
	const struct hb_backend *backend;

	if (who->role == SCRIPT_FRONTEND)
		return who->index <= policy->target_count
			       ? &policy->targets[who->index - 1]->frontend
			       : NULL;
	backend = find_backend(world, who);
	return backend != NULL ? &backend->endpoint : NULL;
}

uint32_t script_world_interface(const struct script_world *world, const struct script_who *who)
{
	const struct hb_backend *backend =
		who->role == SCRIPT_BACKEND ? find_backend(world, who) : NULL;

	return backend != NULL ? backend->way.interface : 0;
}

bool script_world_resolve(const struct script_world *world, const struct script_who *who,
			  struct hb_endpoint *endpoint)
{
	const struct hb_endpoint *honeypot;

	switch (who->role) {
	case SCRIPT_CLIENT:
		endpoint->addr = outer_addr(world, (uint8_t)who->index);
		endpoint->port = SCRIPT_CLIENT_PORT;
		break;
	case SCRIPT_GATEWAY:
		endpoint->addr = outer_addr(world, GATEWAY_NUMBER);
		endpoint->port = 0;
		break;
	case SCRIPT_OUTSIDE:
		endpoint->addr = who->addr;
		endpoint->port = world->attacked.port;
		break;
	default:
		honeypot = find_honeypot(world, who);
		if (honeypot == NULL)
			return false;
		*endpoint = *honeypot;
		if (endpoint->port == 0)
			endpoint->port = world->attacked.port;
	}
	if (who->port != 0)
		endpoint->port = who->port;
	return true;
}

/* True if who has this address, and interface if it is a clone; *exact if the port is its usual one, too. */
static bool owns(const struct script_world *world, const struct script_who *who,
		 const struct script_place *place, bool *exact)
{
	uint32_t interface = script_world_interface(world, who);
	const struct hb_endpoint *endpoint = &place->endpoint;
	struct hb_endpoint own;

	if (!script_world_resolve(world, who, &own) || !hb_addr_equal(&own.addr, &endpoint->addr) ||
	    (interface != 0 && interface != place->interface))
		return false;
	*exact = own.port == endpoint->port || endpoint->port == 0;
	return true;
}

static bool find_among(const struct script_world *world, enum script_role role,
		       const struct script_place *place, struct script_who *found)
{
	struct script_who who = { .role = role, .index = 1 };
	struct hb_endpoint unused;
	bool exact;

	for (; who.index < GATEWAY_NUMBER && script_world_resolve(world, &who, &unused);
	     who.index++) {
		if (!owns(world, &who, place, &exact))
			continue;
		if (exact || found->role == SCRIPT_NOBODY) {
			*found = who;
			found->port = exact ? 0 : place->endpoint.port;
		}
		if (exact)
			return true;
	}
	return false;
}

struct script_who script_world_find(const struct script_world *world,
				    const struct script_place *place)
{
	static const enum script_role roles[] = { SCRIPT_FRONTEND, SCRIPT_BACKEND, SCRIPT_CLIENT,
						  SCRIPT_GATEWAY };
	struct script_who found = { .role = SCRIPT_NOBODY };

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (find_among(world, roles[i], place, &found))
			return found;
	}
	if (found.role == SCRIPT_NOBODY)
		found = (struct script_who){ .role = SCRIPT_OUTSIDE,
					     .index = 1,
					     .port = place->endpoint.port,
					     .addr = place->endpoint.addr };
	return found;
}

const char *script_world_name(const struct script_who *who, char buf[SCRIPT_NAME_SIZE])
{
	static const char *const names[SCRIPT_ROLE_COUNT] = { "nobody",  "client",  "frontend",
							      "backend", "gateway", "outside" };
	const struct hb_endpoint endpoint = { .addr = who->addr, .port = who->port };
	int len;

	if (who->role == SCRIPT_OUTSIDE)
		return hb_endpoint_format(&endpoint, buf);
	len = snprintf(buf, SCRIPT_NAME_SIZE, "%s", names[who->role]);
	if (who->index > 1)
		len += snprintf(buf + len, SCRIPT_NAME_SIZE - (size_t)len, "%u", who->index);
	if (who->port != 0)
		snprintf(buf + len, SCRIPT_NAME_SIZE - (size_t)len, "#%u", who->port);
	return buf;
}

bool script_world_init(struct script_world *world, const struct script *script,
		       const struct hb_policy *policy)
{
	const struct script_who frontend = { .role = SCRIPT_FRONTEND, .index = 1 };
	struct hb_endpoint first;

	memset(world, 0, sizeof(*world));
	world->ipv6 = script->ipv6;
	world->policy = policy;
	world->attacked.port = SCRIPT_ATTACKED_PORT;
	if (!script_world_resolve(world, &frontend, &first)) {
		fprintf(stderr, "%s: the configuration has no target\n", script->path);
		return false;
	}
	if (!hb_addr_is_ipv4(&first.addr) != script->ipv6) {
		fprintf(stderr, "%s: \"ipv6\" and the frontend's address do not fit\n",
			script->path);
		return false;
	}
	world->attacked = script->has_attacked ? script->attacked : first;
	if (world->attacked.port == 0)
		world->attacked.port = first.port;
	return true;
}
