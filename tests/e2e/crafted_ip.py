# SPDX-License-Identifier: BSD-2-Clause
"""IP by hand, both versions: a header around what a segment is, and what a header says."""
import socket
import struct

TCP, ICMP, ICMP6 = 6, 1, 58
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60


def extension(options=b""):
    """What an extension header with such options is behind its first byte."""
    pad = -(len(options) + 2) % 8
    options += b"\0" if pad == 1 else b"\x01" + bytes([pad - 2]) + bytes(pad - 2) if pad else b""
    return bytes([len(options) // 8]) + options


def cuts(packet, body):
    """The pieces of a packet: where each begins and ends."""
    if packet.ranges:
        return packet.ranges
    ends = [0, *(packet.pieces or []), len(body)]
    return list(zip(ends, ends[1:]))


class Version4:
    family, ether, icmp, errors = socket.AF_INET, 0x0800, ICMP, (3, 11, 12)

    @staticmethod
    def pseudo_header(source, destination, length):
        return source + destination + struct.pack(">BBH", 0, TCP, length)

    @staticmethod
    def packets(source, destination, number, packet, body):
        options = packet.ip_options + b"\0" * (-len(packet.ip_options) % 4)
        for start, end in cuts(packet, body):
            fragment = start // 8 | (0x2000 if end < len(body) else 0)
            header = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, packet.tos,
                                 20 + len(options) + end - start, number & 0xffff or 1, fragment,
                                 packet.ttl, TCP, 0)
            yield header + source + destination + options + body[start:end]

    @staticmethod
    def read(data, seen):
        """Returns what follows the header."""
        length, fragment = struct.unpack(">H2xH", data[2:8])
        seen.tos, seen.ttl, seen.protocol = data[1], data[8], data[9]
        seen.mark = bool(fragment & 0x4000)  # may not be fragmented
        seen.source, seen.to = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
        return data[(data[0] & 15) * 4:length]


class Version6:
    family, ether, icmp, errors = socket.AF_INET6, 0x86dd, ICMP6, (1, 2, 3, 4)

    @staticmethod
    def pseudo_header(source, destination, length):
        return source + destination + struct.pack(">II", length, TCP)

    @staticmethod
    def chained(headers, last):
        """The first header's kind, and the headers, each of which says what follows it."""
        kinds = [kind for kind, _ in headers] + [last]
        return kinds[0], b"".join(bytes([kind]) + body
                                  for kind, (_, body) in zip(kinds[1:], headers))

    @classmethod
    def packets(cls, source, destination, number, packet, body):
        kind, inner = cls.chained(packet.inner, TCP)
        body = inner + body
        is_cut = packet.atomic or packet.ranges or packet.pieces
        for start, end in cuts(packet, body):
            piece = struct.pack(">BHI", 0, start | (end < len(body)), number & 0xffffffff)
            first, headers = cls.chained(
                packet.headers + ([(FRAGMENT, piece)] if is_cut else []), kind)
            yield (struct.pack(">IHBB", 6 << 28 | packet.tos << 20 | packet.label,
                               len(headers) + end - start, first, packet.ttl) +
                   source + destination + headers + body[start:end])

    @staticmethod
    def read(data, seen):
        first, length, kind, seen.ttl = struct.unpack(">IHBB", data[:8])
        seen.tos, seen.mark = first >> 20 & 0xff, bool(first & 0xfffff)  # has a flow label
        seen.source = socket.inet_ntop(socket.AF_INET6, data[8:24])
        seen.to = socket.inet_ntop(socket.AF_INET6, data[24:40])
        data = data[40:40 + length]
        while kind in (HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION):
            kind, data = data[0], data[8 if kind == FRAGMENT else (data[1] + 1) * 8:]
        seen.protocol = kind
        return data


def version_of(address):
    return Version6 if ":" in address else Version4
