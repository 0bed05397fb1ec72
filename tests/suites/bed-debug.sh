#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd
# Kernels: small-6.12-debug
# Timeout: 900
#
# The debug host: each of its checkers is heard when LKDTM provokes it. Needs no
# driver. (That it is clean by itself, and leaks nothing, other suites show.)

. "$TOP/tests/suites/lib.sh"

# bed STATUS [OPTION...] -- COMMAND... - whether the bed exits with STATUS
bed()
{
	local expected=$1 status=0

	shift
	$BED --host small-6.12-debug --no-module --timeout 300 "$@" || status=$?
	echo "exit status $status, expected $expected"
	[ $status = "$expected" ]
}

# All in one boot, each in a shell of its own: the last one does not survive.
try "LKDTM's faults fail the bed" bed 125 -- sh -c 'modprobe lkdtm
	for fault in WARNING ARRAY_BOUNDS WRITE_AFTER_FREE EXCEPTION; do
		sh -c "echo $fault >/sys/kernel/debug/provoke-crash/DIRECT"
	done
	true'
cp "$WORK/log" "$WORK/faults"
for report in "WARNING: CPU: " "UBSAN: array-index-out-of-bounds" "BUG: KASAN: " "Oops"; do
	grep -q "$report" "$WORK/faults"
	result $? "it shows the report: $report" "$WORK/faults"
done
plan
