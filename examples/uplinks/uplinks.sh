# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two networks of attackers beside a honeynet (../honeynet/honeynet.sh, which is sourced before), which come
# through tunnels:
#
#    gateway |east ======= east     192.168.1.1 - 192.168.1.2, 2001:db8:e:1::1 - 2001:db8:e:1::2
#            |west ======= west     192.168.2.1 - 192.168.2.2, 2001:db8:e:2::1 - 2001:db8:e:2::2
#
# They are VXLAN tunnels; another kind needs another "ip link add". For GRE:
#
#    ip link add east type gre local 10.255.1.1 remote 10.255.1.2
#
# What comes out of one gets its mark, by which the answers find their way back into it. The configuration has
# both, so that honeybridd marks what it lets through:
#
#    uplink "east" { interface = east; mark = 1; ip = 192.168.1.1; }
#    uplink "west" { interface = west; mark = 2; ip = 192.168.2.1; }

declare -A UPLINK_MARK=([east]=1 [west]=2)

# A tunnel to a router of its own, which is the attacker, too.
uplink_up() # east|west number attacker attacker6
{
	local name=$1 host=$HONEYNET-$1 gateway=$HONEYNET-gateway under=10.255.$2 tunnel
	honeynet_host "$name"
	ip link add wire netns "$host" type veth peer name "wire-$name" netns "$gateway"
	ip -n "$host" address add "$under.2/24" dev wire
	ip -n "$gateway" address add "$under.1/24" dev "wire-$name"
	ip -n "$host" link set wire up
	ip -n "$gateway" link set "wire-$name" up
	tunnel=(type vxlan id "$2" dstport 4789)
	ip -n "$host" link add tunnel "${tunnel[@]}" local "$under.2" remote "$under.1" dev wire
	ip -n "$gateway" link add "$name" "${tunnel[@]}" local "$under.1" remote "$under.2" dev "wire-$name"
	ip -n "$host" link set tunnel up
	ip -n "$gateway" link set "$name" up
	ip -n "$host" address add "192.168.$2.2/24" dev tunnel
	ip -n "$gateway" address add "192.168.$2.1/24" dev "$name"
	ip -n "$host" -6 address add "2001:db8:e:$2::2/64" dev tunnel nodad
	ip -n "$gateway" -6 address add "2001:db8:e:$2::1/64" dev "$name" nodad
	ip -n "$host" address add "$3/32" dev lo
	ip -n "$host" -6 address add "$4/128" dev lo nodad
	ip -n "$host" route add default via "192.168.$2.1" src "$3"
	ip -n "$host" -6 route add default via "2001:db8:e:$2::1" src "$4"
}

# What has an uplink's mark leaves by it, unless it is for a honeypot, or is the tunnel's own: VXLAN takes the mark
# along, and would send the tunnel through itself.
uplinks_routes()
{
	local name number network
	for network in 198.51.100.0/24 203.0.113.0/24 10.255.0.0/16; do
		on gateway ip rule add pref 90 to $network lookup main
	done
	for network in 2001:db8:f::/64 2001:db8:b::/64; do
		on gateway ip -6 rule add pref 90 to $network lookup main
	done
	for name in east west; do
		number=${UPLINK_MARK[$name]}
		on gateway ip rule add pref 100 fwmark "$number/0xffff" lookup "$((100 + number))"
		on gateway ip route add default via "192.168.$number.2" dev $name table "$((100 + number))"
		on gateway ip -6 rule add pref 100 fwmark "$number/0xffff" lookup "$((100 + number))"
		on gateway ip -6 route add default via "2001:db8:e:$number::2" dev $name table "$((100 + number))"
	done
}

# Behind honeynet_rules: the mark is there when the packet is queued.
uplinks_rules() # prerouting|forward
{
	local iptables name
	for iptables in iptables ip6tables; do
		for name in east west; do
			"uplinks_rules_$1" $iptables $name "${UPLINK_MARK[$name]}"
		done
	done
}

# With several workers the mark has been used to tell one from another when it comes to the worker's chain.
uplinks_rules_prerouting() # iptables uplink mark
{
	local worker rule=(on gateway "$1" -t raw)
	"${rule[@]}" -A PREROUTING -i "$2" -j CT --notrack
	for ((worker = 0; WORKERS > 1 && worker < WORKERS; worker++)); do
		"${rule[@]}" -I queue-$worker 2 -i "$2" -j MARK --set-mark "$3"
	done
	((WORKERS > 1)) || "${rule[@]}" -A PREROUTING -i "$2" -j MARK --set-mark "$3"
	"${rule[@]}" -A PREROUTING -i "$2" -j from-outside
}

# What the frontend answers must have its mark before it is routed.
uplinks_rules_forward() # iptables uplink mark
{
	on gateway "$1" -t raw -I PREROUTING -i "$2" -j MARK --set-mark "$3"
	on gateway "$1" -t mangle -A PREROUTING -i "$2" -j CONNMARK --set-mark "$3"
	on gateway "$1" -t mangle -A PREROUTING -i front -j CONNMARK --restore-mark
}
