# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# For scripts that are run on an emulated host: rows of TAP in /share/out/tap, and what
# they do to guests. Each row is a function that fails at the first thing that is wrong.

tap=/share/out/tap
: >$tap
rows=0
row()
{
	rows=$((rows + 1))
	# Not in a condition, where set -e has no effect.
	(set -ex; $1) >/tmp/row.log 2>&1
	if [ $? = 0 ]; then
		echo "ok $rows - $2" >>$tap
	else
		echo "not ok $rows - $2" >>$tap
		tail -n 30 /tmp/row.log | sed 's/^/# /' >>$tap
	fi
	sed "s/^/$1: /" /tmp/row.log
}
wrong() { echo "wrong: $*"; exit 1; }

# status WANT COMMAND... - its output in /tmp/out and /tmp/err
status()
{
	local want=$1 got=0

	shift
	"$@" >/tmp/out 2>/tmp/err </dev/null || got=$?
	cat /tmp/out /tmp/err
	[ $got = "$want" ] || wrong "$* has status $got, not $want"
}
says() { grep -q -e "$1" /tmp/out /tmp/err || wrong "nobody says $1"; }

# until_file PATTERN FILE
until_file()
{
	local n

	for n in $(seq 600); do
		grep -q -e "$1" "$2" 2>/dev/null && return
		sleep 0.2
	done
	cat "$2"
	wrong "$2 never has $1"
}
gone()
{
	local n

	for n in $(seq 100); do
		[ "$(holm list | grep -c " $1\$")" = 0 ] && return
		sleep 0.1
	done
	wrong "$1 is still listed"
}

# attach NAME - a script at its console: what it writes into /tmp/NAME.in is typed,
# what comes is in /tmp/NAME.con; until detach NAME
attach()
{
	rm -f "/tmp/$1.in"
	mkfifo "/tmp/$1.in"
	holm console "$1" <"/tmp/$1.in" >"/tmp/$1.con" 2>"/tmp/$1.err" &
	echo $! >"/tmp/$1.pid"
	sleep 1000 >"/tmp/$1.in" &
	echo $! >"/tmp/$1.hold"
}
detach() { kill "$(cat "/tmp/$1.pid")" "$(cat "/tmp/$1.hold")"; }

# field NAME FILE - a line of what "holm run --detach" printed
field() { sed -n "s/^$1  *//p" "$2"; }
