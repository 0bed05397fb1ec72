#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd
# Kernels: small-6.12-debug
# Timeout: 900
#
# The debug host: clean by itself, and each of its checkers is heard when LKDTM
# provokes it.  Needs no driver.

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

# heard REPORT FAULT - whether the bed fails with REPORT at LKDTM's FAULT
heard()
{
	bed 125 -- sh -c "modprobe lkdtm
		echo $2 >/sys/kernel/debug/provoke-crash/DIRECT || true" &&
		grep -q "$1" "$WORK/log"
}

try "it boots and leaks nothing" bed 0 --kmemleak -- true
try "a warning is heard" heard "WARNING: CPU: " WARNING
try "KASAN is heard" heard "BUG: KASAN: " WRITE_AFTER_FREE
try "UBSAN is heard" heard "UBSAN: array-index-out-of-bounds" ARRAY_BOUNDS
try "a soft fault of the kernel is heard" heard "Oops" EXCEPTION
plan
