# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What suites share: TAP results of commands.

count=0

# result STATUS NAME [LOG...] - a result, with the ends of the logs on failure
result()
{
	local status=$1 name=$2

	shift 2
	count=$((count + 1))
	if [ "$status" = 0 ]; then
		echo "ok $count - $name"
		return
	fi
	echo "not ok $count - $name"
	for log; do
		sed 's/^/# /' "$log" | tail -n 40
	done
}

# try NAME COMMAND... - run a command, its output in $WORK/log
try()
{
	local name=$1 status=0

	shift
	"$@" >"$WORK/log" 2>&1 || status=$?
	result "$status" "$name" "$WORK/log"
	return "$status"
}

plan()
{
	echo "1..$count"
}
