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

export ATTACKER=192.0.2.7 ATTACKER6=2001:db8:a::7
export FRONTEND=198.51.100.9 FRONTEND6=2001:db8:f::9
export BACKEND=203.0.113.9 BACKEND6=2001:db8:b::9
export DARKNET=10.1.0.0/21 DARKNET6=2001:db8:d::/64

HONEYNET_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
OWN_MARK=0x80000000 # on the packets that honeybridd itself sends

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
		done'
}

# The gateway's packet filter, one of two: leads all that comes from the three sides through queue 0, and
# nothing else. Without honeybridd nothing passes: a packet for a queue that nobody reads is dropped.
#
#   prerouting   before routing, untracked; attackers talk to the frontend's address
#   forward      the classic recipe, after routing; DNAT translates a darknet to the frontend
honeynet_rules() # prerouting|forward
{
	honeynet_rules_names
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

honeynet_rules_prerouting()
{
	local iptables side
	for iptables in iptables ip6tables; do
		for side in ext front back; do
			on gateway "$iptables" -t raw -A PREROUTING -i "$side" -j CT --notrack
			on gateway "$iptables" -t raw -A PREROUTING -i "$side" -j NFQUEUE --queue-num 0
		done
		# What honeybridd sends goes out as it is: conntrack would take it for sessions of the
		# gateway's.
		on gateway "$iptables" -t raw -A OUTPUT -m mark --mark $OWN_MARK/$OWN_MARK -j CT --notrack
	done
}

honeynet_rules_forward()
{
	honeynet_recipe iptables "$DARKNET" "$FRONTEND" "$BACKEND"
	honeynet_recipe ip6tables "$DARKNET6" "$FRONTEND6" "$BACKEND6"
}

honeynet_recipe() # iptables darknet frontend backend
{
	local host
	on gateway "$1" -t nat -A PREROUTING -d "$2" -j DNAT --to-destination "$3"
	on gateway "$1" -P FORWARD DROP
	for host in "$3" "$4"; do
		on gateway "$1" -A FORWARD -d "$host" -j NFQUEUE --queue-num 0
		on gateway "$1" -A FORWARD -s "$host" -j NFQUEUE --queue-num 0
		# What honeybridd sends to a honeypot must not be taken for a packet of the attacker's
		# session, which conntrack knows; what it sends to the attacker must.
		on gateway "$1" -t raw -A OUTPUT -d "$host" -m mark --mark $OWN_MARK/$OWN_MARK \
			-j CT --notrack
	done
}

# The gateway's own errors about a redirected packet quote the backend: honeybridd must see them before
# the attacker does.
honeynet_rules_errors()
{
	local iptables errors error
	for iptables in iptables ip6tables; do
		on gateway "$iptables" -t raw -A OUTPUT -m mark --mark $OWN_MARK/$OWN_MARK -j ACCEPT
		errors=(-p icmp -m icmp --icmp-type)
		[[ $iptables == ip6tables ]] && errors=(-p icmpv6 -m icmp6 --icmpv6-type)
		for error in destination-unreachable time-exceeded parameter-problem; do
			on gateway "$iptables" -t raw -A OUTPUT "${errors[@]}" $error -j NFQUEUE --queue-num 0
		done
	done
	on gateway ip6tables -t raw -A OUTPUT -p icmpv6 -m icmp6 --icmpv6-type packet-too-big \
		-j NFQUEUE --queue-num 0
}

# True while a program reads queue 0.
honeynet_queue_taken()
{
	[[ -n $(on gateway cat /proc/net/netfilter/nfnetlink_queue 2>/dev/null) ]]
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
