# SPDX-License-Identifier: BSD-2-Clause
"""TCP by hand: packets of any shape on a raw socket, and a session that keeps its books.

The kernel's own TCP must not answer for these ports: drop TCP in INPUT; this reads in front of it.
"""
import collections
import itertools
import queue
import socket
import struct
import threading
import time

from crafted_ip import TCP, version_of

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << i for i in range(8))
LETTERS = "FSRPAUEC"
MASK = 0xffffffff
QUIET = 0.3    # seconds without a packet after which a honeypot has said all that it will say
LATE_PORT, LATE_QUIET = 9300, 1.0  # but from this port on it may be late
PATIENCE = 4   # seconds, where something is still to come
ACK_DELAY = 0.01
TRIES = 12     # of packets that are sent again until they are acknowledged

NOP = b"\x01"


def timestamp(value, echo):
    return struct.pack(">BBBBII", 1, 1, 8, 10, value & MASK, echo & MASK)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Packet:
    """What a segment will look like; every field may be given a value that makes no sense."""

    def __init__(self, flags=ACK, seq=0, ack=0, payload=b"", options=b"", **more):
        self.flags, self.seq, self.ack = flags, seq, ack
        self.payload, self.options = payload, options
        self.window, self.urgent, self.ttl, self.tos = 64240, 0, 64, 0
        self.offset = None      # of the data, in words
        self.reserved = 0       # the four bits beside it
        self.bad_checksum = False
        self.length = None      # of an IPv4 packet that ends early, its header included
        self.pieces = None      # fragments: where to cut what follows the IP header
        self.ranges = None      # or what each of them has of it
        self.number = None      # which packet they are of
        self.ip_options = b""   # IPv4
        self.label = 0          # IPv6: flow label
        self.headers = []       # extension headers, as (kind, what follows its first byte)
        self.inner = []         # those behind the fragment header
        self.atomic = False     # a fragment that is all of it
        self.__dict__.update(more)

    def but(self, **more):
        other = Packet()
        other.__dict__.update(self.__dict__)
        other.__dict__.update(more)
        return other

    def transport(self, pseudo_header, sport, dport):
        options = self.options + b"\0" * (-len(self.options) % 4)
        offset = 5 + len(options) // 4 if self.offset is None else self.offset
        header = struct.pack(">HHIIBBHHH", sport, dport, self.seq & MASK, self.ack & MASK,
                             offset << 4 | self.reserved, self.flags & 0xff, self.window, 0,
                             self.urgent)
        whole = header + options + self.payload
        if self.length is not None:
            whole = whole[:self.length - 20]
        total = checksum(pseudo_header(len(whole)) + whole)
        if self.bad_checksum:
            total ^= 0x5555
        return whole[:16] + struct.pack(">H", total) + whole[18:]


class Quoted:
    """A header within an error."""


class Seen:
    """A packet that came back."""

    def __init__(self, version, data, secrets):
        body = version.read(data, self)
        self.port = None
        self.named = [name for name, address in secrets.items() if address in data]
        if self.protocol == version.icmp and body[0] in version.errors:
            self.read_error(version, body)
        elif self.protocol == TCP:
            (self.from_port, self.port, self.seq, self.ack, offset, self.flags, self.window,
             self.sum, self.urgent) = struct.unpack(">HHIIBBHHH", body[:20])
            self.payload = body[(offset >> 4) * 4:]
            self.kinds, self.sack, self.ts = [], [], None
            self.read_options(body[20:(offset >> 4) * 4])

    def read_error(self, version, body):
        quoted = Quoted()
        self.icmp = body[0], body[1]
        transport = version.read(body[8:], quoted)
        self.quoted_to = quoted.to
        if quoted.protocol == TCP and len(transport) >= 2:
            self.port = struct.unpack(">H", transport[:2])[0]

    def read_options(self, data):
        while data and data[0] != 0:
            if data[0] == 1:
                data = data[1:]
                continue
            kind, length = data[0], data[1]
            self.kinds.append(kind)
            if kind == 5:
                self.sack = list(struct.iter_unpack(">II", data[2:length]))
            if kind == 8:
                self.ts = struct.unpack(">II", data[2:10])
            data = data[length:]


class Wire:
    """The raw sockets, and who gets which packet: sessions have a port of their own each."""

    def __init__(self, interface, source, destination, first_port, secrets):
        version = self.version = version_of(destination)
        self.source = socket.inet_pton(version.family, source)
        self.destination = socket.inet_pton(version.family, destination)
        self.secrets = {name: socket.inet_pton(version.family, name) for name in secrets}
        self.name = destination
        self.ports = itertools.count(first_port)
        self.ids = itertools.count(1)
        self.lock = threading.Lock()
        self.out = socket.socket(version.family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.into = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(version.ether))
        self.into.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.into.bind((interface, version.ether))
        self.queues = collections.defaultdict(queue.Queue)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            data, (_, _, kind, *_) = self.into.recvfrom(65535)
            if kind == socket.PACKET_OUTGOING:
                continue
            seen = Seen(self.version, data, self.secrets)
            if seen.port is not None:
                self.queues[seen.port].put(seen)

    def new_port(self):
        with self.lock:
            return next(self.ports)

    def send(self, sport, dport, packet):
        def pseudo_header(length):
            return self.version.pseudo_header(self.source, self.destination, length)

        with self.lock:
            number = next(self.ids) if packet.number is None else packet.number
        body = packet.transport(pseudo_header, sport, dport)
        for each in self.version.packets(self.source, self.destination, number, packet, body):
            self.out.sendto(each, (self.name, 0))


class Session:
    """
    A client. Offsets count from the first byte behind the SYN; what it saw is kept as facts that do
    not depend on the numbers that were drawn.
    """

    def __init__(self, wire, port, isn, clock, stamps=True):
        self.wire, self.port, self.isn = wire, port, isn
        self.sport = wire.new_port()
        self.began, self.clock, self.stamps = time.monotonic(), clock, stamps
        self.irs = None      # the server's first number, from the SYN-ACK that counts
        self.echo = 0        # its latest timestamp
        self.sent = 0        # behind the last byte that is meant to arrive
        self.meant = []      # such packets, to be sent again until they are acknowledged
        self.acknowledged = 0
        self.told = 0        # what was acknowledged to the server
        self.text = {}       # of the server, by offset
        self.server_fin = None
        self.window = 64240
        self.views, self.seen = [], []
        self.count = 0       # packets sent
        self.hooks = {}      # "S", "A", "PA": packet -> packets, as an evasion tool would
        self.silent = False  # sends no ACK on its own

    # Sending

    def now(self):
        return self.clock + int((time.monotonic() - self.began) * 1000)

    def stamp(self, value=None):
        if not self.stamps:
            return b""
        return timestamp(self.now() if value is None else value, self.echo)

    def raw(self, packet):
        self.count += 1
        self.wire.send(self.sport, self.port, packet)

    def next(self):
        """What to acknowledge: the server's stream, as far as it is there."""
        if self.irs is None:
            return 0
        end = len(self.stream())
        return self.irs + 1 + end + (1 if self.server_fin == end else 0)

    def packet(self, flags=ACK, at=None, payload=b"", **more):
        """A packet as it should be, with what is asked for in its place."""
        at = self.sent if at is None else at
        fields = {"seq": self.isn + 1 + at, "ack": self.next() if flags & ACK else 0,
                  "window": self.window, "options": self.stamp(), **more}
        return Packet(flags, payload=payload, **fields)

    def craft(self, flags=ACK, at=None, payload=b"", **more):
        """Sends it once, whatever becomes of it."""
        self.raw(self.packet(flags, at, payload, **more))

    def hooked(self, name, packet):
        for each in self.hooks.get(name, lambda p: [p])(packet):
            self.raw(each)

    def data(self, payload, at=None, flags=ACK | PSH, hook="PA", **more):
        """Sends what is meant to arrive, and will be sent again if it does not."""
        at = self.sent if at is None else at
        payload = payload.encode() if isinstance(payload, str) else payload
        end = at + len(payload) + (1 if flags & FIN else 0)
        self.sent = max(self.sent, end)
        self.meant.append((end, flags, at, payload, more))
        self.hooked(hook, self.packet(flags, at, payload, **more))

    def fin(self, **more):
        self.data(b"", flags=ACK | FIN, hook="F", **more)

    def acknowledge(self):
        self.told = self.next()
        self.hooked("A", self.packet())

    # Receiving

    def stream(self):
        whole = b""
        for at in sorted(self.text):
            if at <= len(whole) < at + len(self.text[at]):
                whole += self.text[at][len(whole) - at:]
        return whole

    def take(self, seen):
        if seen.protocol == TCP and seen.from_port != self.port:
            return  # of an older session from the same port
        self.seen.append(seen)
        if seen.protocol != TCP or seen.flags & RST:
            return
        if seen.flags & SYN:
            if seen.flags & ACK and seen.ack == (self.isn + 1) & MASK and self.irs is None:
                self.irs = seen.seq
        elif self.irs is None:
            return
        if seen.ts:
            self.echo = seen.ts[0]
        if seen.flags & ACK:
            done = (seen.ack - self.isn - 1) & MASK
            if done < 1 << 31:
                self.acknowledged = max(self.acknowledged, done)
        if seen.flags & SYN:
            return
        at = (seen.seq - self.irs - 1) & MASK
        if seen.payload and at < 1 << 31:
            self.text.setdefault(at, b"")
            self.text[at] = max(self.text[at], seen.payload, key=len)
        if seen.flags & FIN:
            self.server_fin = at + len(seen.payload)

    def listen(self, quiet=None):
        """Takes what comes, and acknowledges it, until nothing came for a while."""
        quiet = quiet or (QUIET if self.port < LATE_PORT else LATE_QUIET)
        inbox = self.wire.queues[self.sport]
        last = time.monotonic()
        while True:
            owes = self.irs is not None and not self.silent and self.next() != self.told
            wait = ACK_DELAY if owes else last + quiet - time.monotonic()
            try:
                self.take(inbox.get(timeout=max(wait, 0.001)))
                last = time.monotonic()
            except queue.Empty:
                if owes:
                    self.acknowledge()
                elif time.monotonic() >= last + quiet:
                    return

    def wait(self, condition, patience=PATIENCE):
        end = time.monotonic() + patience
        while not condition() and time.monotonic() < end:
            self.listen(0.02)
        return condition()

    def insist(self, text=None):
        """Until all that is meant to arrive is acknowledged, and the server has said so much."""
        for _ in range(TRIES):
            if self.wait(lambda: self.acknowledged >= self.sent and
                         (text is None or len(self.stream()) >= text), 0.4):
                return
            for end, flags, at, payload, more in list(self.meant):
                if end > self.acknowledged:
                    self.raw(self.packet(flags, at, payload, **more))

    # What was seen

    def relative(self, number, base):
        """A number as an offset, or "far" where it has nothing to do with the session."""
        distance = ((number - base) & MASK)
        if distance >= 1 << 31:
            distance -= 1 << 32
        return distance if abs(distance) < 1 << 20 else "far"

    def look(self, name):
        """Writes down what this phase brought; what depends on timing alone is left out."""
        self.listen()
        tcp = [s for s in self.seen if s.protocol == TCP]
        plain = [s for s in tcp if not s.flags & (RST | SYN)]
        view = {
            "phase": name,
            "text": self.stream().decode("latin-1"),
            "acknowledged": self.acknowledged,
            "fin": self.server_fin,
            "answered": bool(tcp) if name.startswith("?") else None,
            "resets": sorted({self.reset(s) for s in tcp if s.flags & RST}),
            "syn-acks": sorted({(self.relative(s.ack, self.isn + 1), tuple(s.kinds), s.ttl)
                                for s in tcp if s.flags & SYN}),
            "sack": sorted({tuple(self.relative(e, self.isn + 1) for e in block)
                            for s in plain for block in s.sack}),
            "options": sorted({k for s in plain for k in s.kinds if k != 5}),
            "ip": sorted({(s.ttl, s.mark, s.source) for s in plain}),
            "tos": sorted({s.tos for s in plain if s.payload}),
            "icmp": sorted({s.icmp + (s.ttl, s.source, s.quoted_to)
                            for s in self.seen if s.protocol != TCP}),
            "closed window": bool(plain and plain[-1].window == 0),
            "named": sorted({name for s in self.seen for name in s.named}),
        }
        self.views.append(view)
        self.seen = []

    def reset(self, seen):
        """A RST; one that answers an ACK has its number, one that answers none acknowledges."""
        seq = "zero" if seen.seq == 0 else self.relative(seen.seq, (self.irs or 0) + 1)
        ack = self.relative(seen.ack, self.isn + 1) if seen.flags & ACK else None
        return f"{seq} {ack} ttl {seen.ttl} {bool(seen.kinds)}"

    # Usual steps

    def connect(self, **syn):
        """Up to the SYN-ACK."""
        options = b"\x02\x04\x05\xb4" + (b"\x04\x02" + timestamp(self.now(), 0)[2:] if self.stamps
                                         else NOP + NOP + b"\x04\x02") + b"\x01\x03\x03\x07"
        first = Packet(**{"flags": SYN, "seq": self.isn, "options": options, **syn})
        for _ in range(TRIES):
            self.hooked("S", first)
            if self.wait(lambda: self.irs is not None, 0.5):
                break

    def open(self, **syn):
        self.connect(**syn)
        self.acknowledge()

    def ended(self):
        """Until the server has finished."""
        self.wait(lambda: self.server_fin is not None)

    def answered(self, count):
        """Until so many lines of the server's are there."""
        self.wait(lambda: self.stream().count(b"\n") >= count)

    def line(self, text, **more):
        """A line and its answer."""
        count = self.stream().count(b"\n") + 1
        self.data(text + "\n", **more)
        self.insist()
        self.answered(count)

    def finish(self):
        self.line("last")
        self.look("last line")
        self.fin()
        self.insist()
        self.ended()
        self.look("end")
