/* SPDX-License-Identifier: BSD-2-Clause */
#include "interface.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

uint32_t hb_interface_find(const char *name)
{
	return if_nametoindex(name);
}

static bool read_address(const struct sockaddr *from, struct hb_addr *addr)
{
	if (!from)
		return false;
	if (from->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)from;

		*addr = hb_addr_from_ipv4((const uint8_t *)&in->sin_addr);
	} else if (from->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)from;

		*addr = hb_addr_from_ipv6((const uint8_t *)&in6->sin6_addr);
	} else {
		return false;
	}
	return true;
}

bool hb_interface_has(const char *name, const struct hb_addr *addr)
{
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *one = all; one && !found; one = one->ifa_next) {
		struct hb_addr other;

		found = strcmp(one->ifa_name, name) == 0 && read_address(one->ifa_addr, &other) &&
			hb_addr_equal(&other, addr);
	}
	freeifaddrs(all);
	return found;
}
