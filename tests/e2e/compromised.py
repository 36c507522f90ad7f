#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A honeypot that was broken into, by somebody who makes packets by hand.

usage: compromised.py GATEWAY-MAC OWN OUTSIDE OTHER GATEWAY OUTER-GATEWAY WHAT [NUMBER]

The addresses are of one IP version: this honeypot's, a host's outside, the other honeypot's, and the
gateway's on this side and on the outer one. WHAT is

  all           a few of every kind: see the functions below
  pieces        first fragments without the rest, in the name of others
  super NUMBER  super-packets of 20 datagrams each, made by the kernel
  flood NUMBER  datagrams to the host outside, as fast as it goes; 0: until SIGTERM

Frames are written to eth0 as they are: no kernel of this side has a say in it. Prints how many they were,
and how many of them a gateway lets out that forbids nothing but what is not the honeypot's own or not
meant for the outer network.
"""
import itertools
import signal
import socket
import struct
import sys

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
SYN, RST, PSH, ACK = 2, 4, 8, 16
PAYLOAD = b"let me out, let me out, let me o"  # whole words


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Maker:
    """Makes packets of one IP version."""

    def __init__(self, own, outside, other, gateway, outer):
        self.own, self.outside, self.other = own, outside, other
        self.gateway, self.outer = gateway, outer
        self.v6 = ":" in own
        self.family = socket.AF_INET6 if self.v6 else socket.AF_INET
        self.identification = 0

    def raw(self, address):
        return socket.inet_pton(self.family, address)

    def pseudo(self, source, to, protocol, length):
        if self.v6:
            return self.raw(source) + self.raw(to) + struct.pack("!II", length, protocol)
        return self.raw(source) + self.raw(to) + struct.pack("!BBH", 0, protocol, length)

    def summed(self, segment, at, source, to, protocol):
        """The segment with its checksum, which is of 16 bits at the given place."""
        total = checksum(self.pseudo(source, to, protocol, len(segment)) + segment)
        return segment[:at] + struct.pack("!H", total) + segment[at + 2:]

    def ip(self, protocol, body, source=None, to=None, **more):
        source, to = source or self.own, to or self.outside
        ttl = more.get("ttl", 64)
        if self.v6:
            head = struct.pack("!IHBB", 6 << 28, more.get("length", len(body)), protocol, ttl)
            return head + self.raw(source) + self.raw(to) + body
        options = more.get("options", b"")
        self.identification = more.get("identification", self.identification + 1)
        words = 5 + len(options) // 4
        length = more.get("length", words * 4 + len(body))
        head = struct.pack("!BBHHHBBH", 4 << 4 | more.get("words", words), 0, length,
                           self.identification, more.get("fragment", 0), ttl, protocol, 0)
        head += self.raw(source) + self.raw(to) + options
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body

    def udp(self, port=53, payload=PAYLOAD, source=None, to=None, sport=1024, **more):
        source, to = source or self.own, to or self.outside
        segment = struct.pack("!HHHH", sport, port, 8 + len(payload), 0) + payload
        return self.ip(UDP, self.summed(segment, 6, source, to, UDP), source, to, **more)

    def tcp(self, flags, port=80, sport=1024, source=None, to=None, payload=b"", **more):
        source, to = source or self.own, to or self.outside
        segment = struct.pack("!HHIIBBHHH", sport, port, 1000, 2000 if flags & ACK else 0, 5 << 4,
                              flags, 8192, 0, 0) + payload
        return self.ip(TCP, self.summed(segment, 16, source, to, TCP), source, to, **more)

    def icmp(self, kind, code=0, rest=b"\0\1\0\1", payload=PAYLOAD, source=None, to=None, **more):
        source, to = source or self.own, to or self.outside
        message = struct.pack("!BBH", kind, code, 0) + rest + payload
        if self.v6:
            message = self.summed(message, 2, source, to, ICMPV6)
        else:
            message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
        return self.ip(ICMPV6 if self.v6 else ICMP, message, source, to, **more)

    def ping(self, **more):
        return self.icmp(128 if self.v6 else 8, **more)


def scans(make):
    """Connections, datagrams and pings, as any program of the honeypot's could make them."""
    yield from (make.tcp(SYN, port, sport=2000 + port) for port in (22, 80, 443, 3389))
    yield from (make.udp(port, sport=2000) for port in (53, 123, 161))
    yield make.ping()


def tunnel(make):
    """What a DNS tunnel asks: long names, none twice."""
    for number in range(8):
        name = f"{number:08d}".encode() * 7
        question = bytes([len(name)]) + name + b"\6tunnel\7example\0" + struct.pack("!HH", 16, 1)
        yield make.udp(53, struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + question, sport=3000)


def protocols(make):
    """GRE, ESP, AH, SCTP, OSPF, UDP-Lite, L2TP, IP in IP and what has no name."""
    for protocol in (47, 50, 132, 89, 136, 115, 4, 41, 108, 253, 255):
        yield make.ip(protocol, bytes(4) + PAYLOAD)


def pretended(make):
    """Answers of sessions that there never were."""
    for flags in (SYN | ACK, RST, RST | ACK, ACK, PSH | ACK):
        yield make.tcp(flags, 40000, sport=80, payload=PAYLOAD if flags & PSH else b"")


def errors(make):
    """ICMP errors that quote sessions that there never were, the honeypot's and others'."""
    kinds = (1, 2, 3, 4) if make.v6 else (3, 4, 5, 11, 12)
    for kind in kinds:
        for source in (make.outside, make.other, make.own):
            quoted = make.tcp(PSH | ACK, 80, sport=40000, source=source, to=make.own)
            yield make.icmp(kind, rest=bytes(4), payload=quoted)
    yield make.icmp(kinds[0], rest=bytes(4), payload=PAYLOAD)


def spoofed(make):
    """In others' names: a neighbour outside, the other honeypot, the gateway, and nobody."""
    sources = [make.outside, make.other, make.gateway, make.outer]
    if make.v6:
        sources += ["2001:db8:a::66", "2001:db8:d::5", "fe80::66", "::", "::1", "ff02::1"]
    else:
        sources += ["192.0.2.66", "10.1.2.3", "127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1"]
    for source in sources:
        for to in (make.outside, make.other, make.gateway, make.outer):
            yield make.udp(source=source, to=to)
            yield make.tcp(SYN, 2323, source=source, to=to)
            yield make.ping(source=source, to=to)


def gateway(make):
    """To the gateway itself."""
    for to in (make.gateway, make.outer):
        yield make.tcp(SYN, 22, to=to)
        yield make.tcp(ACK, 22, to=to)
        yield make.udp(9, to=to)
        yield make.ping(to=to)
        yield make.ip(47, bytes(4) + PAYLOAD, to=to)


def neighbour(make):
    """To the other honeypot, and to itself by way of the gateway."""
    for to in (make.other, make.own):
        yield make.tcp(SYN, 80, to=to)
        yield make.udp(5353, to=to)
        yield make.ping(to=to)
        yield make.ip(50, PAYLOAD, to=to)


def everybody(make):
    """Multicast and broadcast."""
    groups = ("ff02::1", "ff02::fb", "ff05::2", "ff0e::1") if make.v6 else (
        "224.0.0.1", "224.0.0.251", "239.1.1.1", "255.255.255.255", "192.0.2.255", "198.51.100.255",
        "203.0.113.255")
    for to in groups:
        yield make.udp(5353, to=to)
        yield make.ping(to=to)
        if not make.v6:
            yield make.ip(2, b"\x16\0\xe9\xff" + bytes(4), to=to, ttl=1)


def strange(make):
    """Short, long, dying, summed up wrongly."""
    yield make.udp(ttl=1)
    yield make.udp()[:-20]
    yield make.udp()[:30]
    yield make.ip(TCP, PAYLOAD[:10])
    yield make.ip(UDP, struct.pack("!HHHH", 1, 53, 4, 0))
    yield make.ip(UDP, struct.pack("!HHHH", 1, 53, 8 + len(PAYLOAD), 0x1234) + PAYLOAD)
    yield b"\x70" + make.udp()[1:]
    yield make.udp(length=20)
    yield make.udp(length=4000)
    yield b""


def strange4(make):
    """IPv4 options and header lengths."""
    route = socket.inet_aton(make.outside)
    yield make.ping(options=b"\x83\7\4" + route + b"\0", to=make.gateway)  # loose source route
    yield make.ping(options=b"\x89\7\4" + route + b"\0", to=make.gateway)
    yield make.ping(words=4)
    yield make.ping(words=15)


def fragments4(make):
    """Overlapping, tiny, lonely, too long."""
    whole = make.udp(payload=PAYLOAD * 40)[20:]
    more = 0x2000

    def piece(start, end, flags, name):
        return make.ip(UDP, whole[start:end], identification=name, fragment=flags | start // 8)
    yield piece(0, 640, more, 7001)
    yield piece(632, len(whole), 0, 7001)  # by eight bytes
    yield piece(0, 8, more, 7002)
    yield piece(16, len(whole), 0, 7003)
    yield make.ip(UDP, PAYLOAD * 8, identification=7004, fragment=0x1fff)
    yield make.ip(TCP, make.tcp(SYN)[20:28], identification=7005, fragment=more)


def headers6(make):
    """Extension headers: source routes, loops of options, what ends nowhere."""
    datagram = make.udp()[40:]
    pad = struct.pack("!BB", 1, 4) + bytes(4)
    via = socket.inet_pton(socket.AF_INET6, make.outside)
    for kind in (0, 2):
        yield make.ip(43, bytes([UDP, 2, kind, 1]) + bytes(4) + via + datagram, to=make.gateway)
    yield make.ip(43, bytes([UDP, 2, 4, 1, 0, 0, 0, 0]) + via + datagram, to=make.gateway)
    yield make.ip(60, (bytes([60, 0]) + pad) * 40)
    yield make.ip(60, bytes([UDP, 200]) + pad + datagram)
    yield make.ip(60, bytes([0, 0]) + pad + bytes([UDP, 0]) + pad + datagram)  # hop-by-hop is first


def fragments6(make):
    """The same for IPv6."""
    whole = make.udp(payload=PAYLOAD * 40)[40:]

    def piece(start, end, more, name):
        head = struct.pack("!BBHI", UDP, 0, start | more, name)
        return make.ip(44, head + whole[start:end])
    yield piece(0, 640, 1, 7001)
    yield piece(632, len(whole), 0, 7001)
    yield piece(0, 8, 1, 7002)
    yield piece(16, len(whole), 0, 7003)
    yield make.ip(44, struct.pack("!BBHI", 43, 0, 1, 7004) + bytes([UDP, 0, 0, 0]) + bytes(4))


def discovery6(make):
    """What neighbours say to each other, said to strangers."""
    for kind in (133, 134, 135, 136, 137, 143):
        for source in (make.own, "2001:db8:a::66", "fe80::66"):
            yield make.icmp(kind, source=source, payload=make.raw(make.outside), ttl=255)
        yield make.icmp(kind, to="ff0e::1", payload=make.raw(make.outside), ttl=255)
        yield make.icmp(kind, to="fec0::1", payload=make.raw(make.outside), ttl=255)


def pieces(make):
    """First fragments: who puts them together may report to their sender that the rest did not come."""
    for source in (make.outside, make.own):
        for to in (make.outside, make.other, make.gateway, make.outer):
            whole = make.udp(payload=PAYLOAD * 40, source=source, to=to)[40 if make.v6 else 20:]
            if make.v6:
                head = struct.pack("!BBHI", UDP, 0, 1, 7300)
                yield make.ip(44, head + whole[:640], source, to)
            else:
                yield make.ip(UDP, whole[:640], source, to, identification=7300, fragment=0x2000)


def whole_fragments(make):
    """A datagram in pieces, the last one first: all of it gets out, or nothing."""
    whole = make.udp(payload=PAYLOAD * 40, sport=4000)[40 if make.v6 else 20:]
    for start in (1280, 640, 0):
        body, last = whole[start:start + 640], start == 1280
        if make.v6:
            yield make.ip(44, struct.pack("!BBHI", UDP, 0, start | (not last), 7100) + body)
        else:
            yield make.ip(UDP, body, identification=7100, fragment=start // 8 | (not last) << 13)


def headers_fine6(make):
    """Extension headers as they should be."""
    datagram = make.udp(sport=5000)[40:]
    pad = struct.pack("!BB", 1, 4) + bytes(4)
    for protocol in (0, 60, 43):
        rest = bytes([UDP, 0]) + (bytes([0, 0]) + bytes(4) if protocol == 43 else pad)
        yield make.ip(protocol, rest + datagram)
    yield make.ip(44, struct.pack("!BBHI", UDP, 0, 0, 7200) + datagram)
    yield make.ip(59, b"")


def fine4(make):
    """Options that do nothing; queries that are no echo."""
    yield make.udp(sport=5000, options=b"\1\1\1\0")
    yield make.icmp(13, payload=bytes(12))
    yield make.icmp(17, payload=bytes(4))


def kinds(make):
    """All that gets out if nobody minds, then all that must not even then."""
    fine = [scans, tunnel, protocols, whole_fragments, errors, headers_fine6 if make.v6 else fine4]
    never = [pretended, spoofed, neighbour, everybody, gateway, strange]
    never += [headers6, fragments6, discovery6] if make.v6 else [strange4, fragments4]
    return fine, never


def ethernet(mac, packet, v6):
    return mac + bytes.fromhex("020000000066") + (b"\x86\xdd" if v6 else b"\x08\0") + packet


def super_packets(make, number):
    sock = socket.socket(make.family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_UDP, 103, 100)  # UDP_SEGMENT
    for _ in range(number):
        sock.sendto(bytes(2000), (make.outside, 53))
    print(number, 20 * number)


def flood(make, send, limit):
    enough = []
    signal.signal(signal.SIGTERM, lambda *_: enough.append(True))
    packets = [make.udp(sport=6000 + number) for number in range(64)]
    for number in itertools.count():
        if enough or number == limit > 0:
            break
        send(packets[number % len(packets)])
    print(number, number)


def main():
    mac, *addresses, what = sys.argv[1:8]
    mac, make = bytes.fromhex(mac.replace(":", "")), Maker(*addresses)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind(("eth0", 0))
    if what == "pieces":
        packets = list(pieces(make))
        for packet in packets:
            sock.send(ethernet(mac, packet, make.v6))
        print(len(packets), 0)
        return
    if what == "super":
        super_packets(make, int(sys.argv[8]))
        return
    if what == "flood":
        flood(make, lambda packet: sock.send(ethernet(mac, packet, make.v6)), int(sys.argv[8]))
        return
    fine, never = ([packet for kind in half for packet in kind(make)] for half in kinds(make))
    for packet in fine + never:
        sock.send(ethernet(mac, packet, make.v6))
    sock.send(ethernet(b"\xff" * 6, make.udp(), make.v6))  # to all neighbours, but not meant for them
    sock.send(mac + bytes.fromhex("020000000066") + b"\x81\0\0\7\x08\0" + make.udp())  # on a VLAN
    print(len(fine) + len(never) + 2, len(fine))


if __name__ == "__main__":
    main()
