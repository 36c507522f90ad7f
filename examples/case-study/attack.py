#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Plays the outside world of the case study: many attackers, and a honeypot that was broken into.

usage: attack.py visits NUMBER JOURNAL      as the attackers, so many of them
       attack.py outbreak ADDRESS NUMBER    as a honeypot: connects to so many ports of the address

Writes a line into the journal for each session: who, to whom, what was sent, and who answered (null: the
kernel has given up connecting). What the gateway's log and files must hold follows from that, and audit.py
compares.

Of the attackers, every third has a request of its own, the others run one of eight tools. Some more are
slow: they send a request line by line, and each line has been seen before. Every second one comes again,
to another address. Then there is noise that no target wants.
"""
import array
import asyncio
import errno
import fcntl
import ipaddress
import json
import os
import resource
import socket
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../honeynet"))
from servers import PAGE  # noqa: E402  (found by the line before)

SOURCES = ipaddress.ip_network("198.18.0.0/15")  # routed to this host, and all of it local there
DARKNET = ipaddress.ip_network("10.1.0.0/21")
PORT = 80
AT_ONCE = 100
PATIENCE = 60
SLOW_LINES = 24  # more than the case study's counter
NOISE = 25
IP_BIND_ADDRESS_NO_PORT = 24

TOOLS = [
    "GET / HTTP/1.0",
    "GET /w00tw00t.at.ISC.SANS.DFind:) HTTP/1.1",
    "GET /IDS5web/bin/lang HTTP/1.1",
    "GET /misc/mantis/login_page.php HTTP/1.1",
    "GET /mantis/login_page.php HTTP/1.1",
    "GET /php/mantis/login_page.php HTTP/1.1",
    "GET /phpmyadmin/scripts/setup.php HTTP/1.1",
    "GET /manager/html HTTP/1.1",
]
SLOW_FIRST = b"GET /slow HTTP/1.1\r\n"
SLOW_NEXT = b"X-a: b\r\n"
LAST = b"Connection: close\r\n\r\n"


class Journal:
    def __init__(self, path):
        self.file = open(path, "w", encoding="utf-8")

    def write(self, kind, sock, attacked, payloads, by):
        source, port = sock.getsockname()
        self.file.write(json.dumps({
            "kind": kind, "source": source, "port": port, "attacked": attacked[0],
            "attacked_port": attacked[1], "payloads": [p.decode() for p in payloads], "by": by,
        }) + "\n")
        self.file.flush()


def source_of(number):
    return str(SOURCES[256 + number])


def address(number):
    """Spreads the attacks over the darknet."""
    return str(DARKNET[number * 7919 % DARKNET.num_addresses])


def tool(number, to):
    return f"{TOOLS[number % len(TOOLS)]}\r\nHost: {to}\r\n".encode() + LAST


def own_request(number, to):
    return f"GET /exploit-{number} HTTP/1.1\r\nHost: {to}\r\n".encode() + LAST


async def acknowledged(sock):
    """Waits until the other side has all that was sent, so that the next piece is a segment of its own."""
    left = array.array("i", [1])
    while left[0]:
        fcntl.ioctl(sock, termios.TIOCOUTQ, left)
        await asyncio.sleep(0.001)


async def talk(sock, payloads):
    """Sends the payloads, a segment each, and says whose page came back."""
    loop = asyncio.get_running_loop()
    for payload in payloads:
        await loop.sock_sendall(sock, payload)
        await acknowledged(sock)
    answer = b""
    while piece := await loop.sock_recv(sock, 4096):
        answer += piece
    head, _, body = answer.decode().partition("\r\n\r\n")
    for role, page in PAGE.items():
        if head.startswith("HTTP/1.1 200 OK") and body == page:
            return role
    raise ValueError(f"not an answer: {answer!r}")


async def visit(journal, kind, source, to, payloads):
    """One session; a refused one ends when the kernel has given up."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((source, 0))
        try:
            await loop.sock_connect(sock, (to, PORT))
        except OSError as error:
            if error.errno != errno.ETIMEDOUT:
                raise
            journal.write(kind, sock, (to, PORT), [], None)
            return
        by = await asyncio.wait_for(talk(sock, payloads), PATIENCE)
        journal.write(kind, sock, (to, PORT), payloads, by)


async def all_of(visits, at_once):
    free = asyncio.Semaphore(at_once)

    async def one(awaitable):
        async with free:
            await awaitable

    await asyncio.gather(*(one(awaitable) for awaitable in visits))


async def first_visits(journal, number):
    def request(i):
        return (own_request if i % 3 == 0 else tool)(i, address(i))

    await all_of([visit(journal, "first", source_of(i), address(i), [request(i)])
                  for i in range(number)], AT_ONCE)


async def slow_visits(journal, number):
    """The first two make the lines known, one after the other."""
    lines = [SLOW_FIRST] + [SLOW_NEXT] * SLOW_LINES + [LAST]
    count = 2 + max(3, number // 50)
    for i in range(number, number + 2):
        await visit(journal, "slow", source_of(i), address(i), lines)
    await all_of([visit(journal, "slow", source_of(i), address(i), lines)
                  for i in range(number + 2, number + count)], AT_ONCE)


async def repeated_visits(journal, number):
    """All at once: most of them wait for the kernel to give up."""
    def again(i):
        to = address(i + 1000)
        return visit(journal, "again", source_of(i), to, [tool(i, to)])

    await all_of([again(i) for i in range(0, number, 2)], number)


def noise(journal):
    for i in range(NOISE):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((source_of(i), 0))
            attacked = address(i), 1434
            sock.sendto(b"\x04" + b"A" * 28, attacked)
            journal.write("noise", sock, attacked, [], None)


def visits(number, path):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    journal = Journal(path)
    for phase in first_visits, slow_visits, repeated_visits:
        asyncio.run(phase(journal, number))
    noise(journal)


def outbreak(to, number):
    """Does not wait for answers: what the gateway drops has none."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    sockets = []
    for port in range(1, number + 1):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.connect_ex((to, port))
        sockets.append(sock)
    for sock in sockets:
        sock.close()


def main(arguments):
    if len(arguments) != 3 or arguments[0] not in ("visits", "outbreak"):
        sys.exit(__doc__)
    if arguments[0] == "visits":
        visits(int(arguments[1]), arguments[2])
    else:
        outbreak(arguments[1], int(arguments[2]))


if __name__ == "__main__":
    main(sys.argv[1:])
