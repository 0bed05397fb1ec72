#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd intel
# Kernels: small-6.12
# Timeout: 600
#
# The beds themselves: every way a run can end, what is carried in and out, and
# that no kernel report goes unseen.  Needs no driver.

count=0

# check NAME - the result of the command before it, with its output on failure
check()
{
	local result=$?

	count=$((count + 1))
	if [ $result = 0 ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		sed 's/^/# /' "$WORK/out" "$WORK/err" | tail -n 40
	fi
}

# bed STATUS [OPTION...] -- COMMAND... - whether the bed exits with STATUS
bed()
{
	local expected=$1 status

	shift
	$BED --no-module --timeout 120 "$@" >"$WORK/out" 2>"$WORK/err"
	status=$?
	[ $status = "$expected" ] && return
	echo "exit status $status instead of $expected" >>"$WORK/err"
	return 1
}

share=$WORK/share
mkdir -p "$share/sub"
head -c 1000000 /dev/urandom >"$share/sub/in"

bed 0 --share "$share" -- sh -c '
	id -u; cat /proc/1/comm
	grep -qw -e svm -e vmx /proc/cpuinfo && echo virtualization
	mkdir -p /share/out/deep && cp /share/sub/in /share/out/deep/copy
	ln -s deep/copy /share/out/link
	echo to stderr >&2'
check "the command runs and succeeds"
[ "$(cat "$WORK/out")" = "$(printf '0\ninit\nvirtualization')" ]
check "as root, with virtualization, its output unmixed"
[ "$(cat "$WORK/err")" = "to stderr" ]
check "its error output is apart"
cmp "$share/sub/in" "$share/out/link" >"$WORK/err" 2>&1
check "what it writes to /share/out comes home"

bed 42 -- sh -c 'head -c 300000 /dev/zero | tr "\0" x; exit 42'
check "its status is the bed's"
[ "$(tr -d x <"$WORK/out" | wc -c)" = 0 ] && [ "$(wc -c <"$WORK/out")" = 300000 ]
check "long output is complete"

bed 124 --timeout 25 -- sh -c 'echo started; exec sleep 1000'
check "a time-out is 124"
[ "$(cat "$WORK/out")" = started ] && grep -q "no end after 25 s" "$WORK/err"
check "... and tells so after the output so far"

bed 125 -- sh -c 'echo c >/proc/sysrq-trigger; sleep 100'
check "a panic is 125"
grep -q "Kernel panic - not syncing: sysrq triggered crash" "$WORK/err"
check "... with the report"

bed 125 -- sh -c 'echo "WARNING: CPU: 0 PID: 1 at made/up" >/dev/kmsg'
check "a report beside a command that succeeds is 125"
grep -q "the command itself exited with 0" "$WORK/err"
check "... which tells the command's status"

bed 125 -- sh -c 'kill -9 -1; poweroff -f; sleep 100'
check "a host that powers off under its command is 125"

echo "1..$count"
