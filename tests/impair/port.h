/* SPDX-License-Identifier: BSD-2-Clause */
/* An end of the wire: all frames that come in at an interface, and a way to send some out there. */
#ifndef IMPAIR_PORT_H
#define IMPAIR_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A frame is led by a virtio header: a super-packet stays one, and a checksum that was left to a
 * device stays so.
 */
#define IMPAIR_VIRTIO_BYTES 10u
#define IMPAIR_FRAME_BYTES (IMPAIR_VIRTIO_BYTES + 14u + 65535u + 64u)

/* Returns a descriptor, or a negative errno. */
int impair_port_open(const char *interface);

/* One frame with its header; 0 if none is there. Negative: errno, and there may be more. */
ssize_t impair_port_receive(int port, uint8_t *frame);

/* Returns false if the kernel did not take it. */
bool impair_port_send(int port, const uint8_t *frame, size_t len);

/* Frames that the kernel could not keep for us, since the last call. */
unsigned impair_port_overruns(int port);

/*
 * False for what hosts on a link say to each other: ARP, neighbour discovery, reports of groups (ICMPv6,
 * the last one behind a hop-by-hop header). The wire lets that pass untouched.
 */
bool impair_frame_is_ip(const uint8_t *frame, size_t len);

/* True for several packets in one, which a device would cut. */
bool impair_frame_is_super(const uint8_t *frame);

/* Writes the checksum that was left to a device: what is changed then will be noticed. */
void impair_frame_complete(uint8_t *frame, size_t len);

#endif
