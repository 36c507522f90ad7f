# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Sourced by the scenarios here: servers that people run, one kind on the frontend and another on the
# backend, and clients that people use. Configuration and state are in $DIR/frontend, $DIR/backend.
# What a server serves says where it comes from: "frontend" or "backend".

# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# Skips where a program is not installed: see scripts/dependencies.
need() # program...
{
	local program
	for program in "$@"; do
		PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || skip "no $program here"
	done
}

# --- servers

# A honeypot's directory.
place() # role
{
	echo "$DIR/$1"
}

# Ends the servers of both honeypots and empties their directories.
clear_honeypots()
{
	local role
	chmod 711 "$DIR"
	for role in frontend backend; do
		end_servers $role
		rm -rf "${DIR:?}/$role"
		mkdir -m 755 "$DIR/$role"
	done
}

# Starts a server in the background, without a terminal; what it says goes to a file.
serve() # role name command...
{
	exec_on "$1" "${@:3}" </dev/null >>"$DIR/$1/$2.out" 2>&1 &
	disown
}

# The same, for a server that sees other files in the place of the system's.
serve_with_files() # role name file:place... -- command...
{
	local arguments=("${@:3}")
	# shellcheck disable=SC2016 # the inner shell expands
	serve "$1" "$2" sh -c 'while [ "$1" != -- ]; do
			mount --bind "${1%%:*}" "${1#*:}" || exit
			shift
		done
		shift
		exec "$@"' sh "${arguments[@]}"
}

listens() # role tcp|udp port
{
	local kind=-Hlt
	[[ $2 == tcp ]] || kind=-Hlu
	[[ -n $(on "$1" ss "${kind}n" "sport = :$3") ]]
}

await() # role tcp|udp port
{
	honeynet_wait 60 listens "$@" || {
		tail -n 20 "$DIR/$1"/*.out >&2
		fail "the $1 does not listen on $2 port $3"
	}
}

# A low-interaction honeypot: see imitate.py.
imitate() # role port greeting [request=answer]...
{
	serve "$1" "imitate-$2" "$E2E_DIR/protocols/imitate.py" "${@:2}"
	await "$1" tcp "$2"
}

# --- configuration

# Redirects on the first payload that was never seen on its port; a known one decides nothing, so that
# the same dialogue is handed over one step later each time. Other targets are asked first.
redirect_on_news() # targets
{
	configure <<-END
		module "new" { function = hash; }
		module "never" { function = counter; counter = 1000000; }
		$1
		target { filter "dst host $FRONTEND"; frontend $FRONTEND; backend $BACKEND "new or never"; }
	END
	start_honeybridd
}

# --- clients

# A person at a client that reads and writes lines. Steps on standard input: "see TEXT" waits until it
# has come, "say LINE" types it. Prints all that came; fails where a text does not come.
dialogue() # line-end command...
{
	local LC_ALL=C verb text byte seen='' all='' line_end=$1
	coproc CLIENT { exec_on attacker "${@:2}" 2>&1; }
	local from=${CLIENT[0]} to=${CLIENT[1]} pid=$CLIENT_PID
	while read -r verb text; do
		if [[ $verb == say ]]; then
			printf "%s$line_end" "$text" >&"$to"
			continue
		fi
		until [[ $seen == *"$text"* ]]; do
			IFS= read -r -t 20 -n 1 -d '' -u "$from" byte || {
				echo "\"$text\" did not come, but: $all"
				kill "$pid" 2>/dev/null
				return 1
			}
			seen+=$byte all+=$byte
		done
		seen=${seen#*"$text"}
	done
	kill "$pid" 2>/dev/null || true
	echo "$all"
}

# --- what is checked

# Runs the same session again and again: the first one is handed over at the client's first word,
# each later one a word later, until there is nothing new left and the frontend has it for itself.
# The command prints how its session ended (backend: that gave the last answer), and fails if
# anything else went wrong. All words, joined by spaces, are what the pattern says.
each_step() # title port pattern command...
{
	local got='' word=
	while [[ $word != frontend && ${#got} -lt 1000 ]]; do
		word=$("${@:4}") || fail "$1: after $got: $word"
		got+="$word "
	done
	[[ $got =~ ^$3\ $ ]] || fail "$1: expected $3, got $got"
	honeynet_wait 15 decided "$2" "$(wc -w <<<"$got")" || fail "$1: flows are missing in the log"
	show_handovers "$1" "$2"
}

# So many flows towards a port are in the log.
decided() # port number
{
	[[ $(grep -c " -> $TO:$1 " "$DIR/flow.log") -ge $2 ]]
}

# What a handover took, one line each.
show_handovers() # title port [tcp|udp]
{
	local line
	while read -r line; do
		echo "$1: ${line##* handover:}"
	done < <(flows "${3:-tcp}" "$2" FORWARD)
}

clear_honeypots # of the demonstration's servers
