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
#   TRACE=DIR         keep captures of the gateway's three sides there, and the logs

set -euo pipefail

E2E_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SCENARIO=$(basename "$0")
HONEYNET=hbt$$
# shellcheck source-path=SCRIPTDIR source=../../examples/honeynet/honeynet.sh
. "$E2E_DIR/../../examples/honeynet/honeynet.sh"

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
			exec_directory = $DIR;
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
	kill -TERM "${pids[@]}"
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

# --- the other hook

# The classic recipe: the attacked network is translated to the frontend by DNAT, and the packets are
# queued in FORWARD instead of PREROUTING. What is sent to honeypots must not be taken for a packet of
# the attacker's session, which conntrack knows; what is sent to the attacker must.
classic_rules() # iptables network frontend backend
{
	local host
	on gateway "$1" -t raw -F PREROUTING
	on gateway "$1" -t raw -F OUTPUT
	for host in "$3" "$4"; do
		on gateway "$1" -t raw -A OUTPUT -d "$host" -m mark --mark "$OWN_MARK/$OWN_MARK" \
			-j CT --notrack
		on gateway "$1" -A FORWARD -s "$host" -j NFQUEUE --queue-num 0
	done
	on gateway "$1" -A FORWARD -d "$3" -j NFQUEUE --queue-num 0
	on gateway "$1" -t nat -A PREROUTING -d "$2" -j DNAT --to-destination "$3"
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

# The log's packets and bytes, of IPv4, are those that the kernel has put into the queue.
expect_counts()
{
	local logged queued
	logged=$(awk '$5 !~ /:.*:/ { packets += $8; bytes += $9 } END { print packets + 0, bytes + 0 }' \
		"$DIR/flow.log")
	queued=$(on gateway iptables -t raw -vxnL PREROUTING |
		awk '/NFQUEUE/ { packets += $1; bytes += $2 } END { print packets + 0, bytes + 0 }')
	expect_equal "packets and bytes in the log" "$queued" "$logged"
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

finish()
{
	local status=$? name
	trap - EXIT
	set +e
	[[ -z ${DAEMON:-} ]] || { kill -TERM "$DAEMON" && wait "$DAEMON"; } 2>/dev/null
	for name in "${!CAPTURES[@]}"; do
		end_capture "$name"
	done
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
	exit $status
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
	honeynet_rules || skip "no NFQUEUE target here"
	honeynet_serve frontend "$DIR"
	honeynet_serve backend "$DIR"
	TO=$FRONTEND
	if [[ -n ${TRACE:-} ]]; then
		local side
		for side in ext front back; do
			capture "$side" gateway "$side"
		done
	fi
}

begin
