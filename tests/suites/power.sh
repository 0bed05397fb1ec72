#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd intel
# Kernels: small-6.12 small-6.1 debian-6.12 debian-6.1
# Timeout: 1500
#
# The machine sleeps, goes down or crashes under a running guest: after a suspend
# the guest goes on; after kexec, and after a crash, the next kernel finds every
# CPU out of SVM or VMX operation, and runs guests of its own.

. "$TOP/tests/suites/lib.sh"

share=$WORK/share
mkdir -p "$share/out" "$share/lib"
"$TOP/tests/bed/guest-assets" --dir "$share" small-6.12 small-6.1 debian-6.12 debian-6.1 >&2
kexec=$(PATH=$PATH:/usr/sbin:/sbin command -v kexec) && {
	cp "$kexec" "$share/lib/"
	ldd "$kexec" | awk '$3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' |
		xargs -I LIB cp LIB "$share/lib/"
}
result $? "kexec is installed"

# Everything is copied to /tmp/w: 9p does not survive a suspend.
cat >"$share/lib.sh" <<'END'
die() { echo "$*"; exit 1; }
log=/tmp/guest.log
# A guest in the background, whose kernel has begun to boot.
start_guest()
{
	holm run --memory 128M --kernel /tmp/w/vmlinuz-small-6.12 --initrd /tmp/w/initrd \
		--cmdline "console=ttyS0 panic=-1 holm.demo=batch" \
		</dev/null >$log 2>&1 &
	guest=$!
	for i in $(seq 300); do
		grep -q 'Linux version' $log && return
		kill -0 $guest 2>/dev/null || break
		sleep 0.2
	done
	tail -n 20 $log
	die "the guest does not come up"
}
# It ends by itself, having done all that it was to do.
end_guest()
{
	wait $guest || { tail -n 30 $log; die "the guest failed"; }
	grep -q '^Linux holm-guest' $log && grep -q 'holm: the guest powered off' $log && return
	tail -n 30 $log
	die "the guest did not finish"
}
leave_share()
{
	cd /
	sync
	umount /share || die "/share is in use"
}
END

# As far as to the syscore callbacks, with the other CPUs offline, and back.
cat >"$share/suspend" <<'END'
. /tmp/w/lib.sh
leave_share
grep -q deep /sys/power/mem_sleep || die "no S3: $(cat /sys/power/mem_sleep)"
echo deep >/sys/power/mem_sleep
echo core >/sys/power/pm_test || die "no pm_test"
echo 1 >/sys/module/suspend/parameters/pm_test_delay
start_guest
for n in 1 2 3; do
	kill -0 $guest 2>/dev/null || die "the guest ended before suspend $n"
	echo mem >/sys/power/state || die "suspend $n"
	[ "$(dmesg | grep -c 'suspend debug: Waiting for 1 second')" = $n ] || die "no suspend $n"
done
end_guest
echo "the guest went on"
END

# All the way: what the CPU knew of SVM is lost when the clock wakes it.
cat >"$share/sleep" <<'END'
. /tmp/w/lib.sh
leave_share
echo deep >/sys/power/mem_sleep || die "no S3"
start_guest
echo +5 >/sys/class/rtc/rtc0/wakealarm || die "the clock cannot wake the host"
echo mem >/sys/power/state || die "it does not sleep"
dmesg | grep -q 'ACPI: PM: Waking up from system sleep state S3' || die "it did not sleep"
end_guest
echo "the guest went on"
END

# The next kernel boots from what this one did, with another command.
cat >"$share/next" <<'END'
. /tmp/w/lib.sh
kexec() { /tmp/w/lib/ld-linux-x86-64.so.2 --library-path /tmp/w/lib /tmp/w/lib/kexec "$@"; }
# load OPTION KERNEL ARGUMENTS - have kexec's OPTION load it
load()
{
	echo 'exec sh -c "echo the next kernel; holm-smoke"' >/bed/command
	(cd / && find . -xdev ! -path './run/*' | cpio -o -H newc | gzip -1) >/tmp/next 2>/dev/null
	[ -s /tmp/next ] || die "no initramfs"
	kexec "$1" "/tmp/w/vmlinuz-$2" --initrd=/tmp/next --command-line="$3" ||
		die "kexec cannot load it"
	rm /tmp/next
}
END

cat >"$share/kexec" <<'END'
. /tmp/w/next
load -l "$1" "$(cat /proc/cmdline)"
leave_share
start_guest
kexec -e
die "kexec -e came back"
END

# The first CPU crashes, on which the crash kernel starts.
cat >"$share/crash" <<'END'
. /tmp/w/next
[ "$(cat /sys/kernel/kexec_crash_size)" != 0 ] || die "no memory for a crash kernel"
load -p "$1" "$(sed 's/crashkernel=[^ ]*//' /proc/cmdline)"
leave_share
start_guest
taskset 1 sh -c 'echo c >/proc/sysrq-trigger'
die "no crash"
END

# in_host HOST "OPTION..." SCRIPT [ARG]
in_host()
{
	local host=$1 options=$2

	shift 2
	# shellcheck disable=SC2086
	"$TOP/tests/bed/run" --vendor "$GROUP" --host "$host" --timeout 600 --share "$share" \
		$options -- sh -c "cp -r /share /tmp/w && cd / && exec sh /tmp/w/$*"
}

# next_kernel HOST "OPTION..." SCRIPT
next_kernel()
{
	in_host "$1" "$2" "$3" "$1" >"$WORK/out" 2>&1 || {
		cat "$WORK/out"
		return 1
	}
	cat "$WORK/out"
	grep -q '^the next kernel' "$WORK/out" && grep -q '^ok .*long' "$WORK/out"
}

if [ "$GROUP" = amd ]; then
	try "small-6.12: three suspends under a guest" in_host small-6.12 "" suspend
	try "small-6.1: three suspends under a guest" in_host small-6.1 "" suspend
	try "small-6.1: kexec under a guest" next_kernel small-6.1 "" kexec
	# A stock kernel has what this takes: an RTC that wakes, /proc/kcore for kexec.
	try "debian-6.12: S3 under a guest" in_host debian-6.12 "" sleep
	for kernel in debian-6.12 debian-6.1; do
		try "$kernel: a crash under a guest, and the crash kernel" next_kernel $kernel \
			"--append crashkernel=512M --expect-report sysrq --expect-report Call.Trace" crash
	done
fi
try "small-6.12: kexec under a guest" next_kernel small-6.12 "" kexec
plan
