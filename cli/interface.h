/* SPDX-License-Identifier: BSD-2-Clause */
/* The network interfaces that a configuration names. */
#ifndef HB_INTERFACE_H
#define HB_INTERFACE_H

#include <honeybrid/types.h>

/* What the names of a configuration stand for. */
enum hb_interfaces {
	HB_INTERFACES_REAL = 0, /* for this machine's interfaces, which must be there */
	HB_INTERFACES_SUPPOSED, /* for some, which are numbered as they are named, from 1 */
};

/* The index of one of this machine's interfaces; 0: there is none of that name. */
uint32_t hb_interface_find(const char *name);

/* True if it has the address. */
bool hb_interface_has(const char *name, const struct hb_addr *addr);

#endif
