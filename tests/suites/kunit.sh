#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: kunit
# Kernels: small-6.12-debug small-6.1
# Timeout: 1200
#
# The driver's unit tests, on the fake backend, in a kernel that watches for
# memory and locking errors and lets allocations fail on demand.

. "$TOP/tests/suites/lib.sh"

run_kunit()
{
	local host=$1 ko

	ko=$(grep -l "" "$O"/kmod-*/holm-kunit.ko | while read -r f; do
		modinfo -F vermagic "$f" | grep -q "$("$TOP/tests/bed/kernel" --release "$host") " &&
			echo "$f"
	done | head -n 1)
	mkdir -p "$WORK/$host/out"
	cp "$ko" "$WORK/$host/" || return
	"$TOP/tests/bed/run" --vendor amd --host "$host" --no-module --timeout 500 \
		--share "$WORK/$host" -- sh -c '
		# Sleeping allocations fail as well when a test asks for it.
		f=/sys/kernel/debug
		mount -t debugfs debugfs $f 2>/dev/null
		[ ! -d $f/failslab ] || echo N >$f/failslab/ignore-gfp-wait
		insmod /share/holm-kunit.ko || exit
		dmesg >/share/out/dmesg
		rmmod holm_kunit' >"$WORK/$host/log" 2>&1
}

# Each KUnit case is a result of ours.
report()
{
	sed -n 's/^\[[^]]*\] *//; s/^\( *\)\(\(not \)\{0,1\}ok\) [0-9]* \(- \)\{0,1\}\(.*\)$/\2 \5/p' \
		"$WORK/$1/out/dmesg" | grep -v -E '^ok holm[-_a-z]*$' |
	while read -r line; do
		count=$((count + 1))
		case $line in
		"not ok "*)
			echo "not ok $count - $1: ${line#not ok }"
			grep -A 8 -F "${line#not ok }" "$WORK/$1/out/dmesg" | sed 's/^/# /' | head -n 20
			;;
		*)
			echo "ok $count - $1: ${line#ok }"
			;;
		esac
		echo "$count" >"$WORK/count"
	done
	count=$(cat "$WORK/count" 2>/dev/null || echo 0)
}

for host in small-6.12-debug small-6.1; do
	run_kunit $host
	result $? "$host: the module loads, its suites run, it unloads, no kernel report" \
		"$WORK/$host/log"
	echo "$count" >"$WORK/count"
	report $host
done
plan
