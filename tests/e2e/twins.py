#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sessions that look alike: all from one port, at the same time.

usage: twins.py tcp|udp SOURCE-PORT PORT [--hold FILE] ADDRESS=ROLE...

Opens one with each address, and says "open" when each was answered once; then, once FILE is there, talks to them
in turn. Each line is answered by ROLE, and by nobody else. TCP: the line service without a banner of
examples/honeynet/servers.py; UDP: its datagrams. The first may be answered by who answers first.
"""
import os
import socket
import sys
import time

LINES = 50
PATIENCE = 30


class Session:
    def __init__(self, kind, source_port, port, address, role):
        self.role, self.lines, self.kind = role, 0, kind
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.sock = socket.socket(family, kind)
        self.sock.settimeout(PATIENCE)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.sock.bind(("::" if ":" in address else "0.0.0.0", source_port))
        self.sock.connect((address, port))
        self.name = f"{address} {port}"

    def read(self):
        data = self.sock.recv(4096)
        while self.kind == socket.SOCK_STREAM and data and not data.endswith(b"\n"):
            data += self.sock.recv(4096)
        return data.decode()

    def ask(self, text, roles):
        self.lines += 1
        if self.kind == socket.SOCK_STREAM:
            self.sock.sendall(text.encode() + b"\n")
            wanted = [f"{role} {self.lines}: {text}\n" for role in roles]
        else:
            self.sock.send(text.encode())
            wanted = [f"{role}: {text}" for role in roles]
        got = self.read()
        if got not in wanted:
            sys.exit(f"twins.py: {self.name}: expected one of {wanted}, got {got!r}")

    def end(self):
        if self.kind == socket.SOCK_STREAM:
            self.sock.shutdown(socket.SHUT_WR)
            if rest := self.sock.recv(4096):
                sys.exit(f"twins.py: {self.name}: {rest!r} at the end")
        self.sock.close()


def main(kind, source_port, port, *rest):
    hold = None
    if rest[0] == "--hold":
        hold, rest = rest[1], rest[2:]
    kind = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    sessions = [Session(kind, int(source_port), int(port), *pair.split("=")) for pair in rest]
    for session in sessions:
        session.ask(f"hello {session.role}", [session.role, "frontend", "backend"])
    print("open", flush=True)
    end = time.monotonic() + PATIENCE
    while hold and not os.path.exists(hold):
        if time.monotonic() > end:
            sys.exit(f"twins.py: {hold} did not appear")
        time.sleep(0.01)
    for number in range(LINES):
        for session in sessions:
            session.ask(f"{number} for {session.role}", [session.role])
    for session in sessions:
        session.end()


main(*sys.argv[1:])
