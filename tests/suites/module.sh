#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd
# Kernels: small-6.12 small-6.12-debug debian-6.12
# Timeout: 1500
#
# The module as a whole: loaded and unloaded a hundred times without a leak,
# not unloaded under a guest, sharing the CPUs with KVM, CPU hotplug, what a
# killed launcher leaves, tracepoints.

. "$TOP/tests/suites/lib.sh"

share=$WORK/share
mkdir -p "$share/out"
"$TOP/tests/bed/guest-assets" --dir "$share" small-6.12 >&2

cat >"$share/lib" <<'END'
die() { echo "$*"; exit 1; }
ko=$(ls /lib/modules/*/holm.ko /holm.ko /lib/holm.ko 2>/dev/null | head -n 1)
[ -n "$ko" ] || ko=$(find / -xdev -name holm.ko 2>/dev/null | head -n 1)
unload() { rmmod holm 2>/dev/null; ! grep -q '^holm ' /proc/modules; }
# A guest that sleeps in its shell, in the background.
start_guest()
{
	holm run --memory 128M --kernel /share/vmlinuz-small-6.12 --initrd /share/initrd \
		--cmdline "console=ttyS0 panic=-1 holm.demo=shell" --console /tmp/console \
		>/tmp/launcher 2>&1 </dev/null &
	guest=$!
	for i in $(seq 120); do
		grep -q 'This is a shell' /tmp/console 2>/dev/null && return 0
		sleep 1
	done
	cat /tmp/launcher; tail -n 20 /tmp/console
	die "the guest does not come up"
}
# It ends by the signal, and says so.
stop_guest()
{
	kill $guest
	wait $guest
	[ $? = 143 ] && grep -q 'ended by signal' /tmp/launcher || {
		cat /tmp/launcher
		die "the launcher did not end by the signal"
	}
}
END

cat >"$share/reload" <<'END'
. /share/lib
unload || die "cannot unload at first"
slab() { awk '/^Slab:|^KernelStack:|^Percpu:/ { n += $2 } END { print n }' /proc/meminfo; }
for i in $(seq 10); do insmod $ko && rmmod holm || die "load $i"; done
before=$(slab)
for i in $(seq 100); do insmod $ko && rmmod holm || die "load $i"; done
after=$(slab)
echo "slab, stacks, percpu: $before KiB before, $after KiB after 100 times"
[ $((after - before)) -lt 1024 ] || die "it grows"
END

cat >"$share/busy" <<'END'
. /share/lib
start_guest
rmmod holm 2>/dev/null && die "unloaded under a guest"
grep -q '^holm ' /proc/modules || die "gone under a guest"
kill -9 $guest; wait $guest 2>/dev/null
for i in $(seq 20); do unload && exit 0; sleep 1; done
die "cannot unload after the launcher was killed"
END

cat >"$share/hotplug" <<'END'
. /share/lib
start_guest
for i in $(seq 5); do
	echo 0 >/sys/devices/system/cpu/cpu1/online || die "offline $i"
	sleep 1
	echo 1 >/sys/devices/system/cpu/cpu1/online || die "online $i"
	sleep 1
	kill -0 $guest || { cat /tmp/launcher; die "the guest ended"; }
done
stop_guest
END

cat >"$share/kvm" <<'END'
. /share/lib
# KVM first: a VM is refused, with the remedy.
modprobe kvm_amd || die "kvm_amd does not load"
holm run --memory 128M --kernel /share/vmlinuz-small-6.12 --console none \
	>/tmp/launcher 2>&1 </dev/null && die "a VM beside KVM"
grep -q 'modprobe -r' /tmp/launcher || { cat /tmp/launcher; die "no remedy"; }
dmesg | grep -q 'holm: another hypervisor' || die "no log line"
modprobe -r kvm_amd || die "kvm_amd does not unload"
# holm first: KVM does not get the CPUs, and the guest goes on.
start_guest
modprobe kvm_amd 2>/dev/null && die "KVM took the CPUs of a guest"
kill -0 $guest || { cat /tmp/launcher; die "the guest ended"; }
stop_guest
modprobe kvm_amd || die "the CPUs were not given back"
END

cat >"$share/trace" <<'END'
. /share/lib
t=/sys/kernel/tracing
mount -t tracefs tracefs $t 2>/dev/null
for e in entry exit fault inject slot; do
	[ -d $t/events/holm/holm_$e ] || die "no tracepoint holm_$e"
done
echo 1 >$t/events/holm/enable
echo 1 >$t/tracing_on
start_guest
stop_guest
for e in entry exit fault inject; do
	grep -q "holm_$e:" $t/trace || die "holm_$e never fired"
done
END

in_host()
{
	"$TOP/tests/bed/run" --vendor amd --host "$1" --timeout 600 --share "$share" \
		-- sh "/share/$2"
}

try "loaded and unloaded 100 times without a leak" in_host small-6.12 reload
try "not unloaded under a guest; a killed launcher leaves nothing" in_host small-6.12-debug busy
try "CPUs go offline and come back under a guest" in_host small-6.12-debug hotplug
try "KVM and holm refuse each other's CPUs, and give them back" in_host small-6.12 kvm
try "tracepoints fire" in_host debian-6.12 trace
plan
