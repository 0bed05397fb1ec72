#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd
# Kernels: small-6.12 small-6.12-debug small-6.1
# Timeout: 900
#
# The control plane: who sees and does what by netlink, messages that make no
# sense, and the launcher's verbs beside real guests.

. "$TOP/tests/suites/lib.sh"

host=small-6.12-debug
program control "" --timeout 600 --kmemleak

share=$WORK/share
mkdir -p "$share/out"
"$TOP/tests/bed/guest-assets" --dir "$share" small-6.12 >&2
# LIDT with a limit of 0, and INT3: a triple fault.
printf '\017\001\036\020\174\314' >"$share/triple"
head -c 506 /dev/zero >>"$share/triple"

cat >"$share/verbs" <<'END'
die() { echo "$*"; tail -n 20 /tmp/*.log /tmp/events; exit 1; }
start()
{
	holm run --name "$1" --cpus "$2" --memory 96M --kernel /share/vmlinuz-small-6.12 \
		--initrd /share/initrd --cmdline "console=ttyS0 panic=-1 holm.demo=shell" \
		--console "/tmp/$1.console" </dev/null >"/tmp/$1.log" 2>&1 &
}
ready()
{
	for i in $(seq 300); do
		grep -q 'This is a shell' "/tmp/$1.console" 2>/dev/null && return
		sleep 0.5
	done
	die "$1 does not come up"
}
[ "$(holm list | wc -l)" = 1 ] || die "somebody is there: $(holm list)"
[ "$(holm list --json | tr -d ' \n')" = "[]" ] || die "somebody is there: $(holm list --json)"
holm events --follow >/tmp/events 2>/tmp/events.log &
events=$!
# It listens as soon as it hears something.
for i in $(seq 50); do
	holm run --name probe --kernel /share/triple </dev/null >/tmp/probe.log 2>&1
	grep -q 'destroyed  *probe' /tmp/events && break
done
start first 1; first=$!
start second 2; second=$!
ready first; ready second
holm list
[ "$(holm list | grep -c ' running ')" = 2 ] || die "not two that run"
holm show second | tee /tmp/show
grep -q '^vCPU 1: APIC ID 1' /tmp/show && grep -q '^pid  *'"$second"'$' /tmp/show ||
	die "that is not the second"
uuid=$(sed -n 's/^uuid  *//p' /tmp/show)
for name in "$second" "$uuid"; do
	holm show "$name" | grep -q '^name  *second$' || die "not found as $name"
done
holm show second --json | grep -q '"apic_id":1' || die "no JSON"
holm show third 2>/tmp/third.log && die "there is no third"
grep -q 'there is no virtual machine "third"' /tmp/third.log || die "why not"
holm kill second || die "it is not killed"
wait $second
[ $? = 137 ] || die "the launcher's status"
for i in $(seq 100); do
	[ "$(holm list | grep -c second)" = 0 ] && break
	sleep 0.1
done
[ "$(holm list | grep -c second)" = 0 ] || die "it is still listed"
holm run --name triple --kernel /share/triple </dev/null >/tmp/triple.log 2>&1
start first 1; twin=$!
for i in $(seq 100); do
	[ "$(holm list | grep -c first)" = 2 ] && break
	sleep 0.1
done
holm kill first 2>/tmp/twins.log && die "which one"
grep -q 'more than one virtual machine is called "first"' /tmp/twins.log || die "why not"
holm kill $first && holm kill $twin || die "not by pid"
wait $first $twin
sleep 1
kill $events
wait $events
cat /tmp/events
for want in 'created  *second' 'started  *second' 'destroyed  *second .* exits' \
	'created  *triple' 'started  *triple' 'shutdown  *triple .* vCPU 0' 'destroyed  *triple'; do
	[ "$(grep -c "$want" /tmp/events)" = 1 ] || die "event: $want"
done
grep -v ' probe ' /tmp/events >/tmp/ours
[ "$(grep -c created /tmp/ours)" = "$(grep -c destroyed /tmp/ours)" ] || die "a life without an end"
rmmod holm || die "the module is in use"
holm list 2>/tmp/gone.log && die "without the module"
grep -q 'the module holm is not loaded' /tmp/gone.log || die "why not"
END

for host in small-6.12 small-6.1; do
	try "$host: list, show, events and kill, beside guests that run" \
		"$TOP/tests/bed/run" --vendor amd --host "$host" --timeout 500 --share "$share" -- \
		sh /share/verbs
done
plan
