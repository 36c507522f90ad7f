#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a server's packets look like to its client, field by field.

usage: look.py CAPTURE ADDRESS

Reads Ethernet frames from a pcap file and judges each TCP session of the given server by itself. Prints
a line for each session, with the fields that must be alike in all of them, and after a TAB those that only
describe; a field that changed within the session, or a number that went back, is said and makes the
status 1:

  ttl, dscp, df (IPv4), label (IPv6: "kept")       the same in all packets but the SYN-ACK's DF and number
  ids                                              zero, counting or other
  options                                          their order, for SYN-ACK and data
  tsval                                            never less than before in what is new
  window                                           its edge never goes back
"""
import ipaddress
import struct
import sys

FIN, SYN, RST, ACK = 1, 2, 4, 16
NAMES = {0: "end", 1: "nop", 2: "mss", 3: "wscale", 4: "sackok", 5: "sack", 8: "ts"}


def frames(path):
    with open(path, "rb") as file:
        order = "<" if file.read(24)[:4] == b"\xd4\xc3\xb2\xa1" else ">"
        while head := file.read(16):
            yield file.read(struct.unpack(order + "IIII", head)[2])


def read_options(data):
    kinds, values = [], {}
    while data and data[0] != 0:
        length = 1 if data[0] == 1 else data[1]
        kinds.append(NAMES.get(data[0], str(data[0])))
        values[kinds[-1]] = data[2:length]
        data = data[length:]
    return kinds, values


class Segment:
    """A TCP segment of the server's; raises ValueError for all else."""

    def __init__(self, frame, server):
        ip = frame[14:]
        if ip[:1] and ip[0] >> 4 == 4 and ip[9] == 6:
            self.version, length, head = 4, struct.unpack(">H", ip[2:4])[0], (ip[0] & 15) * 4
            source, self.to, self.ttl, tos = ip[12:16], ip[16:20], ip[8], ip[1]
            self.id, self.df = struct.unpack(">H", ip[4:6])[0], ip[6] >> 6 & 1
        elif ip[:1] and ip[0] >> 4 == 6 and ip[6] == 6:
            self.version, length, head = 6, 40 + struct.unpack(">H", ip[4:6])[0], 40
            source, self.to, self.ttl = ip[8:24], ip[24:40], ip[7]
            tos = (ip[0] << 4 | ip[1] >> 4) & 0xff
            self.label = struct.unpack(">I", ip[:4])[0] & 0xfffff
        else:
            raise ValueError
        if source != server:
            raise ValueError
        tcp = ip[head:]
        self.port, self.seq, self.ack = struct.unpack(">2xHII", tcp[:12])
        self.flags, self.window = tcp[13], struct.unpack(">H", tcp[14:16])[0]
        self.options, values = read_options(tcp[20:(tcp[12] >> 4) * 4])
        self.payload = length - head - (tcp[12] >> 4) * 4
        self.tsval = struct.unpack(">I", values["ts"][:4])[0] if "ts" in values else None
        self.scale = values["wscale"][0] if "wscale" in values else 0
        self.dscp = tos >> 2


def ahead(number, before):
    """How far a 32-bit number lies behind another; negative if it went back."""
    return (number - before + (1 << 31)) % (1 << 32) - (1 << 31)


class Session:
    def __init__(self, server):
        self.server, self.problems, self.last = server, [], None
        self.scale, self.edge, self.tsval, self.end = 0, None, None, None
        self.ids, self.data_options = [], set()
        self.syn_ack = None

    def wrong(self, what):
        self.problems.append(what)

    def see(self, seg):
        if seg.flags & RST:
            self.wrong("a reset")
            return
        if seg.flags & SYN:
            self.syn_ack, self.scale = seg, seg.scale
        else:
            self.compare(seg)
            if seg.version == 4:
                self.ids.append(seg.id)
            self.last = seg
        fresh = self.end is None or ahead(seg.seq + seg.payload, self.end) >= 0
        if seg.tsval is not None and fresh:
            if self.tsval is not None and ahead(seg.tsval, self.tsval) < 0:
                self.wrong(f"tsval went back by {-ahead(seg.tsval, self.tsval)}")
            self.tsval = seg.tsval
        if fresh:
            self.end = seg.seq + seg.payload
        edge = seg.ack + (seg.window << (0 if seg.flags & SYN else self.scale))
        if self.edge is not None and ahead(edge, self.edge) < 0 and fresh:
            self.wrong(f"the window's edge went back by {-ahead(edge, self.edge)}")
        self.edge = edge

    def compare(self, seg):
        for field in ("ttl", "dscp", "df") if seg.version == 4 else ("ttl", "dscp", "label"):
            now = getattr(seg, field)
            if self.last and getattr(self.last, field) != now:
                self.wrong(f"{field} changed from {getattr(self.last, field)} to {now}")
        kinds = [kind for kind in seg.options if kind != "sack"]
        while kinds[-2:] == ["nop", "nop"]:
            kinds = kinds[:-2]
        self.data_options.add(" ".join(kinds))

    def numbering(self):
        steps = {(after - before) % 65536 for before, after in zip(self.ids, self.ids[1:])}
        if not self.ids or set(self.ids) == {0}:
            return "zero"
        return "counting" if all(0 < step < 64 for step in steps) else "other"

    def line(self):
        if len(self.data_options) > 1:
            self.wrong(f"options changed: {sorted(self.data_options)}")
        seg = self.last
        return (f"ttl {seg.ttl} dscp {seg.dscp} ids {self.numbering()} "
                f"syn-ack {','.join(self.syn_ack.options)} data {','.join(self.data_options)}")


def main(path, address):
    server, sessions = ipaddress.ip_address(address).packed, {}
    for frame in frames(path):
        try:
            seg = Segment(frame, server)
        except ValueError:
            continue
        sessions.setdefault(seg.port, Session(server)).see(seg)
    status = 0
    for port, session in sorted(sessions.items()):
        print(session.line())
        for problem in session.problems:
            print(f"{path}: port {port}: {problem}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
