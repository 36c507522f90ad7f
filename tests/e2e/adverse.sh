# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# For scenarios on bad networks: WIRES="attacker backend"; . "$(dirname "$0")/adverse.sh"
#
# Cuts the cable of each host that WIRES names and puts a namespace in between, in which tests/impair
# joins the two ends. Segmentation is left to no device there, so that each packet has a fate of its
# own, unless SUPER=yes. Sessions that are handed over are compared with sessions that the kernel alone
# forwards, attacker to backend, over the same wires with the same seed.
#
#   IMPAIR=PATH       the program that joins
#   SEED=N            what its dice start from
#   FIGURES=FILE      all figures are added to this file
#   HANDOVER_TIMEOUT=N, PATIENCE=N (of client.py), ATTACKER_TIMEOUT=N    seconds

SEED=${SEED:-1}
declare -A WIRE_PIDS=() WIRE_SETTINGS=() GOT=()

# Called by lib.sh when the hosts are there.
before_rules()
{
	local host version
	[[ -x ${IMPAIR:-} ]] || skip "IMPAIR does not name a program"
	for host in $WIRES; do
		lay_wire "$host" >"$DIR/ethtool.out" 2>&1 || skip "no ethtool here: $(<"$DIR/ethtool.out")"
		start_wire "$host"
	done
	# What one session has measured is not to be the start of the next one. The way to congest is
	# the route's: not each is allowed to a namespace.
	for host in attacker frontend backend; do
		on "$host" sysctl -qw net.ipv4.tcp_no_metrics_save=1
		for version in 4 6; do
			# shellcheck disable=SC2046 # several words
			ip -n "$HONEYNET-$host" -$version route change \
				$(ip -n "$HONEYNET-$host" -$version route show default) \
				congctl "${CONGESTION:-cubic}"
		done
	done
}

# --- wires

gateway_end() # host
{
	case $1 in
	attacker) echo ext ;;
	frontend) echo front ;;
	backend) echo back ;;
	esac
}

# The cable that was there becomes the host's half, and the gateway gets a new one of the same name.
lay_wire() # host
{
	local end address addresses wire=$HONEYNET-wire-$1 gateway=$HONEYNET-gateway
	end=$(gateway_end "$1")
	mapfile -t addresses < <(ip -n "$gateway" -o address show dev "$end" scope global |
		awk '{ print $4 }')
	ip netns add "$wire"
	# shellcheck disable=SC2016 # the inner shell expands
	ip netns exec "$wire" sh -c '
		for i in all default; do
			echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6
		done'
	ip -n "$gateway" link set dev "$end" netns "$wire" name host
	ip link add "$end" netns "$gateway" type veth peer name gateway netns "$wire"
	ip -n "$wire" link set dev host up
	ip -n "$wire" link set dev gateway up
	ip -n "$gateway" link set dev "$end" up
	for address in "${addresses[@]}"; do
		[[ $address == *:* ]] && address="$address nodad"
		# shellcheck disable=SC2086 # two words
		ip -n "$gateway" address add $address dev "$end"
	done
	[[ ${SUPER:-} != yes ]] || return 0
	on "$1" ethtool -K eth0 tso off gso off gro off &&
		on gateway ethtool -K "$end" tso off gso off gro off
}

# Joins the two ends; settings of impair's: ab. leads from the host to the gateway, ba. to the host.
start_wire() # host [-w] [setting...]
{
	local host=$1 options=(-s "$SEED")
	shift
	WIRE_SETTINGS[$host]=$*
	if [[ ${1:-} == -w ]]; then
		options+=(-w)
		shift
	fi
	exec_on "wire-$host" "$IMPAIR" "${options[@]}" host gateway "$@" >"$DIR/wire-$host.out" 2>&1 &
	WIRE_PIDS[$host]=$!
	honeynet_wait 10 grep -qsx ready "$DIR/wire-$host.out" ||
		fail "the wire of the $host: $(<"$DIR/wire-$host.out")"
}

stop_wire() # host
{
	local status=0
	[[ -n ${WIRE_PIDS[$1]:-} ]] || return 0
	kill -TERM "${WIRE_PIDS[$1]}"
	wait "${WIRE_PIDS[$1]}" || status=$?
	unset "WIRE_PIDS[$1]"
	expect_equal "the exit status of the wire of the $1" 0 "$status"
	expect_impaired "$1"
}

# What a wire has done, both ways.
wire_count() # host frames|lost|duplicated|overtaken|corrupted|failed|overrun
{
	awk -v name="$2" '{ for (i = 2; i < NF; i++) if ($i == name) sum += $(i + 1) }
		END { print sum + 0 }' "$DIR/wire-$1.out"
}

# A wire that carried many packets has not let all of them pass, and has lost none by itself.
expect_impaired() # host
{
	local setting name
	declare -A names=([loss]=lost [duplicate]=duplicated [reorder]=overtaken [corrupt]=corrupted)
	for name in failed overrun; do
		expect_equal "packets $name on the wire of the $1" 0 "$(wire_count "$1" $name)"
	done
	(($(wire_count "$1" frames) > 2000)) || return 0
	for setting in ${WIRE_SETTINGS[$1]}; do
		name=${names[${setting%%=*}]:-}
		[[ -z $name ]] || (($(wire_count "$1" "$name") > 0)) ||
			fail "the wire of the $1 says $setting, and no packet was $name"
	done
}

# The same wire from now on, its dice as they were at the beginning.
again_wire() # host
{
	stop_wire "$1"
	# shellcheck disable=SC2086 # several words
	start_wire "$1" ${WIRE_SETTINGS[$1]}
}

# Other wires for what follows.
wires() # host [setting...] [-- host [setting...]]...
{
	local words=()
	while (($#)); do
		if [[ $1 == -- ]]; then
			stop_wire "${words[0]}"
			start_wire "${words[@]}"
			words=()
		else
			words+=("$1")
		fi
		shift
	done
	stop_wire "${words[0]}"
	start_wire "${words[@]}"
}

# --- comparison

# The kernel forwards between attacker and backend, as if there were no honeybridd.
plain() # -I|-D
{
	local attacker=${ADDRESS[attacker]} backend=${ADDRESS[backend]} rule
	unproved_passes "$1"
	for rule in "-s $attacker -d $backend" "-s $backend -d $attacker"; do
		# shellcheck disable=SC2086 # several words
		on gateway "$IPTABLES" -t raw "$1" PREROUTING $rule -j ACCEPT
		# shellcheck disable=SC2086
		on gateway "$IPTABLES" "$1" FORWARD $rule -j ACCEPT
	done
}

# The backend has nothing left to say to anybody.
all_said()
{
	[[ -z $(on backend ss -Htn state connected exclude time-wait exclude listening) ]]
}

# Retransmission timeouts and repeated segments of the two ends, since they began.
counters()
{
	local host
	for host in attacker backend; do
		on "$host" nstat -asz TcpExtTCPTimeouts TcpRetransSegs
	done | awk '$1 ~ /Timeouts/ { t += $2 } $1 ~ /Retrans/ { r += $2 } END { print t + 0, r + 0 }'
}

# Runs a session from standard input; what it was like is in GOT[$1 …].
measure() # plain|ours address attacker's-arguments...
{
	local host before after words
	for host in $WIRES; do
		again_wire "$host"
	done
	read -r -a before < <(counters)
	TO=$2 attacker "${@:3:$#-4}" --figures "${@:$#-1}" >"$DIR/figures.$1"
	read -r -a after < <(counters)
	read -r -a words <"$DIR/figures.$1"
	GOT[$1 mean]=${words[1]} GOT[$1 longest]=${words[3]} GOT[$1 wait90]=${words[5]} GOT[$1 wait]=${words[7]}
	GOT[$1 timeouts]=$((after[0] - before[0]))
	GOT[$1 repeats]=$((after[1] - before[1]))
}

# What the kernel forwards shows the backend's address, and to write all of it down would take time.
unwatch_wire()
{
	[[ -z ${CAPTURES[strays]:-} ]] || end_capture strays
	expect_no_strays()
	{
		:
	}
}

# Runs the script on standard input through honeybridd and without it, and prints both figures.
compare() # what attacker's-arguments...
{
	local what=$1 script key line
	script=$(cat)
	unwatch_wire
	plain -I
	measure plain "${ADDRESS[backend]}" "${@:2}" <<<"$script"
	honeynet_wait 30 all_said || fail "a session that the kernel forwarded does not end"
	plain -D
	measure ours "$TO" "${@:2}" <<<"$script"
	line=$(printf '%-44s' "$what")
	for key in mean longest wait90 wait timeouts repeats; do
		line+=" $key ${GOT[ours $key]}/${GOT[plain $key]}"
	done
	echo "$line"
	[[ -z ${FIGURES:-} ]] || echo "$line" >>"$FIGURES"
}

# Downloads, uploads and dialogues over wires that are as they were said to be; the first new request
# of a session hands it over, a dialogue goes over in its middle.
compare_all() # what bytes dialogues
{
	asked=$((${asked:-0} + 1))
	compare "$1: download" tcp 80 <<-END
		download $(($2 + asked)) backend
		close
	END
	compare "$1: upload" tcp 80 <<-END
		upload $(($2 + asked)) backend
		get /$asked
		page backend
		close
	END
	compare "$1: $3 dialogues" --times "$3" tcp 2323 <<-END
		greeting
		until backend 0 8 "who are you"
		more 5 backend "still there?"
		finish
		end
	END
	TALKS=$((${TALKS:-0} + $3)) LOADS=$((${LOADS:-0} + 2))
}

start_redirecting()
{
	configure <<-END
		config { handover_timeout = ${HANDOVER_TIMEOUT:-5}; }
		module "new" { function = hash; }
		module "later" { function = counter; counter = 6; }
		target { filter "dst host $FRONTEND and tcp port 80"; frontend $FRONTEND; backend $BACKEND "new"; }
		target { filter "dst host $FRONTEND"; frontend $FRONTEND; backend $BACKEND "later"; }
		target { filter "dst host $FRONTEND6 and tcp port 80"; frontend $FRONTEND6; backend $BACKEND6 "new"; }
		target { filter "dst host $FRONTEND6"; frontend $FRONTEND6; backend $BACKEND6 "later"; }
	END
	start_honeybridd
}

# A session whose last ACK got lost is open still: all are logged at the stop.
expect_all_handed_over()
{
	stop_honeybridd
	expect_flows "$LOADS" tcp 80 FORWARD
	expect_flows "$TALKS" tcp 2323 FORWARD
}

# --- beginning and end

finish_wires()
{
	local status=$? host
	set +e
	for host in "${!WIRE_PIDS[@]}"; do
		kill -TERM "${WIRE_PIDS[$host]}" 2>/dev/null && wait "${WIRE_PIDS[$host]}"
	done
	(exit $status)
	finish
}

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
may_see "$BACKEND" "$BACKEND6" # in the sessions that only the kernel forwards
trap finish_wires EXIT
