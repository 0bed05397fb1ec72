#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd
# Kernels: small-6.12 small-6.12-debug small-6.1
# Timeout: 900
#
# The control plane: who sees and does what by netlink, messages that make no
# sense, and the launcher's verbs beside real guests: those that look, and those that
# change something, count, and watch.

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

# PAUSE in a loop: a guest that makes no progress.
printf '\363\220\353\374' >"$share/spin"
head -c 508 /dev/zero >>"$share/spin"

cat >"$share/change" <<'END'
die() { echo "$*"; tail -n 20 /tmp/*.log /tmp/events; exit 1; }
# exits VM - how many, of all vCPUs
exits() { holm show "$1" | sed -n 's/^exits  *//p'; }
# until COMMAND... - it becomes true
until_true()
{
	for i in $(seq 600); do
		"$@" && return
		sleep 0.1
	done
	die "this does not become true: $*"
}
more_than() { [ "$(exits "$1")" -gt "$2" ]; }
# during COMMAND... - run it; /tmp/during: what is said of statistics meanwhile
during()
{
	"$@" >/tmp/stats 2>&1 &
	looker=$!
	: >/tmp/during
	while kill -0 $looker 2>/dev/null; do
		holm show busy | grep '^statistics ' >>/tmp/during
	done
	wait $looker
}

holm show >/tmp/host || die "nothing of the driver"
cat /tmp/host
grep -q '^backend  *svm$' /tmp/host && grep -q '^mitigations ' /tmp/host || die "not all of it"
holm show --json | grep -q '"mitigations":' || die "no JSON of the driver"

holm events --follow >/tmp/events 2>/tmp/events.log &
events=$!
holm run --name busy --cpus 2 --memory 96M --kernel /share/vmlinuz-small-6.12 \
	--initrd /share/initrd --console /tmp/busy.console \
	--cmdline "console=ttyS0 panic=-1 holm.demo=batch holm.stress=100000" \
	</dev/null >/tmp/busy.log 2>&1 &
busy=$!
until_true grep -q 'holm: clock .* before' /tmp/busy.console

# Statistics are on for as long as somebody looks.
holm show busy | tee /tmp/show
grep -q '^statistics off$' /tmp/show || die "statistics are on"
grep -q '^slot 0: 0x' /tmp/show || die "no slots"
grep -q '^pages  *[0-9]' /tmp/show || die "no pages"
during holm stats busy --once --interval 5 || die "no statistics: $(cat /tmp/stats)"
grep -q '^statistics on$' /tmp/during || die "they were not on: $(cat /tmp/during)"
cat /tmp/stats
grep -q ' running   busy ' /tmp/stats || die "no row"
grep -q '^ *[0-9.]*k*  *[0-9.]*%  *[0-9.]*% ' /tmp/stats || die "no shares of time"
grep -q '^REASON ' /tmp/stats || die "no reasons"
grep -q '^external-interrupt  *[1-9]' /tmp/stats || die "no interrupt of the host in 5 s"
holm show busy | grep -q '^statistics off$' || die "statistics are on still"
during holm stats --once --passive --interval 5 || die "no table: $(cat /tmp/stats)"
grep -q ' busy ' /tmp/stats || die "no row: $(cat /tmp/stats)"
grep -q '^statistics off$' /tmp/during && ! grep -q '^statistics on$' /tmp/during ||
	die "--passive does something: $(cat /tmp/during)"
holm show busy | grep -q '^statistics off$' || die "--passive leaves statistics on"

# set: all of it, or nothing.
holm set busy --stats on --halt-poll 1234 || die "set"
holm show busy >/tmp/show
grep -q '^statistics on$' /tmp/show && grep -q '^halt poll  1234 ns$' /tmp/show || die "not set"
if grep -q '^PLE ' /tmp/show; then
	holm set busy --ple-gap 0 --ple-window 0 || die "set of PLE"
	holm show busy | grep -q '^PLE  *gap 0, window 0$' || die "PLE is not set"
else
	holm set busy --halt-poll 99 --ple-gap 1 2>/tmp/ple.log && die "PLE without a CPU for it"
	grep -q '^holm set: ' /tmp/ple.log || die "why not"
	holm show busy | grep -q '^halt poll  1234 ns$' || die "half of it was set"
fi
holm stats --once --json --reset >/tmp/stats.json || die "no JSON of statistics"
for key in '"name":"busy"' '"exits_per_second":' '"guest_share":' '"reasons":' '"p99_ns":'; do
	grep -q "$key" /tmp/stats.json || die "no $key"
done
holm show busy | grep -q '^statistics on$' || die "they were not ours to switch off"

# Paused: no exit, and on it goes.
holm pause busy || die "pause"
holm list | grep -q ' paused ' || die "it is not paused"
holm show busy | grep -q '^state  *paused$' || die "show: it is not paused"
before=$(exits busy)
sleep 2
[ "$(exits busy)" = "$before" ] || die "a paused guest exits"
# What was counted stays, until it is reset; nothing is added meanwhile.
holm stats busy --once >/tmp/stats || die "no statistics of a paused guest"
grep -q '^REASON ' /tmp/stats || die "what was counted is gone: $(cat /tmp/stats)"
holm stats busy --once --reset >/tmp/stats || die "no reset"
grep -q ' paused  *busy ' /tmp/stats && ! grep -q '^REASON ' /tmp/stats ||
	die "it is not reset: $(cat /tmp/stats)"
holm resume busy || die "resume"
until_true more_than busy "$before"
holm show busy | grep -q '^state  *running$' || die "it does not run"

holm rename busy calm || die "rename"
holm show busy 2>/tmp/gone.log && die "the old name is still there"
holm show calm | grep -q "^pid  *$busy\$" || die "the new name"
holm rename calm 'not good' 2>/tmp/name.log && die "a name with a blank"
holm show calm --json >/tmp/show.json
id=$(sed -n 's/^ *"id":\([0-9]*\),*$/\1/p' /tmp/show.json)
holm metrics >/share/out/metrics || die "metrics"
echo "$id" >/share/out/id

# Watches: of values that are above at once, and of a guest that is stuck.
for kind in exit-rate=1 resident=1M; do
	timeout 300 holm events --watch "calm:$kind" >/tmp/watch 2>/tmp/watch.log || die "$kind"
	grep -q " watch  *calm ($id) ${kind%=*} [0-9]*, above " /tmp/watch || die "$(cat /tmp/watch)"
done
holm events --watch calm:no-progress=0 2>/tmp/zero.log && die "a watch without a threshold"
holm events --watch nobody:no-progress=1 2>/tmp/nobody.log && die "a watch of nobody"

# An owner without CAP_NET_ADMIN has his watches, and nothing else.
chmod 666 /dev/holm
echo "somebody:x:1000:1000::/tmp:/bin/sh" >>/etc/passwd
somebody() { su -s /bin/sh somebody -c "$*"; }
somebody holm run --name stuck --kernel /share/spin --console none \
	</dev/null >/tmp/stuck.log 2>&1 &
until_true sh -c 'holm list | grep -q " stuck$"'
somebody holm events 2>/tmp/owner.log && die "all events for anybody"
somebody timeout 300 holm events --json --watch stuck:no-progress=2 >/tmp/watch \
	2>/tmp/owner.log || die "no event of a guest that is stuck"
cat /tmp/watch /tmp/owner.log
grep -q '"kind":"no-progress"' /tmp/watch && grep -q '"name":"stuck"' /tmp/watch ||
	die "that is another event"
grep -q 'only of the watches' /tmp/owner.log || die "it is not said what is missing"
somebody holm events --watch calm:no-progress=1 2>/tmp/other.log &&
	die "a watch of somebody else's"
somebody holm pause calm 2>/tmp/other.log && die "somebody else's is paused"
somebody holm pause stuck || die "an owner's pause"
holm kill stuck || die "a paused one is not killed"
until_true sh -c '! holm list | grep -q " stuck$"'
holm pause calm && holm kill calm || die "pause and kill"
wait $busy
sleep 1
kill $events
wait $events
cat /tmp/events
for want in 'paused  *busy' 'resumed  *busy' 'renamed  *calm' 'paused  *calm' 'paused  *stuck' \
	'destroyed  *calm' 'destroyed  *stuck'; do
	[ "$(grep -c "$want" /tmp/events)" = 1 ] || die "event: $want"
done
[ "$(grep -c ' watch  *calm .* exit-rate ' /tmp/events)" = 1 ] || die "a watch's event for all"
rmmod holm || die "the module is in use"
END

change()
{
	rm -f "$share"/out/*
	"$TOP/tests/bed/run" --vendor amd --host small-6.12 --timeout 600 --share "$share" -- \
		sh /share/change
}
try "pause, resume, rename, set, stats, metrics and watches, beside guests that run" change

# What "change" left behind, as Prometheus' parser has it
metrics()
{
	local id

	id=$(cat "$share/out/id") && [ -n "$id" ] || return 1
	"$TOP/tests/user/check-openmetrics" "holm_vms 1" "holm_vm_vcpus id=$id vm=calm 2" \
		"holm_vm_stats_enabled id=$id vm=calm 1" \
		"holm_vm_state id=$id vm=calm holm_vm_state=running 1" <"$share/out/metrics"
}
try "metrics are OpenMetrics" metrics
plan
