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

/* Frontend n is that of target n; backends are numbered through all targets. NULL: there is none.
 */
static const struct hb_endpoint *find_honeypot(const struct script_world *world,
					       const struct script_who *who)
{
	unsigned before = 0;

	for (size_t i = 0; i < world->policy->target_count; i++) {
		const struct hb_target *target = world->policy->targets[i];

		if (who->role == SCRIPT_FRONTEND && who->index == i + 1)
			return &target->frontend;
		if (who->role == SCRIPT_BACKEND && who->index - before <= target->backend_count)
			return &target->backends[who->index - before - 1].endpoint;
		before += target->backend_count;
	}
	return NULL;
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

/* True if who has this address; *exact if the port is its usual one, too. */
static bool owns(const struct script_world *world, const struct script_who *who,
		 const struct hb_endpoint *endpoint, bool *exact)
{
	struct hb_endpoint own;

	if (!script_world_resolve(world, who, &own) || !hb_addr_equal(&own.addr, &endpoint->addr))
		return false;
	*exact = own.port == endpoint->port || endpoint->port == 0;
	return true;
}

static bool find_among(const struct script_world *world, enum script_role role,
		       const struct hb_endpoint *endpoint, struct script_who *found)
{
	struct script_who who = { .role = role, .index = 1 };
	struct hb_endpoint unused;
	bool exact;

	for (; who.index < GATEWAY_NUMBER && script_world_resolve(world, &who, &unused);
	     who.index++) {
		if (!owns(world, &who, endpoint, &exact))
			continue;
		if (exact || found->role == SCRIPT_NOBODY) {
			*found = who;
			found->port = exact ? 0 : endpoint->port;
		}
		if (exact)
			return true;
	}
	return false;
}

struct script_who script_world_find(const struct script_world *world,
				    const struct hb_endpoint *endpoint)
{
	static const enum script_role roles[] = { SCRIPT_FRONTEND, SCRIPT_BACKEND, SCRIPT_CLIENT,
						  SCRIPT_GATEWAY };
	struct script_who found = { .role = SCRIPT_NOBODY };

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (find_among(world, roles[i], endpoint, &found))
			return found;
	}
	if (found.role == SCRIPT_NOBODY)
		found = (struct script_who){ .role = SCRIPT_OUTSIDE,
					     .index = 1,
					     .port = endpoint->port,
					     .addr = endpoint->addr };
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
