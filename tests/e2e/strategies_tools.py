# SPDX-License-Identifier: BSD-2-Clause
"""What is published: Geneva's strategies, and what Ptacek and Newsham have beyond the others."""
from crafted import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG
from strategies import MD5, begin, strategy


# --- Geneva: duplicate, tamper, fragment, drop of what a client sends

def corrupted(packet):
    return bytes(0x41 + (7 * i) % 26 for i in range(len(packet.payload)))


def long_line(s, hook):
    """A request, as the tool was made for; the hooks apply from the first packet on."""
    s.hooks = hook
    s.open()
    s.line("GET /forbidden?word HTTP/1.1 Host: www.example.org Accept: all")
    s.look("begin")
    s.line("a second line, which is handled in the same way as the first one")
    s.look("second")
    s.finish()


def geneva(number, hook, **options):
    def play(s):
        long_line(s, hook(s))

    play.__name__ = f"geneva_{number:02}"
    strategy(play, **options)


def before(**tampered):
    """PA: duplicate(tamper…,)"""
    return lambda s: {"PA": lambda p: [p.but(**made(p, tampered)), p]}


def behind(trigger, **tampered):
    """duplicate(,tamper…)"""
    return lambda s: {trigger: lambda p: [p, p.but(**made(p, tampered))]}


def made(packet, tampered):
    return {name: value(packet) if callable(value) else value for name, value in tampered.items()}


ALL_BUT_SYN = FIN | RST | ACK | PSH | URG
geneva(1, before(offset=10, bad_checksum=True))
geneva(2, before(offset=10, ttl=10))
geneva(3, before(offset=10, ack=0x12345678))
geneva(4, before(offset=8, options=b"\x03\x03\x55\x00"))
geneva(5, before(payload=corrupted, bad_checksum=True))
geneva(6, before(payload=corrupted, ttl=8))
geneva(7, before(payload=corrupted, ack=0x12345678))
geneva(8, behind("S", payload=b"corrupted load"))
geneva(9, before(length=64))
geneva(10, behind("A", flags=RST, bad_checksum=True))
geneva(11, behind("A", flags=RST, ttl=10))
geneva(12, behind("A", flags=RST, options=MD5))
geneva(13, behind("A", flags=RST | ACK, bad_checksum=True))
geneva(14, behind("A", flags=RST | ACK, ttl=10))
geneva(15, behind("A", flags=RST, options=MD5[:2] + bytes(16) + MD5[-2:]))
geneva(16, behind("A", flags=ALL_BUT_SYN | ECE, reserved=1, bad_checksum=True))
geneva(17, behind("A", flags=FIN | RST | ECE | ACK | CWR, reserved=1, ttl=10))
geneva(18, behind("A", flags=ALL_BUT_SYN, reserved=1, options=MD5))


def split(packet, at):
    return (packet.but(payload=packet.payload[:at]),
            packet.but(payload=packet.payload[at:], seq=packet.seq + at))


def fragment_twice(packet):
    first, rest = split(packet, 8)
    return [first, *split(rest, 4)]


geneva(19, lambda s: {"PA": lambda p: list(reversed(split(p, 8))),
                      "A": lambda p: [p.but(seq=0x2468ace0)]},
       dnat=("differs", "conntrack lets other copies pass if nobody answers the first ACK"))
geneva(20, lambda s: {"PA": fragment_twice})
geneva(21, lambda s: {"PA": lambda p: list(split(p, len(p.payload) // 2))})
geneva(22, before(flags=FIN, length=78))
geneva(23, lambda s: {"S": lambda p: [p.but(flags=SYN | ACK), p]})
geneva(24, lambda s: {"PA": lambda p: [p.but(options=p.options + b"\x1c\x04\xbe\xef")]})


# --- Ptacek and Newsham, where no strategy above is the case

@strategy
def insertion_whole_dialogue(s):
    """Every line twice: first one that nobody takes, each time for another reason."""
    s.open()
    reasons = [{"ttl": 5}, {"bad_checksum": True}, {"options": MD5}, {"flags": PSH}, {"offset": 4},
               {"ack": s.irs - 5000}]
    for number, reason in enumerate(reasons):
        reason = {"flags": ACK | PSH, **reason}
        s.craft(at=s.sent, payload=b"garbage\n", **reason)
        s.line(f"line  {number}")
    s.look("lines")
    s.finish()


@strategy
def evasion_interleaved(s):
    """Half of the bytes early, garbage behind the window, the other half backwards."""
    begin(s)
    text = "a line that comes in an order of its own\n"
    for at in range(0, len(text), 4):
        s.data(text[at:at + 2], at=6 + at) if at else None
    for at in range(len(text) // 4 * 4 - 2, 0, -4):
        s.data(text[at:at + 2], at=6 + at)
    s.data(text[:2], at=6)
    s.insist()
    s.look("line")
    s.finish()
