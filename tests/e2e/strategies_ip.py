# SPDX-License-Identifier: BSD-2-Clause
"""IP headers: fragments, options of IPv4, extension headers and flow labels of IPv6."""
from crafted import ACK, PSH, SYN
from crafted_ip import AUTHENTICATION, DESTINATION, HOP_BY_HOP, ROUTING, Version4, extension
from strategies import UNREADABLE, begin, strategy

ONLY_4 = 4, "options of its header"
ONLY_6 = 6, "extension headers"
NO_LABEL = 6, "flow labels"

RECORD_ROUTE = b"\x07\x1b\x04" + bytes(24)
TIMESTAMPS = b"\x44\x24\x05\x01" + bytes(32)
UNKNOWN_SKIPPED = b"\x1e\x04\xab\xcd"  # an experiment's (RFC 4727)


# --- fragments

@strategy
def fragments_tiny(s):
    begin(s)
    # What begins a packet has the whole header of TCP in IPv6 (RFC 7112).
    s.line("second", pieces=[8, 16, 24, 32] if s.wire.version is Version4 else [24, 32])
    s.look("tiny")
    s.finish()


@strategy
def fragments_with_first_data(s):
    s.open()
    s.line("first, in fragments", pieces=[24, 40])
    s.look("begin")
    s.finish()


@strategy
def fragments_that_overlap(s):
    """RFC 5722, and what Linux does in IPv4, too: nothing of it is taken."""
    begin(s)
    s.craft(ACK | PSH, 6, b"XXXXXXXXXXXXXXX\n", ranges=[(0, 40), (32, 48)])
    s.look("?overlap")
    s.line("second")
    s.finish()


@strategy
def fragments_in_disorder(s):
    begin(s)
    s.line("second, in fragments", ranges=[(40, 53), (0, 24), (24, 40)])
    s.look("disorder")
    s.finish()


@strategy(only=ONLY_6)
def fragments_behind_headers(s):
    begin(s)
    s.line("second", headers=[(DESTINATION, extension())], pieces=[24, 32])
    s.look("before")
    s.line("third", inner=[(DESTINATION, extension())], pieces=[32, 40])
    s.look("behind")
    s.finish()


@strategy(only=ONLY_6)
def fragments_that_overlap_behind_headers(s):
    begin(s)
    s.craft(ACK | PSH, 6, b"XXXXXXXXXXXXXXX\n", ranges=[(0, 40), (32, 56)],
            inner=[(DESTINATION, extension())])
    s.look("?overlap")
    s.line("second")
    s.finish()


@strategy(only=ONLY_6)
def fragment_atomic(s):
    """A fragment that is all of it (RFC 6946)."""
    s.open(atomic=True)
    s.line("first", atomic=True)
    s.look("begin")
    s.line("second", atomic=True, headers=[(DESTINATION, extension())])
    s.finish()


@strategy(only=ONLY_6, excused=UNREADABLE)
def fragment_without_header(s):
    """Its first piece has not the whole header (RFC 7112)."""
    begin(s)
    s.craft(ACK | PSH, 6, b"XXXXXX\n", pieces=[8, 16, 32])
    s.look("?pieces")
    s.line("second")
    s.finish()


# --- lengths

@strategy
def length_in_ip_header_short(s):
    begin(s)
    s.craft(ACK | PSH, 6, b"second\n", length=54)
    s.look("cut")
    s.data("second\n")
    s.insist()
    s.look("whole")
    s.finish()


# --- options of IPv4

def with_options(name, options):
    """Data that goes with them from the first packet on."""
    def play(s):
        s.open(ip_options=options)
        s.line("first", ip_options=options)
        s.look("begin")
        s.line("second", ip_options=options)
        s.craft(ACK, ip_options=options)
        s.look("second")
        s.finish()

    play.__name__ = name
    strategy(play, only=ONLY_4)


with_options("option_record_route", RECORD_ROUTE)
with_options("option_timestamps", TIMESTAMPS)
with_options("option_router_alert", b"\x94\x04\0\0")
with_options("option_unknown", UNKNOWN_SKIPPED)


def refused(name, more, only, **options):
    """Data in a packet that the server will not take; then the right one, and the same at the beginning."""
    def play(s):
        s.open()
        s.craft(ACK | PSH, 0, b"XXXXX\n", **more)
        s.look("?first")
        s.line("first")
        s.craft(ACK | PSH, 6, b"XXXXXX\n", **more)
        s.look("?second")
        s.line("second")
        s.craft(SYN, 5000, **more)
        s.look("?syn")
        s.finish()

    play.__name__ = name
    strategy(play, only=only, **options)


for each, wrong in {
        "option_source_route": b"\x83\x07\x04\xc6\x33\x64\x09",
        "option_strict_source_route": b"\x89\x07\x04\xc6\x33\x64\x09",
        "option_cut": b"\x01\x01\x01\x1e",
        "option_too_long": b"\x1e\x0a\x00\x00",
        "option_record_route_cut": b"\x07\x04\x04\x00",
        "option_record_route_pointer": b"\x07\x07\x01\x00\x00\x00\x00",
        "option_route_twice": b"\x07\x07\x04\0\0\0\0" * 2,
        "option_timestamps_pointer": b"\x44\x08\x04\x00\0\0\0\0",
}.items():
    refused(each, {"ip_options": wrong}, ONLY_4)


# --- extension headers of IPv6

def taken(name, headers):
    """From the first packet on; what a server skips."""
    def play(s):
        s.open(headers=headers)
        s.line("first", headers=headers)
        s.look("begin")
        s.line("second", headers=headers)
        s.look("second")
        s.finish()

    play.__name__ = name
    strategy(play, only=ONLY_6)


OPTIONS = (DESTINATION, extension())
for each, chain in {
        "header_hop_by_hop": [(HOP_BY_HOP, extension())],
        "header_destination": [OPTIONS],
        "header_destination_twice": [OPTIONS, OPTIONS],
        "header_destination_nine_times": [OPTIONS] * 9,
        "header_all": [(HOP_BY_HOP, extension()), OPTIONS, OPTIONS],
        "header_long": [(DESTINATION, extension(b"\x01\x05\0\0\0\0\0" + b"\x1e\xf0" + bytes(240)))],
        "header_option_unknown_skipped": [(DESTINATION, extension(UNKNOWN_SKIPPED))],
        "header_routing_passed": [(ROUTING, bytes([0, 0, 0]) + bytes(4))],
        "header_router_alert": [(HOP_BY_HOP, extension(b"\x05\x02\0\0"))],
}.items():
    taken(each, chain)

for each, chain in {
        "header_option_unknown_discarded": [(DESTINATION, extension(b"\x5e\x02\0\0"))],
        "header_option_unknown_told": [(DESTINATION, extension(b"\x9e\x02\0\0"))],
        "header_option_unknown_told_one": [(DESTINATION, extension(b"\xde\x02\0\0"))],
        "header_option_cut": [(DESTINATION, bytes([0]) + b"\x1e\x0a\0\0\0\0")],
        "header_padding_with_content": [(DESTINATION, bytes([0]) + b"\x01\x04\0\0\0\1")],
        "header_padding_long": [(DESTINATION, bytes([1]) + b"\x01\x0c" + bytes(12))],
        "header_options_many": [(DESTINATION, extension(b"\x1e\0" * 10))],
        "header_home_address": [(DESTINATION, extension(b"\0\0\xc9\x10" + bytes(16)))],
        "header_routing_segments_passed": [(ROUTING, bytes([2, 4, 0, 0, 0, 0, 0]) + bytes(16))],
        "header_authentication": [(AUTHENTICATION, bytes([4, 0, 0]) + bytes(20))],
        "header_unknown": [(253, bytes([0]) + bytes(6))],
}.items():
    refused(each, {"headers": chain}, ONLY_6)

for each, chain in {
        "header_hop_by_hop_late": [OPTIONS, (HOP_BY_HOP, extension())],
        "header_routing_ahead": [(ROUTING, bytes([2, 0, 1]) + bytes(20))],
}.items():
    refused(each, {"headers": chain}, ONLY_6, excused=UNREADABLE)


# --- flow labels

@strategy(only=NO_LABEL)
def label_changes(s):
    s.open(label=1)
    s.line("first", label=0xfffff)
    s.look("begin")
    s.line("second", label=0)
    s.line("third", label=0x12345)
    s.data("fo", label=7)
    s.data("urth\n", label=8)
    s.insist()
    s.look("fourth")
    s.finish()


@strategy(only=NO_LABEL)
def label_of_a_copy(s):
    begin(s)
    s.craft(ACK | PSH, 6, b"second\n", label=3)
    s.listen(0.05)
    s.data("second\n", label=4)
    s.insist()
    s.look("copy")
    s.finish()
