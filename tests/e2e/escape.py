#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A honeypot that was broken into tries to reach other machines: TCP, UDP and ping.

usage: escape.py ADDRESS...

Does not wait for anything: that nothing gets out is looked at elsewhere.
"""
import socket
import struct
import sys

TIMES = 3


def connection(family, address):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.connect_ex((address, 80))
    return sock  # closing it now would be seen as giving up


def datagram(family, address):
    socket.socket(family, socket.SOCK_DGRAM).sendto(b"let me out", (address, 53))


def ping(family, address):
    kind, protocol = (8, "icmp") if family == socket.AF_INET else (128, "ipv6-icmp")
    head, rest = struct.pack("!BB", kind, 0), struct.pack("!HH8s", 1, 1, b"let out!")
    words = struct.unpack("!7H", head + rest)
    total = sum(words)
    checksum = ~(total + (total >> 16)) & 0xffff  # the kernel fills it in for IPv6
    sock = socket.socket(family, socket.SOCK_RAW, socket.getprotobyname(protocol))
    sock.sendto(head + struct.pack("!H", checksum) + rest, (address, 0))


for target in sys.argv[1:]:
    version = socket.AF_INET6 if ":" in target else socket.AF_INET
    for _ in range(TIMES):
        connection(version, target)
        datagram(version, target)
        ping(version, target)
