/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash-2-4 (Aumasson, Bernstein, 2012): a hash whose collisions need the key. */
#ifndef HB_SIPHASH_H
#define HB_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hb_siphash(const uint8_t key[16], const void *data, size_t len);

#endif
