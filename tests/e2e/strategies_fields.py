# SPDX-License-Identifier: BSD-2-Clause
"""Numbers, windows, flags, options that receivers take in their own way, or refuse."""
from crafted import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG
from strategies import MD5, SHARED, begin, strategy

NEAR_WRAP = 0xfffffff0


# --- ACK, window

@strategy
def ack_of_what_was_never_sent(s):
    begin(s)
    s.craft(ACK, ack=s.next() + 10000)
    s.look("?ack")
    s.craft(ACK | PSH, 6, b"XXXXXX\n", ack=s.next() + 10000)
    s.look("?data")
    s.line("second")
    s.finish()


@strategy
def ack_very_old(s):
    begin(s)
    s.craft(ACK | PSH, 6, b"XXXXXX\n", ack=s.irs - 1000)
    s.look("?before")
    s.craft(ACK | PSH, 6, b"XXXXXX\n", ack=s.irs - 200000)
    s.look("?long before")
    s.line("second")
    s.finish()


@strategy
def ack_old(s):
    begin(s)
    s.data("second\n", ack=s.irs + 1)
    s.insist()
    s.look("data")
    s.finish()


@strategy
def ack_field_without_flag(s):
    begin(s)
    s.craft(PSH, 6, b"XXXXXX\n")
    s.look("?data")
    s.line("second")
    s.finish()


@strategy
def data_beyond_window(s):
    begin(s)
    s.craft(ACK | PSH, 3000000, b"XXXXXX\n")
    s.look("?data")
    s.line("second")
    s.finish()


@strategy
def data_before_window(s):
    begin(s)
    s.craft(ACK | PSH, -3000, b"XXXXXX\n")
    s.look("?data")
    s.line("second")
    s.finish()


@strategy
def closed_window(s):
    begin(s)
    s.window = 0
    s.craft(ACK)
    s.data("second\n")
    s.insist()
    s.look("closed")
    s.window = 64240
    s.craft(ACK)
    s.answered(2)
    s.look("open")
    s.finish()


@strategy
def closed_window_big(s):
    begin(s)
    s.window = 4
    s.data("big\n")
    s.insist()
    s.look("closed")
    s.window = 64240
    s.craft(ACK)
    s.wait(lambda: len(s.stream()) >= 13 + 13 + 4000 - 2)
    s.look("open")
    s.line("")
    s.finish()


@strategy
def keep_alive(s):
    begin(s)
    s.craft(ACK, 5)
    s.look("?empty")
    s.craft(ACK, 5, b"X")
    s.look("?garbage")
    s.line("second")
    s.finish()


# --- flags

@strategy
def no_flags(s):
    begin(s)
    s.craft(0, 6, b"XXXXXX\n")
    s.look("?data")
    s.line("second")
    s.finish()


@strategy
def fin_without_ack(s):
    begin(s)
    s.craft(FIN, 6)
    s.craft(FIN | PSH, 6, b"XXXXXX\n")
    s.look("?fin")
    s.line("second")
    s.finish()


@strategy
def christmas_tree(s):
    begin(s)
    s.craft(FIN | PSH | URG, 6, b"XXXXXX\n", urgent=3)
    s.look("?tree")
    s.line("second")
    s.finish()


@strategy
def syn_fin_on_live_flow(s):
    begin(s)
    s.craft(SYN | FIN, 6, b"XXXXXX\n")
    s.look("?syn fin")
    s.craft(SYN | RST, 3000)
    s.look("?syn rst")
    s.line("second")
    s.finish()


@strategy
def reserved_bits(s):
    begin(s)
    s.line("second", reserved=15)
    s.look("reserved")
    s.line("third", flags=ACK | PSH | CWR)
    s.finish()


@strategy
def ecn(s):
    s.open(flags=SYN | ECE | CWR)
    s.line("first")
    s.look("begin")
    s.line("second", tos=2)
    s.look("capable")
    s.line("third", tos=3)
    s.look("congested")
    s.line("fourth", tos=2, flags=ACK | PSH | CWR)
    s.look("reduced")
    s.finish()


@strategy
def urgent_data(s):
    begin(s)
    s.data("se!cond\n", flags=ACK | PSH | URG, urgent=3)
    s.insist()
    s.look("urgent")
    s.finish()


@strategy
def urgent_first_byte(s):
    s.open()
    s.data("!first\n", flags=ACK | PSH | URG, urgent=1)
    s.insist()
    s.look("begin")
    s.finish()


@strategy
def urgent_ahead(s):
    begin(s)
    s.data("sec", flags=ACK | PSH | URG, urgent=5)
    s.listen(0.05)
    s.data("o!nd\n")
    s.insist()
    s.look("urgent")
    s.finish()


@strategy
def urgent_pointer_without_flag(s):
    begin(s)
    s.line("second", urgent=3)
    s.look("pointer")
    s.finish()


@strategy
def urgent_pointer_beyond(s):
    begin(s)
    s.line("second", flags=ACK | PSH | URG, urgent=5000)
    s.look("pointer")
    s.finish()


# --- what a receiver refuses

@strategy
def data_garbled(s):
    begin(s)
    s.craft(ACK | PSH, 6, b"XXXXXX\n", bad_checksum=True)
    s.look("?data")
    s.line("second")
    s.finish()


@strategy
def data_that_dies(s):
    begin(s)
    s.craft(ACK | PSH, 6, b"XXXXXX\n", ttl=5)
    s.look("?data")
    s.line("second")
    s.finish()


@strategy
def first_data_that_dies(s):
    s.open()
    s.craft(ACK | PSH, 0, b"XXXXX\n", ttl=8)
    s.look("?data")
    s.line("first")
    s.finish()


@strategy
def fin_that_dies(s):
    begin(s)
    s.craft(ACK | FIN, 6, ttl=5)
    s.look("?fin")
    s.line("second")
    s.finish()


@strategy
def data_that_dies_at_the_gateway(s):
    begin(s)
    s.craft(ACK | PSH, 6, b"XXXXXX\n", ttl=1)
    s.look("?data")
    s.line("second")
    s.finish()


@strategy
def data_md5(s):
    begin(s)
    s.craft(ACK | PSH, 6, b"XXXXXX\n", options=MD5)
    s.look("?data")
    s.line("second")
    s.finish()


@strategy
def first_data_md5(s):
    s.open()
    s.craft(ACK | PSH, 0, b"XXXXX\n", options=MD5)
    s.look("?data")
    s.line("first")
    s.finish()


@strategy(dnat=SHARED)
def syn_md5_first(s):
    s.craft(SYN, 5000, options=b"\x02\x04\x05\xb4" + MD5)
    s.look("?syn")
    begin(s)
    s.finish()


@strategy
def unknown_option(s):
    begin(s)
    s.line("second", options=b"\xfd\x04\xab\xcd")
    s.line("third", options=b"\x1c\x04\x12\x34")
    s.look("taken")
    s.finish()


@strategy
def malformed_options(s):
    begin(s)
    s.line("second", options=b"\x08\x00\x00\x00")
    s.line("third", options=b"\x08\x28\x00\x00")
    s.line("fourth", options=b"\x05\x03\x00\x01")
    s.line("fifth", options=b"\x01" * 39 + b"\x08")
    s.look("taken")
    s.finish()


@strategy
def data_offset_too_small(s):
    begin(s)
    s.craft(ACK | PSH, 6, b"XXXXXX\n", offset=3)
    s.craft(ACK | PSH, 6, b"XXXXXX\n", offset=0)
    s.look("?data")
    s.line("second")
    s.finish()


@strategy
def data_offset_too_large(s):
    begin(s)
    s.craft(ACK | PSH, 6, b"XXXXXX\n", options=b"", offset=15)
    s.look("?data")
    s.line("second")
    s.finish()


@strategy
def timestamp_old(s):
    begin(s)
    s.craft(ACK | PSH, 6, b"XXXXXX\n", options=s.stamp(s.now() - 100000))
    s.look("?data")
    s.line("second")
    s.finish()


@strategy
def timestamp_old_first_data(s):
    s.open()
    s.craft(ACK | PSH, 0, b"XXXXX\n", options=s.stamp(s.now() - 100000))
    s.look("?data")
    s.line("first")
    s.finish()


@strategy
def timestamp_missing(s):
    begin(s)
    s.line("second", options=b"")
    s.look("taken")
    s.finish()


@strategy
def timestamp_far_ahead(s):
    begin(s)
    s.line("second", options=s.stamp(s.now() + 1000000))
    s.look("taken")
    s.craft(ACK | PSH, s.sent, b"XXXXX\n")
    s.look("?now old")
    s.clock += 1000000
    s.line("third")
    s.finish()


@strategy(stamps=False)
def timestamp_never_negotiated(s):
    begin(s)
    s.stamps = True
    s.line("second")
    s.stamps = False
    s.look("taken")
    s.finish()


@strategy(isn=NEAR_WRAP, clock=0xffffff00)
def wrap_around(s):
    begin(s)
    s.data("second, across the wrap\n", at=6)
    s.insist()
    s.data("ird\n", at=32)
    s.data("th", at=30)
    s.insist()
    s.look("wrapped")
    s.finish()
