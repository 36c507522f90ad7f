#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A honeypot: a few real servers that say in every answer who they are.

usage: servers.py frontend|backend|clone1|clone2

  tcp 80     HTTP/1.1 with keep-alive
               GET /          one line of text
               GET /chunked   the same, in chunks and with pauses between them
               GET /bytes/N   N bytes, another sequence for each honeypot
               POST /digest   length and SHA-256 of what was posted
  tcp 2323   speaks first, then answers line by line; the backend's banner is the longer one
  tcp 2324   the same; the backend's banner is the shorter one
  tcp 2325   the same without a banner
  tcp 2326   the same with a banner in two pieces
  tcp 7007   length and SHA-256 of all that comes until the client has finished
  udp 5353   an answer for each datagram

Says "ready" when all of them listen, and serves until it gets SIGTERM.
"""
import asyncio
import hashlib
import signal
import socket
import sys

PAGE = {
    "frontend": "This is the frontend, a small imitation.\n",
    "backend": "This is the backend: a real machine with all that belongs to it.\n",
    "clone1": "This is the first clone of a real machine.\n",
    "clone2": "This is the second clone of the same machine.\n",
}
REAL = [name for name in PAGE if name != "frontend"]
SHORT = {name: f"{name} ready\n" for name in PAGE}
LONG = {name: f"Welcome to the {name}. Type whatever you like, line by line.\n" for name in PAGE}
BANNER = {
    2323: {"frontend": SHORT["frontend"], **{name: LONG[name] for name in REAL}},
    2324: {"frontend": LONG["frontend"], **{name: SHORT[name] for name in REAL}},
    2325: {name: "" for name in PAGE},
}
PIECE = 1 << 16  # bytes at a time
PAUSE = 0.002    # seconds, between the pieces of one answer


def content(role, length):
    """Yields length bytes in pieces: reproducible, and different for each role."""
    block = b"".join(hashlib.sha256(b"%s %d" % (role.encode(), i)).digest() for i in range(2048))
    while length > 0:
        yield block[:length]
        length -= len(block)


async def digest(role, reader, length=None):
    """Reads length bytes, or all there is, and says what came."""
    total, sha = 0, hashlib.sha256()
    while length is None or total < length:
        piece = await reader.read(PIECE if length is None else min(PIECE, length - total))
        if not piece:
            break
        total += len(piece)
        sha.update(piece)
    return f"{role} got {total} bytes {sha.hexdigest()}\n".encode()


async def http_answer(role, writer, body):
    writer.write(b"HTTP/1.1 200 OK\r\nServer: %s\r\nContent-Length: %d\r\n\r\n%s"
                 % (role.encode(), len(body), body))
    await writer.drain()


async def http_chunked(role, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nServer: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
                 % role.encode())
    for word in PAGE[role].split(" "):
        chunk = word.encode() if word.endswith("\n") else word.encode() + b" "
        writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        await writer.drain()
        await asyncio.sleep(PAUSE)
    writer.write(b"0\r\n\r\n")


async def http_bytes(role, writer, length):
    writer.write(b"HTTP/1.1 200 OK\r\nServer: %s\r\nContent-Length: %d\r\n\r\n"
                 % (role.encode(), length))
    for piece in content(role, length):
        writer.write(piece)
        await writer.drain()


async def serve_http(role, reader, writer):
    while True:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError:
            return
        method, path, _ = head[0].split(" ", 2)
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        if method == "POST":
            length = int(headers.get("content-length", 0))
            await http_answer(role, writer, await digest(role, reader, length))
        elif path == "/chunked":
            await http_chunked(role, writer)
        elif path.startswith("/bytes/"):
            await http_bytes(role, writer, int(path[len("/bytes/"):]))
        else:
            await http_answer(role, writer, PAGE[role].encode())
        if headers.get("connection") == "close":
            return


async def serve_lines(role, reader, writer, banner):
    writer.write(banner.encode())
    number = 0
    while line := await reader.readline():
        number += 1
        writer.write(b"%s %d: %s" % (role.encode(), number, line))
        await writer.drain()


async def serve_pieces(role, reader, writer):
    half = len(LONG[role]) // 2
    writer.write(LONG[role][:half].encode())
    await writer.drain()
    await asyncio.sleep(PAUSE)
    await serve_lines(role, reader, writer, LONG[role][half:])


async def serve_digest(role, reader, writer):
    writer.write(await digest(role, reader))
    await writer.drain()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, role):
        self.role = role

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(b"%s: %s" % (self.role.encode(), data), address)


def bound(kind, port):
    """A socket for IPv4 and IPv6, or for IPv4 alone where there is no other."""
    try:
        sock = socket.socket(socket.AF_INET6, kind)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        any_address = "::"
    except OSError:
        sock = socket.socket(socket.AF_INET, kind)
        any_address = "0.0.0.0"
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((any_address, port))
    return sock


async def listen(port, serve, *arguments):
    async def one_connection(reader, writer):
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await serve(*arguments[:1], reader, writer, *arguments[1:])
            writer.close()
        except (ConnectionError, ValueError):
            writer.transport.abort()

    await asyncio.start_server(one_connection, sock=bound(socket.SOCK_STREAM, port), backlog=1024)


async def main(role):
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in signal.SIGTERM, signal.SIGINT:
        loop.add_signal_handler(number, stop.set)

    await listen(80, serve_http, role)
    for port, banner in BANNER.items():
        await listen(port, serve_lines, role, banner[role])
    await listen(2326, serve_pieces, role)
    await listen(7007, serve_digest, role)
    await loop.create_datagram_endpoint(lambda: Datagrams(role),
                                        sock=bound(socket.SOCK_DGRAM, 5353))
    print("ready", flush=True)
    await stop.wait()


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PAGE:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1]))
