#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Scans a network from one source port, as masscan does, and fails if one address does not answer right.

usage: scan.py sessions|raw|udp|ping SOURCE-PORT NETWORK COUNT NEW [AT-ONCE]

Attacks COUNT addresses that lie evenly in the network. Every NEW-th of them (0: none) gets a request
of its own, which the backend must answer; all others get one that is known already, the frontend's.

  sessions  over the kernel's TCP, AT-ONCE at a time (all if not given); the servers close them
  raw       sends SYN to all addresses from a raw socket, then speaks TCP without the kernel's help with
            every second one that answers, and resets the others
  udp       a datagram to each, from one socket; the answers come from there
  ping      an echo to each, all with one identifier, SOURCE-PORT; there is nothing new about them
"""
import asyncio
import ipaddress
import os
import resource
import selectors
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "../../examples/honeynet"))
from servers import PAGE  # noqa: E402  (found by the line before)

PORT = 80
UDP_PORT = 5353
PATIENCE = 60   # seconds without any progress after which the scan has failed
AGAIN = 1.0     # seconds until a raw segment is sent again
WINDOW = 65535
OUR_MARK = 1    # on raw segments: the scenario's packet filter drops the kernel's own resets
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


class Failure(Exception):
    pass


def addresses(network, count):
    """count addresses of the network, evenly; they differ in all bits that the network leaves."""
    step = network.num_addresses // count
    return [network[i * step + i % step] for i in range(count)]


def request(source_port, i, new):
    path = f"/new-{source_port}-{i}" if new and i % new == 0 else "/known"
    return f"GET {path} HTTP/1.1\r\nHost: www\r\nConnection: close\r\n\r\n".encode()


def check_answer(answer, i, new):
    role = "backend" if new and i % new == 0 else "frontend"
    head, _, body = answer.decode().partition("\r\n\r\n")
    if not head.startswith("HTTP/1.1 200 OK\r\n") or body != PAGE[role]:
        raise Failure(f"expected the {role}'s page, got {answer!r}")


# Over the kernel's TCP


async def session(source_port, address, i, new):
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        # Sockets that will not listen may share a port, if they go to different places.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", source_port))
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, (str(address), PORT))
        await loop.sock_sendall(sock, request(source_port, i, new))
        answer = b""
        while piece := await loop.sock_recv(sock, 4096):
            answer += piece
        check_answer(answer, i, new)


async def sessions(source_port, targets, new, at_once):
    free = asyncio.Semaphore(at_once)

    async def one(i, address):
        async with free:
            try:
                await asyncio.wait_for(session(source_port, address, i, new), PATIENCE)
            except (Failure, OSError, asyncio.TimeoutError) as error:
                return f"{address}: {error or type(error).__name__}"

    results = await asyncio.gather(*(one(i, address) for i, address in enumerate(targets)))
    return [result for result in results if result]


# Datagrams: to all of them at once, and again to who does not answer


def echo(version, kind, identifier, text):
    kinds = {4: {"request": 8, "reply": 0}, 6: {"request": 128, "reply": 129}}
    head = struct.pack("!BBHHH", kinds[version][kind], 0, 0, identifier, 1)
    if version == 4:  # the kernel sums up ICMPv6
        head = head[:2] + struct.pack("!H", checksum(head + text)) + head[4:]
    return head + text


def udp_exchange(source_port, i, new):
    if new and i % new == 0:
        return b"new %d %d" % (source_port, i), b"backend: new %d %d" % (source_port, i)
    return b"known", b"frontend: known"


def open_udp(version, source_port):
    sock = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind(("", source_port))
    return sock


def open_icmp(version):
    if version == 4:
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    return socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)


def datagrams(sock, port, exchanges, relevant):
    """exchanges: address -> (question, answer). relevant() takes the answer out of a packet, or None."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.settimeout(AGAIN)
    failures, left = [], dict(exchanges)
    end = time.monotonic() + PATIENCE
    while left and time.monotonic() < end:
        for address, (question, _) in list(left.items()):
            sock.sendto(question, (address, port))
        try:
            while left:
                packet, (source, *_) = sock.recvfrom(65535)
                answer = relevant(packet)
                if answer is None:
                    continue
                if source not in exchanges:
                    failures.append(f"an answer from {source}, which nobody asked")
                elif answer != exchanges[source][1]:
                    failures.append(f"{source}: expected {exchanges[source][1]!r}, got {answer!r}")
                left.pop(source, None)
        except TimeoutError:
            pass
    return failures + [f"{address}: no answer" for address in left]


def scan_udp(source_port, targets, new):
    exchanges = {str(address): udp_exchange(source_port, i, new)
                 for i, address in enumerate(targets)}
    return datagrams(open_udp(targets[0].version, source_port), UDP_PORT, exchanges, lambda it: it)


def scan_ping(identifier, targets):
    version = targets[0].version

    def without_header(packet):
        packet = packet[(packet[0] & 15) * 4:] if version == 4 else packet
        is_reply = packet[0] == echo(version, "reply", 0, b"")[0]
        return packet[:2] + packet[4:] if is_reply else None  # but for the sum

    exchanges = {}
    for address in targets:
        text = str(address).encode()
        reply = echo(version, "reply", identifier, text)
        exchanges[str(address)] = echo(version, "request", identifier, text), reply[:2] + reply[4:]
    return datagrams(open_icmp(version), 0, exchanges, without_header)


# Without the kernel's TCP


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Peer:
    """One attacked address: as little TCP as a scanner gets along with."""

    def __init__(self, number, address):
        self.number, self.address = number, address
        self.seq = 0x10000000 + number * 104729  # next to send
        self.ack = 0                             # next to come
        self.state = "syn"
        self.sent = None    # what is not acknowledged yet: flags, payload
        self.sent_at = 0
        self.answer = b""

    def talks(self):
        return self.number % 2 == 0


class Scan:
    def __init__(self, source_port, targets, new):
        self.port, self.new = source_port, new
        v4 = targets[0].version == 4
        self.sock = socket.socket(socket.AF_INET if v4 else socket.AF_INET6, socket.SOCK_RAW,
                                  socket.IPPROTO_TCP)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, OUR_MARK)
        self.sock.setblocking(False)
        self.own = self.own_address(targets[0])
        self.peers = {address.packed: Peer(i, address) for i, address in enumerate(targets)}
        self.failures = []
        self.progress = time.monotonic()

    @staticmethod
    def own_address(target):
        family = socket.AF_INET if target.version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((str(target), PORT))
            return ipaddress.ip_address(sock.getsockname()[0])

    def send(self, peer, flags, payload=b"", seq=None):
        options = struct.pack("!BBH", 2, 4, 1460) if flags & SYN else b""
        head = struct.pack("!HHIIBBHHH", self.port, PORT, peer.seq if seq is None else seq,
                           peer.ack if flags & ACK else 0, (20 + len(options)) << 2, flags,
                           WINDOW, 0, 0) + options
        pseudo = self.own.packed + peer.address.packed + struct.pack(
            "!II", len(head) + len(payload), socket.IPPROTO_TCP)
        head = head[:16] + struct.pack("!H", checksum(pseudo + head + payload)) + head[18:]
        self.sock.sendto(head + payload, (str(peer.address), 0))

    def send_reliably(self, peer, flags, payload=b""):
        peer.sent, peer.sent_at = (flags, payload), time.monotonic()
        self.send(peer, flags, payload)

    def expected_ack(self, peer):
        flags, payload = peer.sent
        return (peer.seq + len(payload) + bool(flags & (SYN | FIN))) & 0xffffffff

    def take(self, source, segment):
        sport, dport, seq, ack, offset, flags = struct.unpack("!HHIIBB", segment[:14])
        if sport != PORT or dport != self.port:
            return
        peer = self.peers.get(source.packed)
        if peer is None:
            self.failures.append(f"a segment from {source}, which nobody attacked")
            return
        self.progress = time.monotonic()
        if flags & RST:
            if peer.state != "done":
                self.fail(peer, f"a reset in state {peer.state}")
            return
        if peer.sent and flags & ACK and ack == self.expected_ack(peer):
            peer.seq, peer.sent = ack, None
        self.step(peer, seq, flags, segment[offset >> 4 << 2:])

    def fail(self, peer, what):
        self.failures.append(f"{peer.address}: {what}")
        peer.state, peer.sent = "done", None

    def step(self, peer, seq, flags, payload):
        if peer.state == "syn" and not peer.sent and flags & SYN:
            peer.ack = (seq + 1) & 0xffffffff
            if peer.talks():
                peer.state = "asks"
                self.send_reliably(peer, ACK | PSH, request(self.port, peer.number, self.new))
            else:
                peer.state = "done"
                self.send(peer, RST)
            return
        if flags & SYN:
            if peer.state != "done":
                self.send(peer, ACK)
            return
        if peer.state in ("asks", "closes") and seq == peer.ack:
            peer.answer += payload
            peer.ack = (peer.ack + len(payload) + bool(flags & FIN)) & 0xffffffff
            if flags & FIN:
                self.close(peer)
                return
        if payload or flags & FIN:
            self.send(peer, ACK)
        if peer.state == "closes" and not peer.sent:
            peer.state = "done"

    def close(self, peer):
        try:
            check_answer(peer.answer, peer.number, self.new)
        except Failure as error:
            self.fail(peer, str(error))
            return
        peer.state = "closes"
        self.send_reliably(peer, FIN | ACK)

    def receive(self):
        while True:
            try:
                packet, source = self.sock.recvfrom(65535)
            except BlockingIOError:
                return
            source = ipaddress.ip_address(source[0])
            self.take(source, packet[(packet[0] & 15) * 4:] if source.version == 4 else packet)

    def run(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.sock, selectors.EVENT_READ)
            for peer in self.peers.values():
                self.send_reliably(peer, SYN)
                self.receive()
            while left := [peer for peer in self.peers.values() if peer.state != "done"]:
                now = time.monotonic()
                if now > self.progress + PATIENCE:
                    self.failures.append(f"{len(left)} did not get to their end")
                    break
                for peer in left:
                    if peer.sent and now > peer.sent_at + AGAIN:
                        self.send_reliably(peer, *peer.sent)
                selector.select(0.1)
                self.receive()
        return self.failures


def main(arguments):
    if len(arguments) not in (5, 6) or arguments[0] not in ("sessions", "raw", "udp", "ping"):
        sys.exit(__doc__)
    mode = arguments[0]
    source_port, count, new = int(arguments[1]), int(arguments[3]), int(arguments[4])
    at_once = int(arguments[5]) if arguments[5:] else count
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    targets = addresses(ipaddress.ip_network(arguments[2]), count)
    if mode == "sessions":
        failures = asyncio.run(sessions(source_port, targets, new, at_once))
    elif mode == "raw":
        failures = Scan(source_port, targets, new).run()
    elif mode == "udp":
        failures = scan_udp(source_port, targets, new)
    else:
        failures = scan_ping(source_port, targets)
    for failure in failures[:5]:
        print(failure, file=sys.stderr)
    if failures:
        print(f"{len(failures)} of {count} failed", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
