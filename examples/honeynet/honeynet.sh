# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A honeynet on one machine, in network namespaces. Sourced by `run` and by the end-to-end tests.
#
#                         +--------------------+
#    attacker -------- ext|                    |front -------- frontend
#    192.0.2.7            |      gateway       |               198.51.100.9
#    2001:db8:a::7        |     honeybridd     |               2001:db8:f::9
#                         |                    |back --------- backend
#                         +--------------------+               203.0.113.9
#                                                              2001:db8:b::9
#
# What has no address here, the darknet say, is also sent to the gateway by the attacker.
# The interfaces of the three hosts are called eth0. All names of namespaces begin with $HONEYNET, so
# that several honeynets live side by side.
#
#   WORKERS=N   the packet filter leads packets to N queues (1), for honeybridd -w N

export ATTACKER=192.0.2.7 ATTACKER6=2001:db8:a::7
export FRONTEND=198.51.100.9 FRONTEND6=2001:db8:f::9
export BACKEND=203.0.113.9 BACKEND6=2001:db8:b::9
export DARKNET=10.1.0.0/21 DARKNET6=2001:db8:d::/64

HONEYNET_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
OWN_MARK=${OWN_MARK:-0x80000000}     # on the packets that honeybridd itself sends
PROOF_MARK=${PROOF_MARK:-0x40000000} # on those, too, and on all that it let through
WORKERS=${WORKERS:-1}
OUTGOING=${OUTGOING:-} # first queue for what honeypots send; none: one queue for both directions
HASH_SEED=$SRANDOM # what leads which attacker to which worker

# Runs a command in a namespace: on attacker curl http://198.51.100.9/
on() # attacker|gateway|frontend|backend command...
{
	local host=$1
	shift
	ip netns exec "$HONEYNET-$host" "$@"
}

# The same in place of the shell, for use with "&": then $! is the command itself.
exec_on() # host command...
{
	exec ip netns exec "$HONEYNET-$1" "${@:2}"
}

# Makes a namespace in which an IPv6 address can be used at once: whether a neighbour has it, too, would
# take seconds to find out, and the gateway would keep what it has to forward for so long.
honeynet_host() # host
{
	ip netns add "$HONEYNET-$1"
	ip -n "$HONEYNET-$1" link set lo up
	on "$1" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.dad_transmits=0
}

# Joins a host to the gateway.
honeynet_link() # host gateway-interface address gateway-address address6 gateway-address6
{
	local host=$HONEYNET-$1 gateway=$HONEYNET-gateway
	honeynet_host "$1"
	ip link add eth0 netns "$host" type veth peer name "$2" netns "$gateway"
	ip -n "$host" link set eth0 up
	ip -n "$gateway" link set "$2" up
	ip -n "$host" address add "$3/24" dev eth0
	ip -n "$gateway" address add "$4/24" dev "$2"
	ip -n "$host" route add default via "$4"
	ip -n "$host" -6 address add "$5/64" dev eth0 nodad
	ip -n "$gateway" -6 address add "$6/64" dev "$2" nodad
	ip -n "$host" -6 route add default via "$6"
}

# Makes the four namespaces and the wires between them.
honeynet_up()
{
	honeynet_host gateway
	honeynet_link attacker ext "$ATTACKER" 192.0.2.1 "$ATTACKER6" 2001:db8:a::1
	honeynet_link frontend front "$FRONTEND" 198.51.100.1 "$FRONTEND6" 2001:db8:f::1
	honeynet_link backend back "$BACKEND" 203.0.113.1 "$BACKEND6" 2001:db8:b::1

	# The backend's answers carry the frontend's address before they are routed, so they seem to
	# come in on the wrong interface: the reverse path filter must not drop them. The larger of
	# "all" and the interface's own value counts.
	# shellcheck disable=SC2016 # the inner shell expands
	on gateway sh -c '
		cd /proc/sys/net
		echo 1 >ipv4/ip_forward
		echo 1 >ipv6/conf/all/forwarding
		for interface in all default ext front back; do
			echo 0 >ipv4/conf/$interface/rp_filter
			echo 0 >ipv4/conf/$interface/send_redirects # it would speak of contained packets
		done'
}

# Makes the chains from-outside, from-honeypot and from-gateway of a table, which lead packets to queue 0,
# or what honeypots send to a queue of its own.
# With several workers they lead each attacker's packets to one of them, in both directions. What
# stays the same at a handover is the attacker's address: the source of what comes from outside, the
# destination of what comes from a honeypot.
honeynet_steering() # iptables table frontend backend
{
	local chain rule=(on gateway "$1" -t "$2")
	for chain in from-outside from-honeypot from-gateway; do
		"${rule[@]}" -N $chain
	done
	if ((WORKERS > 1)); then
		honeynet_queues "$1" "$2" queues 0
		[[ -z $OUTGOING ]] || honeynet_queues "$1" "$2" queues-out "$OUTGOING"
		honeynet_hashing "$@"
		"${rule[@]}" -A from-outside -j queues
		"${rule[@]}" -A from-gateway -j queues
		"${rule[@]}" -A from-honeypot -j "queues${OUTGOING:+-out}"
	else
		"${rule[@]}" -A from-outside -j NFQUEUE --queue-num 0
		"${rule[@]}" -A from-gateway -j NFQUEUE --queue-num 0
		"${rule[@]}" -A from-honeypot -j NFQUEUE --queue-num "${OUTGOING:-0}"
	fi
}

# A chain that leads packets to the workers' queues of one direction, by the mark of honeynet_hashing.
honeynet_queues() # iptables table chain first-queue
{
	local worker queue rule=(on gateway "$1" -t "$2")
	"${rule[@]}" -N "$3"
	for ((worker = 0; worker < WORKERS; worker++)); do
		queue=$(($4 + worker))
		"${rule[@]}" -N queue-$queue
		# HMARK has written the whole mark: the rest is to see that of an uplink, here none.
		"${rule[@]}" -A queue-$queue -j MARK --set-mark 0
		"${rule[@]}" -A queue-$queue -j NFQUEUE --queue-num $queue
		"${rule[@]}" -A "$3" -m mark --mark $((worker + 1)) -j queue-$queue
	done
}

# Marks packets with 1 to $WORKERS. HMARK looks into the packet that an ICMP error quotes, which went the
# other way.
honeynet_hashing() # iptables table frontend backend
{
	local error rule=(on gateway "$1" -t "$2") errors=(-p icmp -m icmp --icmp-type)
	local types=(destination-unreachable time-exceeded parameter-problem)
	local hash=(-j HMARK --hmark-mod "$WORKERS" --hmark-offset 1 --hmark-rnd "$HASH_SEED" --hmark-tuple)
	[[ $1 == iptables ]] || {
		errors=(-p icmpv6 -m icmp6 --icmpv6-type)
		types+=(packet-too-big)
	}
	"${rule[@]}" -A from-outside "${hash[@]}" src
	# What honeypots send each other has no attacker: both directions belong to one worker.
	"${rule[@]}" -A from-honeypot -d "$3,$4" -j "queue-${OUTGOING:-0}"
	"${rule[@]}" -A from-honeypot "${hash[@]}" dst
	for error in "${types[@]}"; do
		"${rule[@]}" -A from-outside "${errors[@]}" "$error" "${hash[@]}" dst
		"${rule[@]}" -A from-honeypot "${errors[@]}" "$error" "${hash[@]}" src
	done
	# Errors only: to an attacker about what it sent, to a honeypot about what that sent.
	"${rule[@]}" -A from-gateway "${hash[@]}" src
	"${rule[@]}" -A from-gateway -d "$3,$4" "${hash[@]}" dst
}

# The gateway's packet filter, one of two: leads all that comes from the three sides through honeybridd's
# queues, and nothing else. Without honeybridd nothing passes: a packet for a queue that nobody reads is dropped.
#
#   prerouting   before routing, untracked; attackers talk to the frontend's address
#   forward      the classic recipe, after routing; DNAT translates a darknet to the frontend
honeynet_rules() # prerouting|forward
{
	honeynet_rules_names
	honeynet_rules_proof
	honeynet_steering iptables raw "$FRONTEND" "$BACKEND"
	honeynet_steering ip6tables raw "$FRONTEND6" "$BACKEND6"
	"honeynet_rules_$1"
	honeynet_rules_errors
}

# A honeypot speaks for itself: under another name it could open a session with its neighbour, whose
# answers honeybridd would then let out. Nor does anybody outside speak for a honeypot.
honeynet_rules_names()
{
	on gateway ip6tables -t raw -F
	# Which multicast groups a host listens to is between it and its neighbours.
	on gateway ip6tables -t raw -A PREROUTING -p icmpv6 -m icmp6 --icmpv6-type 143 -j DROP
	on gateway iptables -t raw -A PREROUTING -i front ! -s "$FRONTEND" -j DROP
	on gateway iptables -t raw -A PREROUTING -i back ! -s "$BACKEND" -j DROP
	on gateway iptables -t raw -A PREROUTING -i ext -s "$FRONTEND","$BACKEND" -j DROP
	on gateway ip6tables -t raw -N own-address
	on gateway ip6tables -t raw -A own-address -s fe80::/10 -j RETURN # of the link, not routed
	on gateway ip6tables -t raw -A own-address -i front -s "$FRONTEND6" -j RETURN
	on gateway ip6tables -t raw -A own-address -i back -s "$BACKEND6" -j RETURN
	on gateway ip6tables -t raw -A own-address -j DROP
	on gateway ip6tables -t raw -A PREROUTING -i front -j own-address
	on gateway ip6tables -t raw -A PREROUTING -i back -j own-address
	on gateway ip6tables -t raw -A PREROUTING -i ext -s "$FRONTEND6","$BACKEND6" -j DROP
}

# The second line of containment, which does not need honeybridd: what comes from a honeypot and was not
# let through is neither forwarded nor taken by the gateway itself. The table "security" lies behind all
# places where a packet may be queued. What neighbours have to say to each other has no need of being let
# through, and no business on another link.
honeynet_rules_proof()
{
	local iptables side type
	for iptables in iptables ip6tables; do
		on gateway "$iptables" -t security -N unproved
		on gateway "$iptables" -t security -A unproved -m mark --mark $PROOF_MARK/$PROOF_MARK -j RETURN
		on gateway "$iptables" -t security -A unproved -j DROP
	done
	for type in 133 134 135 136 137; do # neighbour discovery
		on gateway ip6tables -t security -A INPUT -p icmpv6 -m icmp6 --icmpv6-type $type \
			-m hl --hl-eq 255 -j ACCEPT
		on gateway ip6tables -t security -A FORWARD -p icmpv6 -m icmp6 --icmpv6-type $type -j DROP
	done
	for side in front back; do
		for iptables in iptables ip6tables; do
			on gateway "$iptables" -t security -A INPUT -i $side -j unproved
			on gateway "$iptables" -t security -A FORWARD -i $side -j unproved
		done
	done
}

honeynet_rules_prerouting()
{
	local iptables side
	for iptables in iptables ip6tables; do
		for side in ext front back; do
			on gateway "$iptables" -t raw -A PREROUTING -i "$side" -j CT --notrack
		done
		on gateway "$iptables" -t raw -A PREROUTING -i ext -j from-outside
		on gateway "$iptables" -t raw -A PREROUTING -i front -j from-honeypot
		on gateway "$iptables" -t raw -A PREROUTING -i back -j from-honeypot
		# What honeybridd sends goes out as it is: conntrack would take it for sessions of the
		# gateway's.
		on gateway "$iptables" -t raw -A OUTPUT -m mark --mark $OWN_MARK/$OWN_MARK -j CT --notrack
	done
}

honeynet_rules_forward()
{
	honeynet_recipe iptables "$DARKNET" "$FRONTEND" "$BACKEND"
	honeynet_recipe ip6tables "$DARKNET6" "$FRONTEND6" "$BACKEND6"
	# Longer than honeybridd's expiration_delay: what comes later must be a new session for both.
	on gateway sysctl -qw net.netfilter.nf_conntrack_udp_timeout=150 \
		net.netfilter.nf_conntrack_udp_timeout_stream=150
}

honeynet_recipe() # iptables darknet frontend backend
{
	local host what too_big=(-p icmp -m icmp --icmp-type fragmentation-needed)
	on gateway "$1" -t nat -A PREROUTING -d "$2" -j DNAT --to-destination "$3"
	on gateway "$1" -P FORWARD DROP
	honeynet_steering "$1" filter "$3" "$4"
	on gateway "$1" -A FORWARD -s "$3,$4" -j from-honeypot
	on gateway "$1" -A FORWARD -d "$3,$4" -j from-outside
	for host in "$3" "$4"; do
		# What honeybridd sends to a honeypot must not be taken for a packet of the attacker's
		# session, which conntrack knows; what it sends to the attacker must.
		on gateway "$1" -t raw -A OUTPUT -d "$host" -m mark --mark $OWN_MARK/$OWN_MARK \
			-j CT --notrack
	done
	# What was too long on its way to the attacker is known here before it is redirected, so the error
	# about it is right for the backend. Queued it would be lost: the backend's packets are no session
	# to conntrack, since they are all sent anew.
	[[ $1 == iptables ]] || too_big=(-p icmpv6 -m icmp6 --icmpv6-type packet-too-big)
	on gateway "$1" -t raw -A OUTPUT "${too_big[@]}" -d "$4" -j ACCEPT
	# Nor may anything leave that conntrack has forgotten the session of: it would be in the
	# frontend's name.
	for what in "tcp ! --syn" udp; do
		# shellcheck disable=SC2086 # several words
		on gateway "$1" -A OUTPUT -s "$3,$4" -p $what -m mark --mark $OWN_MARK/$OWN_MARK \
			-m conntrack --ctstate NEW,INVALID -j DROP
	done
}

# The gateway's own errors about a redirected packet quote the backend: honeybridd must see them before
# the attacker does. Of pieces that waited in vain it says nothing: connection tracking collects them before
# any rule sees whose name they are in, and the error would carry a honeypot's words to whoever that is.
honeynet_rules_errors()
{
	local iptables errors error
	for iptables in iptables ip6tables; do
		on gateway "$iptables" -t raw -A OUTPUT -m mark --mark $OWN_MARK/$OWN_MARK -j ACCEPT
		errors=(-p icmp -m icmp --icmp-type)
		[[ $iptables == ip6tables ]] && errors=(-p icmpv6 -m icmp6 --icmpv6-type)
		on gateway "$iptables" -t raw -A OUTPUT "${errors[@]}" ttl-zero-during-reassembly -j DROP
		for error in destination-unreachable time-exceeded parameter-problem; do
			on gateway "$iptables" -t raw -A OUTPUT "${errors[@]}" $error -j from-gateway
		done
	done
	on gateway ip6tables -t raw -A OUTPUT -p icmpv6 -m icmp6 --icmpv6-type packet-too-big \
		-j from-gateway
}

# True while a program reads all queues.
honeynet_queue_taken()
{
	local queues
	mapfile -t queues < <(on gateway cat /proc/net/netfilter/nfnetlink_queue 2>/dev/null)
	((${#queues[@]} == (OUTGOING ? 2 : 1) * WORKERS))
}

# Starts the servers of a honeypot and waits until they listen. Their output goes to a file.
honeynet_serve() # frontend|backend directory
{
	exec_on "$1" "$HONEYNET_DIR/servers.py" "$1" >"$2/$1.out" 2>&1 &
	disown # no word about it when it is killed
	honeynet_wait 10 grep -qsx ready "$2/$1.out" || {
		echo "the servers of the $1 do not start:" >&2
		cat "$2/$1.out" >&2
		return 1
	}
}

# Waits until a command succeeds; gives up after some seconds.
honeynet_wait() # seconds command...
{
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.05
	done
}

# Ends what runs in the namespaces, then removes them. Fine if there are none, or not all of them.
honeynet_down()
{
	local namespace pids
	for namespace in /run/netns/"$HONEYNET"-*; do
		[[ -e $namespace ]] || continue
		namespace=${namespace##*/}
		pids=$(ip netns pids "$namespace")
		# shellcheck disable=SC2086 # several words
		[[ -z $pids ]] || kill -KILL $pids 2>/dev/null || true
		ip netns delete "$namespace"
	done
}
