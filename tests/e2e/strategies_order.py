# SPDX-License-Identifier: BSD-2-Clause
"""Copies, overlaps and order of segments; how sessions begin, end and are reset."""
from crafted import ACK, FIN, PSH, RST, SYN
from strategies import MD5, SHARED, begin, strategy


# --- copies, overlaps, order

@strategy
def plain(s):
    begin(s)
    s.line("second")
    s.line("third")
    s.finish()


@strategy
def retransmission_other_content(s):
    begin(s)
    s.craft(ACK | PSH, 0, b"XXXXX\n")
    s.look("copy")
    s.data("sec")
    s.listen()
    s.craft(ACK | PSH, 6, b"XXX")
    s.craft(ACK | PSH, 6, b"XXXond\n")
    s.data("ond\n")
    s.insist()
    s.look("line")
    s.finish()


@strategy
def overlap_lower_newer(s):
    begin(s)
    s.data("bbbb\n", at=10)
    s.data("aaaaAAA", at=6)
    s.insist()
    s.look("overlap")
    s.finish()


@strategy
def overlap_higher_newer(s):
    begin(s)
    s.data("bbbb", at=8)
    s.data("BBcccc\n", at=10)
    s.data("aa", at=6)
    s.insist()
    s.look("overlap")
    s.finish()


@strategy
def overlap_covers_older(s):
    begin(s)
    s.data("bb", at=10)
    s.data("ccCCcc\n", at=8)
    s.data("aa", at=6)
    s.insist()
    s.look("overlap")
    s.finish()


@strategy
def overlap_same_start_longer(s):
    begin(s)
    s.data("bb", at=8)
    s.data("CCcccc\n", at=8)
    s.data("aa", at=6)
    s.insist()
    s.look("overlap")
    s.finish()


@strategy
def overlap_same_start_shorter(s):
    begin(s)
    s.data("bbbbbb\n", at=8)
    s.data("CCC", at=8)
    s.data("aa", at=6)
    s.insist()
    s.look("overlap")
    s.finish()


@strategy
def overlap_inside_older(s):
    begin(s)
    s.data("bbbbbb\n", at=8)
    s.data("CC", at=10)
    s.data("aa", at=6)
    s.insist()
    s.look("overlap")
    s.finish()


@strategy
def overlap_filler_longer(s):
    begin(s)
    s.data("bbbb\n", at=8)
    s.data("aaAAAA", at=6)
    s.insist()
    s.look("overlap")
    s.finish()


@strategy
def overlap_two_runs(s):
    begin(s)
    s.data("bb", at=8)
    s.data("dd\n", at=12)
    s.data("CCccCC", at=7)
    s.data("a", at=6)
    s.insist()
    s.look("overlap")
    s.finish()


@strategy
def overlap_behind_acknowledged(s):
    begin(s)
    s.data("XXsecond\n", at=4)
    s.insist()
    s.look("overlap")
    s.finish()


@strategy
def tiny_segments(s):
    s.open()
    for letter in "first\n":
        s.data(letter)
    s.insist(13)
    s.look("begin")
    for letter in "one byte at a time\n":
        s.data(letter)
    s.insist()
    s.look("tiny")
    s.finish()


@strategy
def out_of_order_from_the_start(s):
    s.open()
    text = "first line, backwards\n"
    for at in range(len(text) - 1, -1, -3):
        low = max(at - 2, 0)
        s.data(text[low:at + 1], at=low)
    s.insist()
    s.look("begin")
    s.finish()


# --- SYN

@strategy
def syn_with_data(s):
    s.open(payload=b"first\n")
    s.look("open")
    s.line("first")
    s.look("begin")
    s.finish()


@strategy
def syn_repeated(s):
    s.open()
    s.craft(SYN, -1)
    s.look("?repeated")
    s.line("first")
    s.finish()


@strategy
def syn_on_live_flow(s):
    begin(s)
    s.craft(SYN, 70000)
    s.look("?new number")
    s.craft(SYN, 0)
    s.look("?in window")
    s.craft(SYN, 6, b"with data")
    s.look("?with data")
    s.line("second")
    s.finish()


@strategy
def syn_ack_on_live_flow(s):
    begin(s)
    s.craft(SYN | ACK, 6)
    s.look("?in window")
    s.craft(SYN | ACK, 70000)
    s.look("?elsewhere")
    s.line("second")
    s.finish()


@strategy
def syn_fin_first(s):
    s.craft(SYN | FIN, -1)
    s.look("?syn fin")
    begin(s)
    s.finish()


@strategy
def syn_reset_first(s):
    s.craft(SYN | RST, -1)
    s.look("?syn rst")
    begin(s)
    s.finish()


@strategy
def fin_first(s):
    s.craft(FIN, -1)
    s.look("?fin")
    begin(s)
    s.finish()


@strategy(dnat=SHARED)
def ack_first(s):
    s.craft(ACK, -1, ack=12345)
    s.look("?ack")
    begin(s)
    s.finish()


@strategy
def no_flags_first(s):
    s.craft(0, -1)
    s.look("?null")
    begin(s)
    s.finish()


@strategy
def data_first(s):
    s.craft(PSH, 0, b"first\n")
    s.look("?data")
    begin(s)
    s.finish()


@strategy
def syn_with_another_number_first(s):
    s.craft(SYN, 5000)
    s.look("?decoy")
    s.craft(RST, 5001)
    s.look("?reset")
    begin(s)
    s.finish()


@strategy(dnat=SHARED)
def syn_that_dies_first(s):
    s.craft(SYN, 5000, ttl=5)
    s.look("?decoy")
    begin(s)
    s.finish()


@strategy
def syn_garbled_first(s):
    s.craft(SYN, 5000, bad_checksum=True)
    s.look("?decoy")
    begin(s)
    s.finish()


@strategy
def handshake_ack_wrong(s):
    s.silent = True
    s.connect()
    s.craft(ACK, ack=s.irs + 5000)
    s.look("?wrong")
    s.silent = False
    s.line("first")
    s.finish()


@strategy
def handshake_without_ack(s):
    s.silent = True
    s.connect()
    s.silent = False
    s.line("first")
    s.look("begin")
    s.finish()


# --- FIN

@strategy
def fin_with_data(s):
    begin(s)
    s.data("second\n", flags=ACK | PSH | FIN)
    s.insist()
    s.ended()
    s.look("end")


@strategy
def fin_with_first_data(s):
    s.open()
    s.data("first\n", flags=ACK | PSH | FIN)
    s.insist()
    s.ended()
    s.look("end")


@strategy
def fin_before_data(s):
    begin(s)
    s.data("", at=13, flags=ACK | FIN)
    s.listen()
    s.data("second\n", at=6)
    s.insist()
    s.ended()
    s.look("end")


@strategy
def data_behind_fin(s):
    begin(s)
    s.fin()
    s.craft(ACK | PSH, 7, b"more\n")
    s.insist()
    s.ended()
    s.look("end")


@strategy
def half_close_early(s):
    s.open()
    s.fin()
    s.insist()
    s.ended()
    s.look("end")


def closed_by_server(s):
    begin(s)
    s.line("close")
    s.ended()
    s.look("closed")
    s.fin()
    s.insist()
    s.look("end")


@strategy
def server_closes_first(s):
    closed_by_server(s)


@strategy
def simultaneous_close(s):
    begin(s)
    s.silent = True
    s.data("close\n")
    s.data("", flags=ACK | FIN)
    s.insist()
    s.ended()
    s.silent = False
    s.look("end")


def reopened(s, isn, name):
    """The port again, with another number."""
    s.isn, s.irs, s.sent, s.meant, s.text = isn & 0xffffffff, None, 0, [], {}
    s.acknowledged, s.server_fin = 0, None
    s.craft(SYN, -1)
    s.wait(lambda: s.irs is not None, 1)
    s.look(name)


@strategy(stamps=False)
def port_reused_higher(s):
    closed_by_server(s)
    reopened(s, s.isn + 100000, "?again")
    s.acknowledge()
    s.line("first")
    s.finish()


@strategy(stamps=False,
          dnat=("differs", "conntrack takes the SYN for a new session: the answer would not be translated"))
def port_reused_lower(s):
    closed_by_server(s)
    reopened(s, s.isn - 100000, "?again")


@strategy
def port_reused_after_own_close(s):
    begin(s)
    s.finish()
    reopened(s, s.isn - 100000, "?again")
    s.acknowledge()
    s.line("first")
    s.finish()


# --- RST

@strategy
def reset_in_window(s):
    begin(s)
    s.craft(RST, 106)
    s.look("?reset")
    s.line("second")
    s.finish()


@strategy
def reset_out_of_window(s):
    begin(s)
    s.craft(RST, 5000000)
    s.craft(RST, -5000)
    s.look("?reset")
    s.line("second")
    s.finish()


@strategy
def reset_old_number(s):
    s.open()
    s.data("fir")
    s.listen(0.01)
    s.craft(RST, 0)
    s.look("?reset")
    s.data("st\n")
    s.insist()
    s.look("begin")
    s.line("second")
    s.finish()


@strategy
def reset_exact(s):
    begin(s)
    s.craft(RST, 6)
    s.look("?reset")
    s.craft(ACK | PSH, 6, b"after it\n")
    s.look("?after it")


@strategy
def reset_exact_with_ack(s):
    begin(s)
    s.craft(RST | ACK, 6)
    s.look("?reset")
    s.craft(ACK, 6)
    s.look("?after it")


@strategy
def reset_behind_hole(s):
    begin(s)
    s.craft(ACK | PSH, 10, b"ond\n")
    s.listen()
    s.craft(RST, 14)
    s.look("?reset")
    s.craft(ACK, 6)
    s.look("?after it")


@strategy
def reset_with_data(s):
    begin(s)
    s.craft(RST, 50, b"second\n")
    s.look("?reset")
    s.line("second")
    s.finish()


@strategy
def reset_garbled(s):
    begin(s)
    s.craft(RST, 6, bad_checksum=True)
    s.craft(RST | ACK, 6, bad_checksum=True)
    s.look("?reset")
    s.line("second")
    s.finish()


@strategy
def reset_that_dies(s):
    begin(s)
    s.craft(RST, 6, ttl=5)
    s.look("?reset")
    s.line("second")
    s.finish()


@strategy
def reset_md5(s):
    begin(s)
    s.craft(RST, 6, options=MD5)
    s.look("?reset")
    s.line("second")
    s.finish()


@strategy
def reset_before_data(s):
    s.open()
    s.craft(RST, 77)
    s.look("?reset")
    s.line("first")
    s.finish()
