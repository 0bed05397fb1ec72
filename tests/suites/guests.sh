#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd intel
# Kernels: small-6.12 small-6.12-debug debian-6.12
# Timeout: 2500
#
# Micro-guests: small programs against the driver's interface, with the end
# state they must have.

. "$TOP/tests/suites/lib.sh"

host=small-6.12
[ "$GROUP" = intel ] || host=small-6.12-debug

program smoke "" --timeout 200
program guests "" --timeout 1500

# Interrupts were delivered by the CPU, unless Bochs cannot; what CPUs without that
# do; and without a TPR shadow.
if [ "$GROUP" = intel ]; then
	count=$((count + 1))
	name="the CPU delivered the interrupts of these guests"
	if grep -q '^# virtual-interrupt delivery' "$WORK/guests.tap"; then
		echo "ok $count - $name"
	elif COLUMNS=1000 "$TOP/tests/bed/run" --help | grep -q 'default here: apicv=0'; then
		echo "ok $count - $name # SKIP this build of Bochs loses virtual interrupts, and the bed cannot mend it"
	else
		echo "not ok $count - $name"
	fi

	program=fallback
	mkdir -p "$WORK/$program/out"
	cat >"$WORK/$program/run" <<'END'
few="timer/oneshot x2apic/ events/nested events/order events/cr8 events/tpr events/loop_halt"
{
	holm-smoke && holm-guests $few && rmmod holm &&
		insmod /modules/holm.ko tpr_shadow=0 && holm-guests $few
	echo $? >/share/out/status
} >/share/out/tap
exit "$(cat /share/out/status)"
END
	"$TOP/tests/bed/run" --vendor intel --cpu-model corei5_arrandale_m520 --timeout 500 \
		--share "$WORK/$program" -- sh /share/run >"$WORK/$program.log" 2>&1
	status=$?
	cp "$WORK/$program/out/tap" "$WORK/$program.tap" 2>/dev/null || : >"$WORK/$program.tap"
	renumber $program
	[ $status = 0 ] && [ "$(grep -c '^1\.\.' "$WORK/$program.tap")" = 3 ]
	result $? "guests on a CPU without APIC virtualization, with and without a TPR shadow" \
		"$WORK/$program.log"
fi

# A stock kernel has the LDT.
host=small-6.12
[ "$GROUP" = intel ] || host=debian-6.12
try "registers of the host and of two guests stay apart, on $host" \
	"$TOP/tests/bed/run" --vendor "$GROUP" --host "$host" --timeout 400 -- holm-host_state 1000
plan
