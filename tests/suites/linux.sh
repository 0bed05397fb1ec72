#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd intel
# Kernels: small-6.12 small-6.12-debug small-6.1 debian-6.1 debian-6.12 cloud-6.1 cloud-6.12
# Timeout: 2400
#
# Linux guests: Debian's stock kernels and the small one boot to userspace and
# power off, on each kind of host, with one vCPU and with several.

. "$TOP/tests/suites/lib.sh"

share=$WORK/share
# How often in a row, where that is asked for.
in_a_row=${LONG:+20}
in_a_row=${in_a_row:-5}
mkdir -p "$share/out"
"$TOP/tests/bed/guest-assets" --dir "$share" small-6.12 cloud-6.1 cloud-6.12 >&2

# The script that boots one guest in the host and judges what it printed; with
# CPUS, which is --cpus', also where it finds its CPUs:
#	boot KERNEL TIMES [CPUS LINE...]
# SHOW is what guest-init shows, CPU is --cpu's.
cat >"$share/boot" <<'END'
#!/bin/sh
kernel=$1 times=$2 cpus=${3:-1} n=0
[ $# -lt 3 ] && shift 2 || shift 3
# Without its help a guest has to measure the TSC, which it cannot in an emulator.
[ "$CPU" != kvm=off ] || more="tsc_early_khz=$TSC_KHZ"
while [ $n -lt "$times" ]; do
	n=$((n + 1))
	log=/share/out/$kernel.$n.log
	timeout 400 holm run --cpus "$cpus" --cpu "${CPU:-model=host}" --memory 256M --kernel "/share/vmlinuz-$kernel" \
		--initrd /share/initrd --cmdline "console=ttyS0 panic=-1 holm.demo=batch holm.show=${SHOW:-topology} $more" \
		</dev/null >"$log" 2>&1
	status=$?
	why=
	[ $status = 0 ] || why="exit status $status"
	grep -q '^Linux holm-guest' "$log" || why="no uname from the guest $why"
	grep -q 'holm: the guest powered off' "$log" || why="no power-off $why"
	grep -E -q 'WARNING: CPU|Call Trace|BUG: |segfault at|Segmentation fault|Oops: |soft lockup|detected stall' "$log" &&
		why="a report in the guest's console $why"
	for line; do
		grep -q "^$line" "$log" || why="not '$line' $why"
	done
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

# smp HOST KERNEL CPUS LINE...
smp()
{
	local host=$1 kernel=$2 cpus=$3

	shift 3
	try "$host: $kernel finds its CPUs: --cpus $cpus" \
		"$TOP/tests/bed/run" --vendor "$GROUP" --host "$host" --timeout 900 \
		--share "$share" -- sh /share/boot "$kernel" 1 "$cpus" "$@"
}

# paravirt HOST KERNEL CPUS CPU LINE... - what guests make of the paravirtual interface
paravirt()
{
	local host=$1 kernel=$2 cpus=$3 cpu=$4

	shift 4
	try "$host: $kernel keeps its time, --cpus $cpus --cpu $cpu" \
		"$TOP/tests/bed/run" --vendor "$GROUP" --host "$host" --timeout 900 \
		--share "$share" -- env SHOW=time CPU="$cpu" sh /share/boot "$kernel" 1 "$cpus" "$@"
}

# The threads of a guest that runs, by name and with their CPUs.
cat >"$share/pins" <<'END'
#!/bin/sh
holm run --cpus 3 --cpu-affinity 0=1:2=2 --memory 128M --kernel /share/vmlinuz-small-6.12 \
	--initrd /share/initrd --cmdline "console=ttyS0 panic=-1" \
	</dev/null >/tmp/pins.log 2>&1 &
pid=$!
for i in $(seq 300); do
	grep -qs 'Linux version' /tmp/pins.log && break
	sleep 0.2
done
for task in /proc/$pid/task/*; do
	echo "$(cat $task/comm) $(sed -n 's/^Cpus_allowed_list:\t//p' $task/status)"
done | sort | grep vcpu
kill $pid
wait $pid
END

pins()
{
	"$TOP/tests/bed/run" --vendor "$GROUP" --share "$share" --timeout 300 -- \
		sh /share/pins >"$WORK/pins"
	cat "$WORK/pins"
	printf 'vcpu/0 1\nvcpu/1 1-2\nvcpu/2 2\n' | cmp - "$WORK/pins"
}

# The cgroup of a guest that runs: who is there, with what limits; none afterwards.
cat >"$share/cgroup" <<'END'
#!/bin/sh
run()
{
	holm run --cgroup vms/a --cpu-weight 50 --cpu-max 150000/50000 --memory 128M \
		--kernel /share/vmlinuz-small-6.12 --initrd /share/initrd \
		--cmdline "console=ttyS0 panic=-1" </dev/null
}
cd /sys/fs/cgroup
mkdir vms
run 2>&1		# nobody has enabled the controller
ls -d vms/a
echo +cpu >cgroup.subtree_control
echo +cpu >vms/cgroup.subtree_control
run >/tmp/cgroup.log 2>&1 &
for i in $(seq 300); do
	grep -qs 'Linux version' /tmp/cgroup.log && break
	sleep 0.2
done
pid=$(cat vms/a/cgroup.procs)
echo "$(cat /proc/$pid/comm) $(cat vms/a/cpu.weight) $(cat vms/a/cpu.max)"
[ "$(wc -l <vms/a/cgroup.threads)" = "$(ls /proc/$pid/task | wc -l)" ] && echo "all threads"
kill $pid
wait
ls -d vms/a
END

cgroup()
{
	"$TOP/tests/bed/run" --vendor "$GROUP" --share "$share" --timeout 300 -- \
		sh /share/cgroup >"$WORK/cgroup" 2>&1
	cat "$WORK/cgroup"
	cmp "$WORK/cgroup" - <<-'END'
		holm run: the CPU controller is not enabled in the cgroup /sys/fs/cgroup/vms/a: write +cpu to cgroup.subtree_control of the one above it
		ls: vms/a: No such file or directory
		holm 50 150000 50000
		all threads
		ls: vms/a: No such file or directory
	END
}

# What Linux finds of CPUs that hide features: it boots without them.
cat >"$share/features" <<'END'
#!/bin/sh
# find CPU NAME... - with --cpu CPU, these features and not those after a minus
find()
{
	cpu=$1
	shift
	timeout 300 holm run --cpu "$cpu" --memory 128M --kernel /share/vmlinuz-small-6.12 \
		--initrd /share/initrd --cmdline "console=ttyS0 panic=-1 holm.demo=batch holm.show=flags" \
		</dev/null >/share/out/features.log 2>&1 || { tail /share/out/features.log; exit 1; }
	flags=$(tr -d '\r' </share/out/features.log | sed -n 's/^flags[^:]*://p')
	for name; do
		case "$flags " in
		*" ${name#-} "*) found=$name ;;
		*) found=-${name#-} ;;
		esac
		[ "$found" = "$name" ] || { echo "--cpu $cpu: not $name:$flags"; exit 1; }
	done
}
find model=host avx avx2 aes bmi1 xsave sse4_2
find model=x86-64-v2,cx16=off sse4_2 popcnt nx -aes -xsave -avx -avx2 -bmi1
find model=x86-64-v3,cx16=off,aes=on,smep=off avx2 bmi2 aes -smep -rdrand -sha_ni
holm run --cpu avx512f=on --kernel /share/vmlinuz-small-6.12 >/share/out/features.log 2>&1
[ $? = 1 ] && grep 'avx512f=on: guests cannot have it on this host' /share/out/features.log
END

# The launcher refuses CPUs that the host does not have.
no_such_cpu()
{
	"$TOP/tests/bed/run" --vendor "$GROUP" --share "$share" --timeout 300 -- \
		holm run --cpus 2 --cpu-affinity 1=0,7 --kernel /share/vmlinuz-small-6.12 \
		>"$WORK/no-such-cpu" 2>&1
	[ $? = 1 ] && grep -q 'cannot restrict vCPU 1 to CPUs .*offline or not allowed' "$WORK/no-such-cpu"
}

if [ "$GROUP" = amd ]; then
	try "vCPU threads run on their CPUs" pins
	try "a CPU that the host does not have is an error" no_such_cpu
	try "a guest in a cgroup, with weight and quota" cgroup
	try "guests without features of the host's CPU" "$TOP/tests/bed/run" --vendor "$GROUP" \
		--share "$share" --timeout 900 -- sh /share/features
	paravirt small-6.12 cloud-6.1 4 model=host "clocks: kvm-clock" \
		"dmesg: Booting paravirtualized kernel on KVM" "dmesg: .*x2apic" \
		"dmesg: kvm-guest: setup PV IPIs" "dmesg: kvm-guest: PV spinlocks enabled" \
		"dmesg: kvm-guest: KVM setup pv remote TLB flush"
	paravirt small-6.12 small-6.12 1 kvm=off "clocks: [^k]"
	boots small-6.12 small-6.12 "$in_a_row"
	boots small-6.12 cloud-6.1 1
	boots small-6.12 cloud-6.12 1
	boots small-6.1 small-6.12 1
	boots debian-6.1 cloud-6.1 1
	boots debian-6.12 cloud-6.12 1
	smp small-6.12-debug small-6.12 4,sockets=2,threads=2 \
		"cpu0: package 0 core 0 threads 0-1 cores 0-1" \
		"cpu1: package 0 core 0 threads 0-1 cores 0-1" \
		"cpu2: package 1 core 0 threads 2-3 cores 2-3" \
		"cpu3: package 1 core 0 threads 2-3 cores 2-3"
	# More than the host's CPUs can run at once.
	smp small-6.12 cloud-6.12 24,sockets=2,threads=2 "cpu:    24 x" \
		"cpu23: package 1 core 5 threads 22-23 cores 12-23"
	smp small-6.1 cloud-6.12 3 "cpu:    3 x" "cpu0: package 0 core 0 threads 0 cores 0-2" \
		"cpu2: package 0 core 2 threads 2 cores 0-2"
	smp debian-6.12 cloud-6.1 2,sockets=2 "cpu0: package 0 core 0 threads 0 cores 0" \
		"cpu1: package 1 core 0 threads 1 cores 1"
else
	paravirt small-6.12 small-6.12 2 model=host "clocks: \(kvm-clock\|tsc\)" "dmesg: .*x2apic"
	boots small-6.12 small-6.12 1
	boots small-6.12 cloud-6.1 1
	boots small-6.1 small-6.12 1
	smp small-6.12 small-6.12 2,threads=2 "cpu0: package 0 core 0 threads 0-1 cores 0-1" \
		"cpu1: package 0 core 0 threads 0-1 cores 0-1"
fi
plan
