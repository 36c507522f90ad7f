# SPDX-License-Identifier: BSD-2-Clause
"""What an attacker can do with packets: the register of it. See craft.

A strategy is a function that gets a session that is not open yet; where the session survives, it
ends with a line that is answered and an orderly close. Its name is that of the table in
../script/README.md.
"""

STRATEGIES = {}  # by name: the function, and options of the session
MD5 = b"\x13\x12" + bytes(range(16)) + b"\x01\x01"  # an option that nobody asked for


def strategy(function=None, **options):
    def add(function):
        STRATEGIES[function.__name__.replace("_", "-")] = function, options
        return function

    return add(function) if function else add


def begin(s, text="first"):
    s.open()
    s.line(text)
    s.look("begin")
