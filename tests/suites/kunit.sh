#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: kunit
# Kernels: small-6.12-debug small-6.1
# Timeout: 1800
#
# The driver's unit tests, on the fake backend: in a kernel that watches for
# memory and locking errors and lets allocations fail on demand, and in the
# oldest one.

. "$TOP/tests/suites/lib.sh"

share=$WORK/share
mkdir -p "$share"
cat >"$share/suites" <<'END'
# Sleeping allocations fail as well when a test asks for it.
f=/sys/kernel/debug/failslab
if [ -d $f ]; then
	echo N >$f/ignore-gfp-wait
	echo 0 >$f/verbose
fi
insmod /share/holm-kunit.ko || exit
dmesg >/share/out/dmesg
rmmod holm_kunit
END

# suites HOST - the suites in HOST; each KUnit case is a result of ours, its
# expectations stand before it
suites()
{
	local host=$1 kdir release n

	kdir=$("$TOP/tests/bed/kernel" --kdir "$host")
	release=$("$TOP/tests/bed/kernel" --release "$host")
	try "$host: the module builds" make -C "$TOP" driver-kunit KDIR="$kdir" O="$O" || return
	rm -rf "$share/out"
	mkdir "$share/out"
	cp "$O/kmod-$release/holm-kunit.ko" "$share/"
	try "$host: suites run, the module unloads, and the kernel has nothing to report" \
		"$TOP/tests/bed/run" --vendor amd --host "$host" --no-module --timeout 800 \
		--share "$share" --append kunit.enable=1 -- sh /share/suites

	sed 's/^\[[^]]*\] \{0,1\}//' "$share/out/dmesg" >"$WORK/ktap"
	awk -v n=$count -v host="$host" '
		/^ +# .*: (EXPECTATION|ASSERTION) FAILED/ || /^ +Expected / {
			log_ = log_ "#" $0 "\n"
		}
		/^ +(not )?ok [0-9]+ / {
			bad = $1 == "not"
			name = $0
			sub(/^ *(not )?ok [0-9]+ (- )?/, "", name)
			n++
			print (bad ? "not ok " : "ok ") n " - " host ": " name
			if (bad)
				printf "%s", log_
			log_ = ""
		}
		END { print n > "'"$WORK/count"'" }' "$WORK/ktap"
	n=$(cat "$WORK/count")
	if [ "$n" = "$count" ]; then
		result 1 "$host: KUnit cases were run" "$WORK/ktap"
	else
		count=$n
	fi
}

suites small-6.12-debug
suites small-6.1
plan
