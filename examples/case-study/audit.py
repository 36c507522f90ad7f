#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares what honeybridd wrote down in the case study with what the attackers did.

usage: audit.py DIRECTORY

In the directory: journal (of attack.py), honeybrid.log, source.db, hash.db, control.db, and figures, lines
"name number": attackers, counter, max_packet, outbreak, frontend_outbreak, syn_tries, queued_packets,
queued_bytes, and what was counted on the outer wire (wire_...).

Nothing here is a guess: each figure follows from the journal. Who of those that came again was let in is
the module random's choice; the journal says whom it chose, and the log must say the same. The status is 0
if all is as it should be.
"""
import collections
import hashlib
import json
import os
import re
import sys

QUAD = re.compile(rb"\d{1,3}(?:\.\d{1,3}){3}")
FRONTEND, BACKEND = "198.51.100.9", "203.0.113.9"
PORT = 80


class Audit:
    def __init__(self):
        self.wrong = 0

    def check(self, what, expected, found):
        good = expected == found
        self.wrong += not good
        if good and isinstance(found, (int, str)):
            print(f"   {'ok':9} {what}: {found}")
        elif good:
            print(f"   {'ok':9} {what}: all")
        else:
            print(f"   {'WRONG':9} {what}")
            for name, value in ("expected", expected), ("found", found):
                print(f"   {'':9} {name + ':':9} {str(value)[:300]}")

    def check_each(self, what, expected, found):
        """Two dictionaries; says what differs."""
        keys = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
        self.check(f"{what} ({len(expected)})", {key: expected.get(key) for key in keys[:3]},
                   {key: found.get(key) for key in keys[:3]})


# What the files say


def read_figures(path):
    with open(path, encoding="utf-8") as lines:
        return {name: int(value) for name, value in (line.split() for line in lines)}


def read_journal(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_log(path):
    """(protocol, from, to) -> packets, bytes, state, trace; every flow of the log, once."""
    flows = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            fields = line.split()
            key = fields[3], fields[4], fields[6]
            if key in flows:
                sys.exit(f"two flows {key} in the log")
            trace = fields[13].partition("|")[2]  # " ** id INIT DECISION"
            flows[key] = int(fields[7]), int(fields[8]), fields[9], trace
    return flows


def read_state(path):
    """group -> key -> values, the count first."""
    groups = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith("["):
                entries = groups.setdefault(line.strip("[]"), {})
            elif line and not line.startswith("#"):
                key, _, values = line.partition("=")
                entries[key] = values.split("\t")
    return groups


# What follows from the journal


def flow_key(session):
    protocol = "UDP" if session["kind"] == "noise" else "TCP"
    return (protocol, f"{session['source']}:{session['port']}",
            f"{session['attacked']}:{session['attacked_port']}")


def digest(payload):
    return hashlib.sha1(QUAD.sub(b"<0.0.0.0>", payload)).hexdigest()


def asked_about(session):
    """The payloads that the rules saw: up to the one that handed the session over."""
    return [payload.encode() for payload in session["payloads"]][:session["asked"]]


def mark_handovers(sessions, counter):
    """How many payloads of the slow ones were asked about, and which module handed them over."""
    primers = 0
    for session in sessions:
        session["asked"] = len(session["payloads"])
        session["module"] = "hash" if session["by"] == "backend" else None
        if session["kind"] != "slow":
            continue
        if primers < 2:
            primers += 1
            session["asked"] = primers  # its first line is new, then the second one's second
        else:
            session["asked"] = counter - 1  # the client's packets 0 and 1 are SYN and ACK
            session["module"] = "counter"


def expected_state(session):
    if session["by"] is None:
        return "DROPPED"
    return "FORWARD" if session["by"] == "backend" else "DECISION"


def expected_trace(session):
    if session["by"] is None:
        return "."  # it was never in DECISION
    modules = ["-source", "+random"] if session["kind"] == "again" else ["+source"]
    # The last answer of each: the counter was asked about the handshake's ACK, and who stays at the
    # frontend ends with packets without payload, which tell the hash nothing.
    modules += {"hash": ["+hash", "?counter"], "counter": ["-hash", "+counter"],
                None: ["?hash", "?counter"]}[session["module"]]
    return ";".join(modules)


def expected_payloads(sessions):
    """digest -> count, packet index, bytes, excerpt: of the session that had it first."""
    counts, firsts = collections.Counter(), {}
    for session in sessions:
        asked = asked_about(session)
        counts.update(digest(payload) for payload in asked)
        if session["module"] == "hash":
            new = asked[-1]
            excerpt = "".join(chr(c) if 32 <= c < 127 else "." for c in new[:64])
            firsts[digest(new)] = len(asked) + 1, len(new), excerpt
    return {key: (counts[key], *firsts.get(key, ("nobody handed over",))) for key in counts}


# The comparison


def audit_log(audit, sessions, log, figures):
    expected = {flow_key(s): (expected_state(s), expected_trace(s)) for s in sessions}
    found = {key: flow[2:] for key, flow in log.items() if flow[2] != "CONTROL"}
    states = collections.Counter(state for state, _ in found.values())
    wanted = collections.Counter(state for state, _ in expected.values())
    for state in sorted(wanted.keys() | states.keys()):
        audit.check(f"flows that ended as {state}", wanted[state], states[state])
    audit.check_each("state and decisions of each flow", expected, found)
    refused = {flow_key(s): figures["syn_tries"] for s in sessions if s["kind"] == "again" and not s["by"]}
    audit.check_each("packets of those that were refused: each try of the kernel's", refused,
                     {key: log[key][0] for key in refused if key in log})
    control = [key for key, flow in log.items() if flow[2] == "CONTROL"]
    for name, host in ("outbreak", BACKEND), ("frontend_outbreak", FRONTEND):
        audit.check(f"flows that {host} started, CONTROL", figures[name],
                    sum(key[1].startswith(host + ":") for key in control))
    audit.check("packets and bytes in the log are those of the queue",
                f"{figures['queued_packets']} {figures['queued_bytes']}",
                f"{sum(flow[0] for flow in log.values())} {sum(flow[1] for flow in log.values())}")


def audit_chance(audit, again):
    served = sum(session["by"] is not None for session in again)
    print(f"   {'':9} one in ten of {len(again)} that came again was to be let in: {served} were")
    # That of a hundred none is let in, or half, happens less than once in 30,000 runs.
    audit.check("whether it was some of them, and not half", "yes",
                "yes" if 0 < served < len(again) / 2 else "no")


def audit_sources(audit, sessions, path):
    visits = collections.Counter(s["source"] for s in sessions if s["kind"] != "noise")
    state = read_state(path)
    audit.check("groups in source.db", "source", " ".join(state))
    audit.check_each("[source] entries and their counts", dict(visits),
                     {key: int(values[0]) for key, values in state.get("source", {}).items()})


def audit_payloads(audit, sessions, path):
    state = read_state(path)
    audit.check("groups in hash.db", str(PORT), " ".join(state))
    found = {key: (int(v[0]), int(v[3]), int(v[4]), v[5]) for key, v in state.get(str(PORT), {}).items()}
    expected = expected_payloads(sessions)
    audit.check_each("[80] entries: counts, packet index, bytes, text", expected, found)
    audit.check("payloads that were asked about", sum(e[0] for e in expected.values()),
                sum(e[0] for e in found.values()))


def audit_control(audit, figures, path):
    state = read_state(path)
    expected = {BACKEND: min(figures["max_packet"], figures["outbreak"]),
                FRONTEND: min(figures["max_packet"], figures["frontend_outbreak"])}
    audit.check_each("[source] entries in control.db and their counts", expected,
                     {key: int(values[0]) for key, values in state.get("source", {}).items()})
    for name, host in ("backend", BACKEND), ("frontend", FRONTEND):
        audit.check(f"packets of {host} on the outer wire", expected[host], figures["wire_" + name])


def audit_wire(audit, sessions, figures):
    served = sum(session["by"] is not None for session in sessions)
    refused = sum(session["kind"] == "again" and not session["by"] for session in sessions)
    audit.check("SYN of the attackers on the outer wire",
                served + refused * figures["syn_tries"], figures["wire_syn"])
    audit.check("SYN-ACK of the darknet on the outer wire", served, figures["wire_syn_ack"])
    audit.check("packets to the attackers from anywhere else", 0, figures["wire_strange"])


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    os.chdir(arguments[0])
    audit, figures = Audit(), read_figures("figures")
    sessions = read_journal("journal")
    mark_handovers(sessions, figures["counter"])
    again = [session for session in sessions if session["kind"] == "again"]
    first = sum(session["kind"] == "first" for session in sessions)
    audit.check("attackers in the journal", figures["attackers"], first)
    audit_log(audit, sessions, read_log("honeybrid.log"), figures)
    audit_chance(audit, again)
    audit_sources(audit, sessions, "source.db")
    audit_payloads(audit, sessions, "hash.db")
    audit_control(audit, figures, "control.db")
    audit_wire(audit, sessions, figures)
    return 1 if audit.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
