#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: kunit
# Kernels: small-6.12-debug
# Timeout: 1500
#
# The driver's unit tests, on the fake backend, in a kernel that watches for
# memory and locking errors and lets allocations fail on demand.

. "$TOP/tests/suites/lib.sh"

host=small-6.12-debug
kdir=$("$TOP/tests/bed/kernel" --kdir $host)
release=$("$TOP/tests/bed/kernel" --release $host)

try "the module builds" make -C "$TOP" driver-kunit KDIR="$kdir" O="$O" || {
	plan
	exit
}
mkdir -p "$WORK/share/out"
cp "$O/kmod-$release/holm-kunit.ko" "$WORK/share/"
try "its suites run, it unloads, and the kernel has nothing to report" \
	"$TOP/tests/bed/run" --vendor amd --host $host --no-module --timeout 1000 \
	--share "$WORK/share" --append kunit.enable=1 -- sh -c '
		# Sleeping allocations fail as well when a test asks for it.
		f=/sys/kernel/debug
		mount -t debugfs debugfs $f 2>/dev/null
		echo N >$f/failslab/ignore-gfp-wait
		echo 0 >$f/failslab/verbose
		insmod /share/holm-kunit.ko || exit
		dmesg >/share/out/dmesg
		rmmod holm_kunit'

# Each KUnit case is a result of ours; its expectations stand before it.
sed 's/^\[[^]]*\] \{0,1\}//' "$WORK/share/out/dmesg" >"$WORK/ktap"
awk -v n=$count '
	/^ +# .*: (EXPECTATION|ASSERTION) FAILED/ || /^ +Expected / { log_ = log_ "#" $0 "\n" }
	/^ +(not )?ok [0-9]+ / {
		bad = $1 == "not"
		name = $0
		sub(/^ *(not )?ok [0-9]+ (- )?/, "", name)
		n++
		print (bad ? "not ok " : "ok ") n " - " name
		if (bad)
			printf "%s", log_
		log_ = ""
	}
	END { print n > "'"$WORK/count"'" }' "$WORK/ktap"
total=$(cat "$WORK/count")
if [ "$total" = "$count" ]; then
	result 1 "KUnit cases were run" "$WORK/ktap"
else
	count=$total
fi
plan
