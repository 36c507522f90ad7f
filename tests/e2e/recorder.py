#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A honeypot that writes down what its applications really get, for craft.

usage: recorder.py FILE ADDRESS FIRST-PORT LAST-PORT

Serves TCP on all these ports of an address, say 0.0.0.0 or ::. A line is answered with its number, its length and a digest, so that
the answers of two honeypots differ only if they were told different things. "big" is answered with
4,000 bytes more; after "close" the server closes first. The end of the stream is answered with
"bye". FILE gets a line of JSON for each piece read: what came, urgent data too, and how it ended.
"""
import hashlib
import json
import selectors
import socket
import sys

BIG = (b"0123456789abcdef" * 250)[:4000]


class Connection:
    def __init__(self, server, sock, note):
        self.server, self.sock, self.note = server, sock, note
        self.line, self.number, self.unsent, self.closing = b"", 0, b"", False
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.selector.register(sock, selectors.EVENT_READ, self.ready)

    def ready(self, mask):
        try:
            if mask & selectors.EVENT_WRITE:
                self.flush()
            if mask & selectors.EVENT_READ:
                self.read()
        except BlockingIOError:
            pass
        except OSError as error:
            self.end(type(error).__name__)

    def urgent(self):
        """The byte that is not part of the stream; asked for whenever there is something."""
        try:
            byte = self.sock.recv(1, socket.MSG_OOB)
        except OSError:
            return
        if byte:
            self.note(urgent=byte.decode("latin-1"))

    def read(self):
        self.urgent()
        data = self.sock.recv(65536)
        if not data:
            self.note(end="finished")
            self.send(b"bye\n")
            self.closing = True
            self.flush()
            return
        self.note(data=data.decode("latin-1"))
        *lines, self.line = (self.line + data).split(b"\n")
        for line in lines:
            self.number += 1
            digest = hashlib.sha256(line).hexdigest()[:8]
            self.send(b"%03d %d %s\n" % (self.number, len(line), digest.encode()))
            if line == b"big":
                self.send(BIG)
            if line == b"close":
                self.closing = True
        self.flush()

    def send(self, data):
        self.unsent += data

    def flush(self):
        while self.unsent:
            try:
                self.unsent = self.unsent[self.sock.send(self.unsent):]
            except BlockingIOError:
                break
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.unsent else 0)
        self.server.selector.modify(self.sock, events, self.ready)
        if self.closing and not self.unsent:
            self.end("closed")

    def end(self, how):
        self.note(end=how)
        self.server.selector.unregister(self.sock)
        self.sock.close()


class Server:
    def __init__(self, path, address, first, last):
        self.selector = selectors.DefaultSelector()
        self.file = open(path, "w", buffering=1, encoding="ascii")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for port in range(first, last + 1):
            sock = socket.create_server((address, port), family=family, backlog=1024)
            self.selector.register(sock, selectors.EVENT_READ,
                                   lambda _, s=sock, p=port: self.new(s, p))

    def new(self, listener, port):
        sock, peer = listener.accept()

        def note(**what):
            print(json.dumps({"port": port, "from": peer[1], **what}), file=self.file)

        note(begin=True)
        Connection(self, sock, note)

    def serve(self):
        print("ready", flush=True)
        while True:
            for key, mask in self.selector.select():
                key.data(mask)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    Server(*sys.argv[1:3], *map(int, sys.argv[3:])).serve()
