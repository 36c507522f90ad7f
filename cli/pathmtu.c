/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A raw socket refuses a packet that is too long for the device, and tells nobody but us. The kernel
 * answers what a route carries for a connected socket only (ip(7), IP_MTU); that is asked once a
 * destination, and again where the answer was too much.
 */
#include "pathmtu.h"

#include <sys/socket.h>
#include <unistd.h>

/* What every link carries (RFC 791, 3.2; RFC 8200, 5). */
#define LEAST_IPV4 68
#define LEAST_IPV6 1280

static struct hb_addr address_of(const struct hb_hop *hop)
{
	if (hop->to.sa.sa_family == AF_INET6)
		return hb_addr_from_ipv6(hop->to.in6.sin6_addr.s6_addr);
	return hb_addr_from_ipv4((const uint8_t *)&hop->to.in.sin_addr.s_addr);
}

/* All bytes count: who has many addresses differs in the last ones only. */
static size_t place_of(const struct hb_addr *addr)
{
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof(addr->bytes); i++)
		sum = sum * 31 + addr->bytes[i];
	return sum % HB_PATHMTU_ROUTES;
}

size_t hb_pathmtu_get(const struct hb_pathmtu *pathmtu, const struct hb_hop *hop)
{
	struct hb_addr addr = address_of(hop);
	size_t place = place_of(&addr);

	if (pathmtu->routes[place].bytes == 0 || !hb_addr_equal(&pathmtu->routes[place].to, &addr))
		return HB_PATHMTU_MAX;
	return pathmtu->routes[place].bytes;
}

/* 0 if the kernel does not say. A datagram socket sends nothing when it is connected. */
static int ask_kernel(const struct hb_hop *hop, uint32_t mark, uint32_t interface)
{
	bool ipv6 = hop->to.sa.sa_family == AF_INET6;
	int fd = socket(hop->to.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int mtu = 0, index = (int)interface;
	socklen_t len = sizeof(mtu);

	if (fd < 0)
		return 0;
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 ||
	    (interface != 0 &&
	     setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof(index)) < 0) ||
	    connect(fd, &hop->to.sa, hop->to_len) < 0 ||
	    getsockopt(fd, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_MTU : IP_MTU, &mtu, &len) <
		    0)
		mtu = 0;
	close(fd);
	return mtu;
}

bool hb_pathmtu_learn(struct hb_pathmtu *pathmtu, const struct hb_hop *hop, uint32_t mark,
		      uint32_t interface)
{
	int mtu = ask_kernel(hop, mark, interface);
	struct hb_addr addr = address_of(hop);
	size_t place = place_of(&addr);

	if (mtu < (hop->to.sa.sa_family == AF_INET6 ? LEAST_IPV6 : LEAST_IPV4) ||
	    (size_t)mtu >= hb_pathmtu_get(pathmtu, hop))
		return false;
	pathmtu->routes[place].to = addr;
	pathmtu->routes[place].bytes = (uint16_t)mtu;
	return true;
}
