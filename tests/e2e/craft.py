#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Plays strategies, and compares what came of it. See craft, and strategies.py.

usage: craft.py play FROM TO RESULT PORT[,PORT...] SECRET[,SECRET...] [NAME...]
       craft.py compare [--dnat] DIRECT... -- THROUGH
                                    beside each: what the applications got; behind DNAT

Directly played results say what is right; where they differ among themselves, each of them is. Of what
came through, no packet may contain one of the secret addresses.
"""
import collections
import concurrent.futures
import json
import random
import sys
import traceback

import strategies_fields  # noqa: F401  (each of them registers what it has)
import strategies_ip      # noqa: F401
import strategies_order   # noqa: F401
import strategies_tools   # noqa: F401
from crafted import Session, Wire
from strategies import BEHIND_DNAT, EXCUSED, ONLY, STRATEGIES

AT_ONCE = 48
NAMES = "a packet names"


def play_one(wire, name, port):
    function, options = STRATEGIES[name]
    options = dict(options)
    chance = random.Random(f"{name} {port}")
    isn = options.pop("isn", chance.randrange(1 << 32))
    clock = options.pop("clock", chance.randrange(1 << 31))
    session = Session(wire, port, isn, clock, **options)
    failure = None
    try:
        function(session)
    except Exception:  # noqa: BLE001  (told with the result)
        failure = traceback.format_exc()
    return {"name": name, "port": port, "from": session.sport, "packets": session.count,
            "views": session.views, "failure": failure}


def playable(version):
    """Says what cannot be played in this version of IP."""
    for name in STRATEGIES:
        only, reason = ONLY.get(name, (version, None))
        if only == version:
            yield name
        else:
            print(f"skipped  {name}: only in IPv{only}: {reason}")


def play(source, address, result, ports, secrets, *names):
    wire = Wire("eth0", source, address, random.randrange(10000, 20000), secrets.split(","))
    names = names or list(playable(6 if ":" in address else 4))
    jobs = [(name, port) for port in map(int, ports.split(",")) for name in names]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda job: play_one(wire, *job), jobs))
    with open(result, "w", encoding="ascii") as file:
        json.dump(results, file)


def recorded(path):
    """What each session's application got: pieces put together, urgent bytes, how it ended."""
    streams = collections.defaultdict(list)
    with open(path, encoding="ascii") as file:
        for line in file:
            entry = json.loads(line)
            session = streams[entry.pop("port"), entry.pop("from")]
            if "begin" in entry:
                session.append({"data": "", "urgent": "", "end": ""})
            for key, value in entry.items():
                if key != "begin":
                    session[-1][key] += value + ("; " if key == "end" else "")
    return streams


def results(path):
    with open(path, encoding="ascii") as file:
        return json.load(file)


def is_among(view, right):
    """
    As in some direct session; SACK blocks may be less, as if a packet had got lost on its way: what
    comes behind a hole during a handover has to be sent again.
    """
    def within(block, others):
        return any(left <= block[0] and block[1] <= right for left, right in others)

    aside = {"sack": None, "named": None}
    return any({**view, **aside} == {**other, **aside} and
               all(within(block, other["sack"]) for block in view["sack"]) for other in right)


def difference(wanted, got):
    """Phases are compared one by one; None if each is as in some direct session."""
    for number, view in enumerate(got["views"]):
        right = [w["views"][number] for w in wanted if number < len(w["views"])]
        if view["named"]:
            return f"    {view['phase']}: {NAMES} {view['named']}"
        if not is_among(view, right):
            close = right[0] if right else {}
            fields = [key for key in view if view[key] != close.get(key) and key != "named"]
            return "\n".join(f"    {view['phase']}: {key} is {view[key]!r}, not {close.get(key)!r}"
                             for key in fields)
    if got["failure"]:
        return got["failure"]
    return None


def streams_differ(wanted, got, front, back):
    """The applications that served at the end got what those in a direct session get."""
    def in_order(sessions):
        return sorted(sessions, key=lambda session: (session["data"], session["end"]))

    right = [in_order(w["stream"]) for w in wanted]
    key = got["port"], got["from"]
    served = in_order(back.get(key, []) + [
        session for session in front.get(key, [])
        if not any(later["data"].startswith(session["data"]) for later in back.get(key, []))])
    if served not in right:
        return f"    the application got {served}, not {right[0]}"
    return None


def verdict(wrong, handed, excused):
    """What is to be said of a strategy; good if it begins with "direct" or "excused"."""
    if not wrong:
        kind = "direct" if handed else "escapes"
        return "excused" if kind == "escapes" and excused == "stays" else kind
    named = any(NAMES in text for _, texts in wrong for text in texts)
    return "excused" if excused == "differs" and not named else "differs"


def compare(*arguments):
    excuses = EXCUSED
    if arguments[0] == "--dnat":
        excuses, arguments = EXCUSED | BEHIND_DNAT, arguments[1:]
    split = arguments.index("--")
    wanted = collections.defaultdict(list)
    for path in arguments[:split]:
        told = recorded(path + ".frontend")
        for result in results(path):
            result["stream"] = told.get((result["port"], result["from"]), [])
            wanted[result["name"]].append(result)
    played = arguments[split + 1]
    front, back = recorded(played + ".frontend"), recorded(played + ".backend")
    failed = collections.defaultdict(list)
    handed, total = collections.Counter(), collections.Counter()
    for got in results(played):
        name = got["name"]
        total[name] += 1
        handed[name] += (got["port"], got["from"]) in back
        wrong = [difference(wanted[name], got), streams_differ(wanted[name], got, front, back)]
        if any(wrong):
            failed[name].append((got["port"], [w for w in wrong if w]))
    verdicts = collections.Counter()
    for name in total:
        kind, reason = excuses.get(name, (None, None))
        word = verdict(failed[name], handed[name], kind)
        verdicts[word] += 1
        print(f"{word:8} {name}: {handed[name]} of {total[name]} handed over"
              + (f"; {kind}: {reason}" if word == "excused" else ""))
        for port, wrong in failed[name] if word != "excused" else []:
            print(f"  port {port}:")
            print("\n".join(wrong))
    print(", ".join(f"{count} {word}" for word, count in sorted(verdicts.items())))
    return 0 if verdicts and not verdicts["differs"] + verdicts["escapes"] else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["play"]:
        sys.exit(play(*sys.argv[2:]))
    if sys.argv[1:2] == ["compare"]:
        sys.exit(compare(*sys.argv[2:]))
    sys.exit(__doc__)
