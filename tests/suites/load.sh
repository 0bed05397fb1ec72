#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd intel
# Kernels: small-6.12
# Timeout: 1800
#
# Linux guests under load: all CPUs busy with programs that check themselves and
# a clock that keeps to the host's; several guests at once, each with its own
# memory. With LONG set in the environment, Debian's kernels for a minute each, and
# guests with more memory than the host has.

. "$TOP/tests/suites/lib.sh"

share=$WORK/share
mkdir -p "$share/out"
"$TOP/tests/bed/guest-assets" --dir "$share" small-6.12 ${LONG:+cloud-6.1 cloud-6.12} >&2

cat >"$share/lib" <<'EOF'
# guest LOG CPUS MIB KERNEL ARGUMENT... - one that powers off by itself. Each line
# comes with the host's uptime. Not on the share: what is read of a file there while
# it grows may stay zeros.
guest()
{
	local log=$1 cpus=$2 mem=$3 kernel=$4

	shift 4
	{
		timeout 1600 holm run --cpus "$cpus" --memory "${mem}M" \
			--kernel "/share/vmlinuz-$kernel" --initrd /share/initrd \
			--cmdline "console=ttyS0 panic=-1 quiet holm.demo=batch $*" \
			</dev/null 2>&1
		echo "exit status $?"
	} | tr -d '\r' | while IFS= read -r line; do
		read -r now rest </proc/uptime
		echo "$now $line"
	done >"$log"
}

# judge LOG - it ran to its end, and its kernel had nothing to report
judge()
{
	grep -q 'exit status 0$' "$1" && grep -q 'holm: the guest powered off' "$1" ||
		{ tail -n 30 "$1"; return 1; }
	! grep -E 'WARNING: CPU|Call Trace|BUG: |segfault|Segmentation fault|Oops: |soft lockup|detected stall|hung task|, [1-9][0-9]* wrong' "$1"
}
EOF

# Drift: less than 0.1 %. A line of the guest's comes some time after its clock was
# read; of several, the one with the least between the two clocks took the least.
# 0.05 s are the clocks' resolution (0.01 s, four readings) and what that may be.
cat >"$share/stress" <<'EOF'
#!/bin/sh
. /share/lib
guest /tmp/log "$1" 256 "$2" holm.show=topology "holm.stress=$3"
judge /tmp/log || exit 1
grep -E 'holm: stress| cpu:|LOC:|RES:|CAL:|TLB:' /tmp/log
awk -v most="$3" '
	/holm: clock/ {
		n[$5]++
		if (n[$5] == 1 || $1 - $4 < least[$5]) { least[$5] = $1 - $4; host[$5] = $1 }
		if ($1 - $4 > worst) worst = $1 - $4
	}
	END {
		if (n["before"] < 10 || n["after"] < 10) exit 1
		h = host["after"] - host["before"]
		d = least["after"] - least["before"]
		if (d < 0) d = -d
		printf "clocks: %.2f s of the host, %.2f s apart (lines took up to %.2f s longer)\n", h, d, worst - least["before"]
		exit h < most - 2 || d > h / 1000 + 0.05
	}' /tmp/log
EOF

cat >"$share/many" <<'EOF'
#!/bin/sh
# many COUNT MIB FILL STRESS - at the same time, each with a mark
. /share/lib
for n in $(seq "$1"); do
	guest "/tmp/many.$n" 1 "$2" small-6.12 "holm.mark=guest-$n-of-$1 holm.fill=$3 holm.stress=$4" &
done
for n in $(seq "$1"); do
	while ! grep -q 'exit status' "/tmp/many.$n"; do sleep 1; done
done
for n in $(seq "$1"); do
	judge "/tmp/many.$n" || { echo "guest $n"; exit 1; }
	[ "$(grep -c "holm: guest-$n-of-$1: $3 MiB .*, 0 wrong" "/tmp/many.$n")" = 3 ] || {
		echo "guest $n did not look at its memory three times"
		exit 1
	}
	# What one writes no other one shows.
	grep 'holm: guest-' "/tmp/many.$n" | grep -v "guest-$n-of-$1" && exit 1
done
echo "all $1 had their memory"
EOF

# Swap is compressed memory, which takes some to make room.
cat >"$share/overcommit" <<'EOF'
#!/bin/sh
echo 16384 >/proc/sys/vm/min_free_kbytes
modprobe zram && echo 1G >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null &&
	swapon /dev/zram0 && exec holm-overcommit 4 1
EOF

bed()
{
	local name=$1

	shift
	try "$name" "$TOP/tests/bed/run" --vendor "$GROUP" --timeout 1700 --share "$share" "$@"
	sed -n 's/^/# /p' "$WORK/log" | grep -v '^# bed:' | tail -n 12
}

if [ "$GROUP" = amd ]; then
	bed "4 vCPUs under stress" -- sh /share/stress 4 small-6.12 15
	bed "8 guests of 128 MiB side by side" -- sh /share/many 8 128 8 2
	for kernel in ${LONG:+cloud-6.1 cloud-6.12}; do
		for cpus in 1 2 4; do
			bed "$kernel, $cpus vCPUs, a minute of stress" -- \
				sh /share/stress $cpus $kernel 60
		done
	done
	[ -z "${LONG-}" ] ||
		bed "memory of guests twice the host's, swapped and merged" --mem 512 -- \
			sh /share/overcommit
else
	bed "2 vCPUs under stress" -- sh /share/stress 2 small-6.12 2
	# 70 minutes of a CPU.
	[ -z "${LONG-}" ] ||
		bed "cloud-6.1, 2 vCPUs, a minute of stress" --timeout 7000 -- \
			sh /share/stress 2 cloud-6.1 60
fi
plan
