#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd intel
# Kernels: small-6.12 small-6.1 debian-6.1 debian-6.12 cloud-6.1 cloud-6.12
# Timeout: 2400
#
# Linux guests: Debian's stock kernels and the small one boot to userspace and
# power off, on each kind of host.

. "$TOP/tests/suites/lib.sh"

share=$WORK/share
mkdir -p "$share/out"
"$TOP/tests/bed/guest-assets" --dir "$share" small-6.12 cloud-6.1 cloud-6.12 >&2

# The script that boots one guest in the host and judges what it printed:
#	boot KERNEL TIMES
cat >"$share/boot" <<'END'
#!/bin/sh
kernel=$1 times=$2 n=0
while [ $n -lt "$times" ]; do
	n=$((n + 1))
	log=/share/out/$kernel.$n.log
	timeout 400 holm run --memory 256M --kernel "/share/vmlinuz-$kernel" \
		--initrd /share/initrd --cmdline "console=ttyS0 panic=-1 holm.demo=batch tsc_early_khz=$TSC_KHZ" \
		</dev/null >"$log" 2>&1
	status=$?
	why=
	[ $status = 0 ] || why="exit status $status"
	grep -q '^Linux holm-guest' "$log" || why="no uname from the guest $why"
	grep -q 'holm: the guest powered off' "$log" || why="no power-off $why"
	grep -E -q 'WARNING: CPU|Call Trace|BUG: |segfault at|Segmentation fault|Oops: |soft lockup|detected stall' "$log" &&
		why="a report in the guest's console $why"
	if [ -n "$why" ]; then
		echo "boot $n: $why"
		tail -n 30 "$log"
		exit 1
	fi
	grep '^Linux holm-guest' "$log"
done
END
chmod +x "$share/boot"

# boots HOST KERNEL TIMES
boots()
{
	local host=$1 kernel=$2 times=$3

	try "$host: $kernel boots as a guest$([ "$times" = 1 ] || echo ", $times times in a row")" \
		"$TOP/tests/bed/run" --vendor "$GROUP" --host "$host" --timeout 900 \
		--share "$share" -- sh /share/boot "$kernel" "$times"
}

if [ "$GROUP" = amd ]; then
	boots small-6.12 small-6.12 20
	boots small-6.12 cloud-6.1 1
	boots small-6.12 cloud-6.12 1
	boots small-6.1 small-6.12 1
	boots debian-6.1 cloud-6.1 1
	boots debian-6.12 cloud-6.12 1
else
	boots small-6.12 small-6.12 1
	boots small-6.12 cloud-6.1 1
	boots small-6.1 small-6.12 1
fi
plan
