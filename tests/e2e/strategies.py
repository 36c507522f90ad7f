# SPDX-License-Identifier: BSD-2-Clause
"""What an attacker can do with packets: the register of it. See craft.

A strategy is a function that gets a session that is not open yet; where the session survives, it
ends with a line that is answered and an orderly close. Its name is that of the table in
../script/README.md.
"""

STRATEGIES = {}  # by name: the function, and options of the session
ONLY = {}        # by name: the one version of IP in which it can be played, and why
# By name: what is not as in a direct session ("stays", "differs"), and why; the latter behind DNAT only.
EXCUSED, BEHIND_DNAT = {}, {}
MD5 = b"\x13\x12" + bytes(range(16)) + b"\x01\x01"  # an option that nobody asked for


def strategy(function=None, only=None, excused=None, dnat=None, **options):
    def add(function):
        name = function.__name__.replace("_", "-")
        STRATEGIES[name] = function, options
        if only:
            ONLY[name] = only
        if excused:
            EXCUSED[name] = excused
        if dnat:
            BEHIND_DNAT[name] = dnat
        return function

    return add(function) if function else add

# Behind DNAT all sessions from one port are one flow, which stays with the frontend.
SHARED = "stays", "one port, two sessions"
# What is not told is that the packet was refused.
UNREADABLE = "differs", "the gateway drops what it cannot read"


def begin(s, text="first"):
    s.open()
    s.line(text)
    s.look("begin")
