# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What every scenario starts with: . "$(dirname "$0")/lib.sh"
#
# It makes a honeynet of its own (see examples/honeynet/honeynet.sh), with real servers on both
# honeypots, and removes it at the end, however the scenario ends. The first thing that is not as it
# should be ends it, with what was expected, what came instead, and the logs. Status 77: skipped.
#
#   HONEYBRIDD=PATH   the program to test
#   WORKERS=N         with so many workers (1)
#   OUTGOING=N        what honeypots send comes by a queue of its own
#   HOOK=forward      packets are queued in FORWARD, behind DNAT: the attacked address is one of a
#                     darknet; prerouting if not given
#   FAMILY=6          over IPv6; 4 if not given
#   TRACE=DIR         keep captures of the gateway's three sides there, and the logs
#
# A scenario is written once, for every way in: the attacked address is $TO, the hosts' addresses are in
# ADDRESS, and what has two names for the two versions of IP is in $IPTABLES, $ICMP and so on.

set -euo pipefail

E2E_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
HONEYNET=hbt$$
# shellcheck source-path=SCRIPTDIR source=../../examples/honeynet/honeynet.sh
. "$E2E_DIR/../../examples/honeynet/honeynet.sh"

SCENARIO=$(basename "$0")
HOOK=${HOOK:-prerouting} FAMILY=${FAMILY:-4}
[[ $HOOK == prerouting ]] || SCENARIO+=-$HOOK

declare -A ADDRESS
if [[ $FAMILY == 4 ]]; then
	ADDRESS=([attacker]=$ATTACKER [frontend]=$FRONTEND [backend]=$BACKEND [darknet]=10.1.2.3)
	IPTABLES=iptables ICMP=icmp RESET="(tcp[13] & 4 != 0)" TTL="ip[8]"
	ECHO="icmp[0] == 8" ECHO_REPLY="icmp[0] == 0" UNREACHABLE="icmp[0] == 3"
else
	SCENARIO+=-ipv6
	ADDRESS=([attacker]=$ATTACKER6 [frontend]=$FRONTEND6 [backend]=$BACKEND6
		[darknet]=2001:db8:d::5)
	IPTABLES=ip6tables ICMP="(icmp6 and ip6[40] < 130)" RESET="(ip6[6] == 6 and ip6[53] & 4 != 0)"
	TTL="ip6[7]" ECHO="icmp6[0] == 128" ECHO_REPLY="icmp6[0] == 129" UNREACHABLE="icmp6[0] == 1"
fi
export IPTABLES ICMP RESET TTL ECHO ECHO_REPLY UNREACHABLE

# What neighbours have to say to each other.
NEIGHBOURS="(arp or (ip6 and ip6[24] == 0xff) or (icmp6 and ip6[40] >= 133 and ip6[40] <= 137))"

skip() # reason
{
	echo "skipped: $*"
	exit 77
}

fail() # what
{
	echo "$SCENARIO: $*" >&2
	exit 1
}

expect_equal() # what wanted got
{
	[[ $2 == "$3" ]] || fail "$1: expected $2, got $3"
}

# --- the program under test

# Writes the configuration: what all scenarios share, and what comes on standard input.
configure()
{
	cat >"$DIR/honeybrid.conf" <<-END
		config {
			output = files;
			log_directory = $DIR;
			log_file = flow.log;
			log_verbose = yes;
			exec_directory = $DIR; workers = $WORKERS; ${OUTGOING:+outgoing_queue = $OUTGOING;}
		}
	END
	cat >>"$DIR/honeybrid.conf"
}

# A target for each IP version, whose sessions are handed over when the given module accepts.
redirect_on() # module parameters
{
	configure <<-END
		module "trigger" { $1 }
		target { filter "dst host $FRONTEND"; frontend $FRONTEND; backend $BACKEND "trigger"; }
		target { filter "dst host $FRONTEND6"; frontend $FRONTEND6; backend $BACKEND6 "trigger"; }
	END
	start_honeybridd
}

# Starts it with an empty log, for a configuration that was written before.
start_honeybridd()
{
	local iptables
	rm -f "$DIR/flow.log"
	for iptables in iptables ip6tables; do
		on gateway "$iptables" -t raw -Z
		on gateway "$iptables" -Z
	done
	exec_on gateway "$HONEYBRIDD" -c "$DIR/honeybrid.conf" >>"$DIR/honeybridd.out" 2>&1 &
	DAEMON=$!
	honeynet_wait 10 honeynet_queue_taken || fail "honeybridd does not read its queue"
}

# Stops it as an administrator would; open flows are in the log then.
stop_honeybridd()
{
	local status=0
	kill -TERM "$DAEMON"
	wait "$DAEMON" || status=$?
	DAEMON=
	expect_equal "honeybridd's exit status after SIGTERM" 0 "$status"
}

# Ends the servers of a honeypot: its ports are closed then.
end_servers() # frontend|backend
{
	local pids
	mapfile -t pids < <(ip netns pids "$HONEYNET-$1")
	kill -TERM "${pids[@]}" 2>/dev/null || true # one may be gone with its parent
	honeynet_wait 10 nothing_runs "$1" || fail "the servers of the $1 do not end"
}

nothing_runs() # host
{
	[[ -z $(ip netns pids "$HONEYNET-$1") ]]
}

no_connection() # host
{
	[[ -z $(on "$1" ss -Htn state established) ]]
}

# --- the attacker

# Runs a script for client.py, from standard input. Where the attack goes is in $TO.
attacker() # [--times N] [--figures] tcp|udp PORT
{
	local port=${*: -1}
	on attacker timeout "${ATTACKER_TIMEOUT:-120}" "$E2E_DIR/client.py" "${@:1:$#-1}" "$TO" "$port" ||
		fail "the attacker, with $* towards $TO"
}

# --- the flow log

# So many lines of the log, and of what honeybridd said, give a reason.
expect_reason() # extended-regular-expression at-least
{
	local got
	got=$(cat "$DIR/flow.log" "$DIR/honeybridd.out" | grep -ciE -- "$1" || true)
	((got >= $2)) || fail "log lines that say \"$1\": expected $2 or more, got $got"
}

# Log lines of a protocol, attacked port and final state.
flows() # tcp|udp PORT STATE
{
	awk -v protocol="${1^^}" -v port=":$2\$" -v state="$3" \
		'$4 == protocol && $7 ~ port && $10 == state' "$DIR/flow.log"
}

flow_count_is() # number tcp|udp PORT STATE
{
	[[ $(flows "$2" "$3" "$4" | wc -l) -eq $1 ]]
}

# A closed flow is written some two seconds later: waits for that.
expect_flows() # number tcp|udp PORT STATE
{
	honeynet_wait 15 flow_count_is "$@" ||
		fail "flows $2 $3 $4 in the log: expected $1, got $(flows "$2" "$3" "$4" | wc -l)"
}

# The log's packets and bytes are those that the kernel has put into the queue, but for what IPv6
# neighbours say, which no flow has.
expect_counts()
{
	local table=(-t raw -vxnL PREROUTING) from='^[0-9.]+(:[0-9]+)?$' sum=" from-" logged queued
	[[ $HOOK != forward ]] || table=(-vxnL FORWARD)
	[[ $FAMILY != 6 ]] || from=':.*:'
	[[ $HOOK$FAMILY != prerouting6 ]] || sum="of flows"
	logged=$(awk -v from="$from" '$5 ~ from { packets += $8; bytes += $9 }
		END { print packets + 0, bytes + 0 }' "$DIR/flow.log")
	queued=$(on gateway "$IPTABLES" "${table[@]}" | awk -v sum="$sum" '
		index($0, sum) { packets += $1; bytes += $2 }
		END { print packets + 0, bytes + 0 }')
	expect_equal "packets and bytes in the log" "$queued" "$logged"
}

# The kernel forwards what honeypots send without honeybridd's mark, too, from -I to -D: for sessions that
# are compared with ours.
unproved_passes() # -I|-D
{
	on gateway iptables -t security "$1" unproved -j RETURN
	on gateway ip6tables -t security "$1" unproved -j RETURN
}

# --- what passes on a wire

declare -A CAPTURES=()

# Starts to write down what passes at an interface; see expect_packets.
capture() # name host interface [filter]
{
	exec_on "$2" tcpdump --immediate-mode -U -Z root -s 200 -n -i "$3" -w "$DIR/$1.pcap" "${@:4}" \
		2>"$DIR/$1.tcpdump" &
	CAPTURES[$1]=$!
	honeynet_wait 10 grep -qs 'listening on' "$DIR/$1.tcpdump" || fail "tcpdump does not start"
}

end_capture() # name
{
	kill -TERM "${CAPTURES[$1]}"
	wait "${CAPTURES[$1]}" || true
	unset "CAPTURES[$1]"
}

# So many packets, or more, that match a filter are in a capture by now.
captured() # number name filter
{
	(($(tcpdump -n -r "$DIR/$2.pcap" "$3" 2>/dev/null | wc -l) >= $1))
}

# Ends a capture and counts its packets that match a filter: exactly so many, or "some".
expect_packets() # number|some name filter
{
	[[ -z ${CAPTURES[$2]:-} ]] || end_capture "$2"
	local got
	tcpdump -n -r "$DIR/$2.pcap" "$3" >"$DIR/matching" 2>/dev/null
	got=$(wc -l <"$DIR/matching")
	[[ $1 == some && $got -gt 0 ]] && return
	[[ $1 == "$got" ]] || head -5 "$DIR/matching" >&2
	expect_equal "packets \"$3\" at $2" "$1" "$got"
}

# Whatever a scenario is about: the attacker's wire shows the attacker and what it attacked, and no other
# address, neither in a header nor quoted in an ICMP error. What belongs to the session is not even
# written down.
watch_wire()
{
	SEEN=("$TO") ATTACKERS=("$ATTACKER" "$ATTACKER6")
	capture strays attacker eth0 "not $NEIGHBOURS and \
		not ((tcp or udp) and host ${ADDRESS[attacker]} and host $TO)"
}

# More addresses, or networks, that the attacker may see.
may_see() # address|network...
{
	SEEN+=("$@")
}

# More addresses that attackers have, behind the attacker's host.
also_attack() # address...
{
	ATTACKERS+=("$@")
}

expect_no_strays()
{
	local address attackers seen secrets=()
	printf -v attackers ' or host %s' "${ATTACKERS[@]}"
	printf -v seen ' or net %s' "${SEEN[@]}"
	expect_packets 0 strays "not ((${attackers# or }) and (${seen# or }))"
	for address in "$FRONTEND" "$FRONTEND6" "$BACKEND" "$BACKEND6"; do
		[[ " ${SEEN[*]} " == *" $address "* ]] || secrets+=(-e "$address")
	done
	tcpdump -nvv -r "$DIR/strays.pcap" 2>/dev/null >"$DIR/strays"
	! grep -F "${secrets[@]}" "$DIR/strays" || fail "the attacker is told a honeypot's address"
}

# Errors that the network stack of a host has counted.
expect_no_checksum_errors()
{
	local host got
	for host in attacker frontend backend; do
		got=$(on "$host" nstat -asz TcpInCsumErrors UdpInCsumErrors Udp6InCsumErrors |
			awk '/Csum/ { sum += $2 } END { print sum + 0 }')
		expect_equal "checksum errors at the $host" 0 "$got"
	done
}

# --- beginning and end

finish() # [status]
{
	local status=${1:-$?} name
	trap - EXIT
	set +e
	[[ -z ${DAEMON:-} ]] || { kill -TERM "$DAEMON" && wait "$DAEMON"; } 2>/dev/null
	for name in "${!CAPTURES[@]}"; do
		end_capture "$name"
	done
	if ((status == 0)); then
		(expect_no_strays) || status=$?
	fi
	if ((status != 0 && status != 77)); then
		echo "--- honeybridd said" >&2
		tail -n 20 "$DIR/honeybridd.out" >&2
		echo "--- flow log" >&2
		[[ ! -e $DIR/flow.log ]] || tail -n 20 "$DIR/flow.log" >&2
	fi
	honeynet_down
	if [[ -n ${TRACE:-} ]]; then
		mkdir -p "$TRACE" && cp -r "$DIR" "$TRACE/$SCENARIO"
	fi
	rm -rf "$DIR"
	exit "$status"
}

begin()
{
	((EUID == 0)) || skip "namespaces need root"
	DAEMON=
	[[ -x ${HONEYBRIDD:-} ]] || skip "HONEYBRIDD does not name a program"
	DIR=$(mktemp -d "/tmp/$HONEYNET.XXXXXX")
	touch "$DIR/honeybridd.out" "$DIR/flow.log"
	trap finish EXIT
	trap 'exit 130' INT TERM
	honeynet_up || skip "no network namespaces here"
	if declare -F before_rules >/dev/null; then
		before_rules
	fi
	honeynet_rules "$HOOK" || skip "no NFQUEUE target here"
	# Counts, and lets the packet go on.
	on gateway ip6tables -t raw -I PREROUTING ! -p icmpv6 -m comment --comment "of flows"
	honeynet_serve frontend "$DIR"
	honeynet_serve backend "$DIR"
	TO=${ADDRESS[frontend]}
	[[ $HOOK != forward ]] || TO=${ADDRESS[darknet]}
	watch_wire
	if [[ -n ${TRACE:-} ]]; then
		local side
		for side in ext front back; do
			capture "$side" gateway "$side"
		done
	fi
}

begin
