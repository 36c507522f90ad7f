# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# How the examples talk to their reader, and build what they show. Sourced by their `run`.

SHOW_SOURCE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

BOLD='' GOOD='' BAD='' PLAIN=''
if [[ -t 1 ]]; then
	BOLD=$'\e[1m' GOOD=$'\e[32m' BAD=$'\e[31m' PLAIN=$'\e[0m'
fi
PROBLEMS=0 STEP=0

step() # text
{
	STEP=$((STEP + 1))
	printf '\n%s%d. %s%s\n' "$BOLD" $STEP "$*" "$PLAIN"
}

line() # label text
{
	printf '   %-9s %s\n' "$1" "${*:2}"
}

# A thing that must be so.
check() # what wanted got
{
	if [[ $2 == "$3" ]]; then
		printf '   %s%-9s%s %s\n' "$GOOD" ok "$PLAIN" "$1"
	else
		PROBLEMS=$((PROBLEMS + 1))
		printf '   %s%-9s%s %s\n' "$BAD" WRONG "$PLAIN" "$1"
		line '' "expected: $2"
		line '' "got:      $3"
	fi
}

# Installs what is missing, and builds a honeybridd: $DAEMON.
show_build()
{
	"$SHOW_SOURCE_DIR/scripts/dependencies" build demo
	local directory=$SHOW_SOURCE_DIR/build log
	log=$(mktemp)
	[[ -e $directory/build.ninja ]] || echo "building (only the first time takes long)"
	{
		[[ -e $directory/build.ninja ]] || meson setup "$directory" "$SHOW_SOURCE_DIR"
		ninja -C "$directory" cli/honeybridd
	} >"$log" 2>&1 || {
		cat "$log" >&2
		rm "$log"
		exit 1
	}
	rm "$log"
	DAEMON=$directory/cli/honeybridd
}
