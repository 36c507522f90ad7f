# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two clones beside a honeynet (../honeynet/honeynet.sh, which is sourced before): copies of one machine,
# with its address and its hardware address, each behind an interface of the gateway's.
#
#    gateway |vm1 -------- clone1     203.0.114.9, 2001:db8:c::9, 52:54:00:12:34:56
#            |vm2 -------- clone2     the same

export CLONE=203.0.114.9 CLONE6=2001:db8:c::9
CLONE_MAC=52:54:00:12:34:56
# To the first clone leads the mark that its interface's index is, to the second one that an "uplink" section
# gives to its interface: both ways do.
CLONE2_MARK=0x200

clone_mark() # interface
{
	[[ $1 == vm1 ]] || {
		echo $CLONE2_MARK
		return
	}
	on gateway cat "/sys/class/net/$1/ifindex"
}

# Makes the two namespaces and the wires to them. A clone knows one gateway, so that has one address on both.
clones_up()
{
	local number host
	for number in 1 2; do
		host=clone$number
		honeynet_link $host vm$number $CLONE 203.0.114.1 $CLONE6 2001:db8:c::1
		on $host ip link set eth0 down address $CLONE_MAC
		on $host ip link set eth0 up
		on $host ip -6 address replace $CLONE6/64 dev eth0 nodad # gone with the link
		on $host ip route replace default via 203.0.114.1
		on $host ip -6 route replace default via 2001:db8:c::1
	done
}

# The routes to a clone, by the mark of what goes to it.
clones_routes()
{
	local interface mark table=1000
	for interface in vm1 vm2; do
		mark=$(clone_mark $interface)
		((++table))
		on gateway ip route add $CLONE dev $interface table $table
		on gateway ip rule add fwmark "$mark/0xffff" lookup $table
		on gateway ip -6 route add $CLONE6 dev $interface table $table
		on gateway ip -6 rule add fwmark "$mark/0xffff" lookup $table
	done
}

# Leads what clones send to the queue, as what the other honeypots send: see honeynet_rules.
clones_rules() # prerouting|forward
{
	local iptables side honeypot
	for iptables in iptables ip6tables; do
		honeypot=$CLONE
		[[ $iptables == iptables ]] || {
			honeypot=$CLONE6
			on gateway ip6tables -t raw -I own-address -i vm+ -s $CLONE6 -j RETURN
		}
		on gateway "$iptables" -t raw -I PREROUTING -i ext -s $honeypot -j DROP
		for side in vm1 vm2; do
			on gateway "$iptables" -t security -A INPUT -i $side -j unproved
			on gateway "$iptables" -t security -A FORWARD -i $side -j unproved
			if [[ $iptables == iptables ]]; then
				on gateway iptables -t raw -A PREROUTING -i $side ! -s $CLONE -j DROP
			else
				on gateway ip6tables -t raw -A PREROUTING -i $side -j own-address
			fi
		done
		"clones_rules_$1" "$iptables" $honeypot
	done
}

clones_rules_prerouting() # iptables honeypot
{
	on gateway "$1" -t raw -A PREROUTING -i vm+ -j CT --notrack
	on gateway "$1" -t raw -A PREROUTING -i vm+ -j from-honeypot
}

# Each clone's packets have a tracking zone of their own: they may look the same.
clones_rules_forward() # iptables honeypot
{
	on gateway "$1" -t raw -A PREROUTING -i vm1 -j CT --zone 1
	on gateway "$1" -t raw -A PREROUTING -i vm2 -j CT --zone 2
	on gateway "$1" -A FORWARD -s "$2" -j from-honeypot
	on gateway "$1" -A FORWARD -d "$2" -j from-outside
	on gateway "$1" -t raw -A OUTPUT -d "$2" -m mark --mark "$OWN_MARK/$OWN_MARK" -j CT --notrack
}
