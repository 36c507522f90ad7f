#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""An attacker that follows a script and notices every byte that is missing, wrong or too many.

usage: client.py [--times N | --from ADDRESS,...] [--figures] tcp|udp ADDRESS PORT <SCRIPT

One step a line; words are quoted as in a shell, \\n \\r \\t \\\\ \\xNN in them mean what they mean in C.

  send TEXT...            sends it, each word in a segment (a datagram) of its own
  large BYTES ROLE        udp: a datagram of so many bytes, which ROLE sends back
  expect TEXT             the next bytes (the next datagram) are exactly these
  greeting                a line, whoever sends it
  until ROLE MIN MAX LINE line service: sends LINE until ROLE answers, which must be after MIN to MAX
                          answers of the frontend's; the number in the answers must go on
  more TIMES ROLE LINE    line service: so many more lines, all answered by ROLE
  role TIMES              line service: reads so many answers, and prints who gave each
  get PATH                sends a request
  page ROLE               the next answer to a request is exactly ROLE's page
  page-until ROLE MIN MAX PATH
                          requests a page until it is ROLE's, which must be after MIN to MAX pages
                          of the frontend's
  download BYTES ROLE     a request for so many bytes, which must be ROLE's
  upload BYTES ROLE       posts so many bytes; ROLE must have got them right
  acknowledged            waits until all that was sent has been acknowledged
  finish                  sends FIN, goes on reading
  end                     the other side has finished, and nothing came before that
  nothing                 nothing is there, nor comes for a moment
  close                   closes, after a check that nothing was left unread
  reset                   ends with RST
  again                   a new connection from the same port as the last one
  refused                 the other side has no such port
  say TEXT                prints it: for a script that waits for a certain step
  wait FILE               waits until the file exists

With --times the same script runs so many times at once; with --from once from each address. With
--figures prints, at the end, how many milliseconds a session took on the average and the longest one, and
the longest wait for one byte to come or to go: of nine sessions in ten, and of all. The status is 0 if all
went as written.
"""
import array
import codecs
import fcntl
import hashlib
import os
import shlex
import socket
import struct
import sys
import termios
import threading
import time
from statistics import mean

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "../../examples/honeynet"))
from servers import PAGE, PIECE, content  # noqa: E402  (found by the line before)

PATIENCE = int(os.environ.get("PATIENCE", 30))  # seconds until a step that does not come has failed
MOMENT = 0.3   # seconds of silence that count as "nothing comes"


class Failure(Exception):
    pass


def unescaped(word):
    return codecs.escape_decode(word.encode())[0]


class Client:
    def __init__(self, own, kind, address, port):
        self.kind = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.address = address, int(port)
        self.held = b""  # received, and not asked for yet
        self.line = 0    # lines that the line service has answered
        self.wait = 0.0  # the longest one, in seconds, once connected
        self.connect((own, 0) if own else None)

    def connect(self, source=None):
        self.sock = socket.socket(self.family, self.kind)
        self.sock.settimeout(PATIENCE)
        if source:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.bind(source[:2])
        self.sock.connect(self.address)
        self.source = self.sock.getsockname()
        if self.kind == socket.SOCK_STREAM:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # Reading and writing

    def waited(self, since):
        self.wait = max(self.wait, time.monotonic() - since)

    def receive(self):
        since = time.monotonic()
        try:
            return self.sock.recv(PIECE)
        except TimeoutError:
            raise Failure(f"nothing came for {PATIENCE} s") from None
        finally:
            self.waited(since)

    def transmit(self, data):
        while data:
            since = time.monotonic()
            data = data[self.sock.send(data):]
            self.waited(since)

    def exactly(self, length):
        while len(self.held) < length:
            piece = self.receive()
            if not piece:
                raise Failure(f"the connection was closed after {self.held!r}")
            self.held += piece
        taken, self.held = self.held[:length], self.held[length:]
        return taken

    def up_to(self, mark):
        while mark not in self.held:
            piece = self.receive()
            if not piece:
                raise Failure(f"the connection was closed after {self.held!r}")
            self.held += piece
        taken, self.held = self.held.split(mark, 1)
        return taken + mark

    def answer(self):
        """Reads one HTTP answer and returns its body."""
        head = self.up_to(b"\r\n\r\n").decode()
        if not head.startswith("HTTP/1.1 200 OK\r\n"):
            raise Failure(f"expected an HTTP answer, got {head!r}")
        if "chunked" not in head:
            return self.exactly(int(head.split("Content-Length: ")[1].split("\r\n")[0]))
        body = b""
        while length := int(self.up_to(b"\r\n"), 16):
            body += self.exactly(length)
            self.exact(b"\r\n")
        self.exact(b"\r\n")
        return body

    def exact(self, wanted):
        same(wanted, self.exactly(len(wanted)))

    # Steps

    def do_send(self, *words):
        for word in words:
            self.sock.sendall(unescaped(word))

    def do_large(self, length, role):
        text = b"".join(content("attacker", int(length)))
        self.sock.sendall(text)
        same(role.encode() + b": " + text, self.receive())

    def do_expect(self, text):
        wanted = unescaped(text)
        if self.kind == socket.SOCK_DGRAM:
            same(wanted, self.receive())
            return
        while len(self.held) < len(wanted) and wanted.startswith(self.held):
            piece = self.receive()
            if not piece:
                raise Failure(f"expected {wanted!r}, got {self.held!r} and the end")
            self.held += piece
        same(wanted, self.held[:len(wanted)])
        self.held = self.held[len(wanted):]

    def do_greeting(self):
        self.up_to(b"\n")

    def ask(self, line):
        """Sends a line and returns who answered it."""
        self.sock.sendall(line.encode() + b"\n")
        answer = self.up_to(b"\n").decode()
        self.line += 1
        role = answer.split(" ")[0]
        same(f"{role} {self.line}: {line}\n".encode(), answer.encode())
        return role

    def do_until(self, role, least, most, line):
        repeat(lambda: self.ask(line), role, "frontend", int(least), int(most))

    def do_more(self, times, role, line):
        for _ in range(int(times)):
            same(role.encode(), self.ask(line).encode())

    def do_role(self, times):
        for _ in range(int(times)):
            self.do_say(self.up_to(b"\n").decode().split(" ")[0])

    def do_get(self, path):
        self.sock.sendall(b"GET %s HTTP/1.1\r\nHost: www\r\n\r\n" % path.encode())

    def do_page(self, role):
        same(PAGE[role].encode(), self.answer())

    def do_page_until(self, role, least, most, path):
        def page():
            self.do_get(path)
            return self.answer().decode()

        repeat(page, PAGE[role], PAGE["frontend"], int(least), int(most))

    def do_download(self, length, role):
        self.do_get("/bytes/" + length)
        head = self.up_to(b"\r\n\r\n").decode()
        if f"Server: {role}\r\n" not in head:
            raise Failure(f"expected an answer of the {role}, got {head!r}")
        wanted = hashlib.sha256()
        for piece in content(role, int(length)):
            wanted.update(piece)
        got, left = hashlib.sha256(), int(length)
        while left:
            piece = self.held or self.receive()
            if not piece:
                raise Failure(f"the connection was closed {left} bytes early")
            self.held = piece[left:]
            got.update(piece[:left])
            left -= len(piece[:left])
        same(wanted.hexdigest().encode(), got.hexdigest().encode())

    def do_upload(self, length, role):
        self.sock.sendall(b"POST /digest HTTP/1.1\r\nHost: www\r\nContent-Length: %d\r\n\r\n"
                          % int(length))
        sent = hashlib.sha256()
        for piece in content("attacker", int(length)):
            self.transmit(piece)
            sent.update(piece)
        same(f"{role} got {length} bytes {sent.hexdigest()}\n".encode(), self.answer())

    def do_acknowledged(self):
        unacknowledged = array.array("i", [1])
        end = time.monotonic() + PATIENCE
        while unacknowledged[0]:
            if time.monotonic() > end:
                raise Failure(f"{unacknowledged[0]} bytes were not acknowledged in {PATIENCE} s")
            fcntl.ioctl(self.sock, termios.TIOCOUTQ, unacknowledged)
            time.sleep(0.001)

    def do_finish(self):
        self.sock.shutdown(socket.SHUT_WR)

    def do_end(self):
        same(b"", self.held + self.receive())

    def do_nothing(self):
        self.sock.settimeout(MOMENT)
        try:
            piece = self.held or self.sock.recv(PIECE)
        except TimeoutError:
            self.sock.settimeout(PATIENCE)
            return
        raise Failure(f"expected nothing more, got {piece!r}")

    def do_close(self):
        same(b"", self.held)
        self.sock.close()

    def do_reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def do_again(self):
        self.sock.close()
        self.held, self.line = b"", 0
        self.connect(self.source)

    def do_refused(self):
        try:
            data = self.receive()
        except ConnectionRefusedError:
            return
        raise Failure(f"expected a refusal, got {data!r}")

    def do_say(self, text):
        print(text + "\n", end="", flush=True)  # in one piece: there are other threads

    def do_wait(self, path):
        end = time.monotonic() + PATIENCE
        while not os.path.exists(path):
            if time.monotonic() > end:
                raise Failure(f"{path} did not appear in {PATIENCE} s")
            time.sleep(0.01)


def same(wanted, got):
    if got != wanted:
        raise Failure(f"expected {wanted!r}, got {got!r}")


def repeat(ask, wanted, before, least, most):
    for times in range(most + 1):
        answer = ask()
        if answer == wanted:
            if times < least:
                raise Failure(f"{wanted!r} came too early, after {times} answers")
            return
        same(before.encode(), answer.encode())
    raise Failure(f"{wanted!r} did not come in {most + 1} answers")


def follow(steps, own, arguments, failures, figures):
    number, line, source = 0, "connect", "no port"
    try:
        client = Client(own, *arguments)
        begin = time.monotonic()
        source = f"{client.source[0]} port {client.source[1]}"
        for number, line in steps:
            name, *words = shlex.split(line)
            getattr(client, "do_" + name.replace("-", "_"))(*words)
        figures.append((time.monotonic() - begin, client.wait))
    except (Failure, OSError) as error:
        failures.append(f"{source}, line {number}: {line.strip()}: {error}")


def main(arguments):
    own, wants_figures = [None], False
    if arguments[:1] == ["--times"]:
        own, arguments = own * int(arguments[1]), arguments[2:]
    elif arguments[:1] == ["--from"]:
        own, arguments = arguments[1].split(","), arguments[2:]
    if arguments[:1] == ["--figures"]:
        wants_figures, arguments = True, arguments[1:]
    if len(arguments) != 3 or arguments[0] not in ("tcp", "udp"):
        sys.exit(__doc__)
    steps = [(number, line) for number, line in enumerate(sys.stdin, 1)
             if line.strip() and not line.lstrip().startswith("#")]
    failures, figures = [], []
    threads = [threading.Thread(target=follow, args=(steps, address, arguments, failures, figures))
               for address in own]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures[:5]:
        print(failure, file=sys.stderr)
    if len(failures) > 1:
        print(f"{len(failures)} of {len(own)} failed", file=sys.stderr)
    if wants_figures and figures:
        durations, waits = zip(*figures)
        waits = sorted(waits)
        print(f"mean {mean(durations) * 1000:.0f} longest {max(durations) * 1000:.0f} "
              f"wait90 {waits[len(waits) * 9 // 10] * 1000:.0f} wait {waits[-1] * 1000:.0f}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
