#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd
# Kernels: small-6.12
# Timeout: 1800
#
# The kernel's own YNL tools with our specification, as the documentation shows it:
# its command lines, and samples/list.py. The host gets Debian's Python for it.

. "$TOP/tests/suites/lib.sh"

share=$WORK/share
mkdir -p "$share/out" "$share/python/bin" "$share/python/lib" "$share/ynl"

# The interpreter of Debian, for which its python3-yaml is. That is told to parse by
# libyaml: in Python it takes half a minute on an emulated host.
python_into_share()
{
	local python release home yaml=/usr/lib/python3/dist-packages/yaml

	python=$(readlink -f /usr/bin/python3) && release=$(basename "$python") &&
		home=$share/python/lib/$release &&
		cp "$python" "$share/python/bin/python3" &&
		rsync -a --exclude test --exclude 'config-*' --exclude site-packages \
			--exclude idlelib --exclude pydoc_data --exclude sitecustomize.py \
			"/usr/lib/$release" "$share/python/lib/" &&
		rsync -a "$yaml" "$home/" &&
		printf 'import yaml\n\nyaml.SafeLoader = yaml.CSafeLoader\n' >"$home/sitecustomize.py" &&
		ldd "$python" "$yaml"/_yaml.*.so | sed -n 's|.*=> \(/[^ ]*\) .*|\1|p' | sort -u |
		xargs cp -L -t "$share/python/lib"
}
try "a Python for the host" python_into_share

ynl=$(ls -d "${XDG_CACHE_HOME:-$HOME/.cache}"/holm/src/linux-6.12*/tools/net/ynl | tail -n 1)
try "the kernel's YNL tools" cp -r "$ynl/cli.py" "$ynl/lib" "$share/ynl/"
cp "$TOP/Documentation/netlink/specs/holm.yaml" "$TOP/samples/list.py" "$share/ynl/"
# HLT with interrupts off.
printf '\364\353\375' >"$share/halt"
head -c 509 /dev/zero >>"$share/halt"

# What is shown to the reader, and what it is to say.
sed -n 's/^    \.\/cli\.py/.\/cli.py/p' "$TOP/Documentation/netlink/use.inc" >"$share/commands"
cat >"$share/expected" <<'END'
host-get 'backend': 'svm'
vm-get 'name': 'web'
vm-get 'state': 'running'
vcpu-get 'apic-id': 0
lifecycle 'name': 'lifecycle-ntf'
vm-kill None
END

cat >"$share/run" <<'END'
cd /share/ynl || exit
export PYTHONPATH=/share/ynl LD_LIBRARY_PATH=/share/python/lib PYTHONHOME=/share/python PYTHONDONTWRITEBYTECODE=1
ln -s /share/python/bin/python3 /bin/python3
die() { echo "$*"; exit 1; }

holm run --name web --kernel /share/halt </dev/null >/tmp/web.log 2>&1 &
web=$!
for i in $(seq 100); do
	holm list | grep -q 'running .* web$' && break
	sleep 0.1
done
python3 list.py holm.yaml >/tmp/list || die "list.py"
cat /tmp/list
grep -q '^web: running, 512 MiB$' /tmp/list && grep -q '^  vCPU 0: halted, [1-9][0-9]* exits$' /tmp/list ||
	die "list.py does not tell of web"

# Virtual machines come and go until /tmp/busy does.
busy()
{
	while [ -e /tmp/busy ]; do
		holm run --name probe --kernel /share/halt </dev/null >/dev/null 2>&1 &
		while [ -e /tmp/busy ] && ! holm list | grep -q ' probe$'; do sleep 0.1; done
		kill $!
		wait $!
	done
}

# as_expected COMMAND - it says what it is to
as_expected()
{
	local looked=

	sh -c "$1" </dev/null >/tmp/out 2>&1 || die "$(cat /tmp/out)"
	while read -r what text; do
		case $1 in
		*" $what"*)
			grep -q -F "$text" /tmp/out || return
			looked=1
			;;
		esac
	done </share/expected
	[ "$looked" ] || die "nobody knows what this is to say"
}

while read -r command; do
	echo "$command"
	tries=1
	case $command in
	*--subscribe*)
		# In its seconds nothing may have happened yet.
		tries=10
		: >/tmp/busy
		busy 2>/dev/null &
		;;
	esac
	until as_expected "$command"; do
		tries=$((tries - 1))
		[ $tries != 0 ] || die "it does not say what it is to: $(cat /tmp/out)"
	done
	rm -f /tmp/busy
	head -n 20 /tmp/out
done </share/commands
wait $web
[ $? = 137 ] || die "web was not killed"
END
shown()
{
	[ "$(wc -l <"$share/commands")" -ge 6 ] && ! grep -v -E ' (--do|--dump|--subscribe) ' "$share/commands"
}
try "the documentation shows what to type" shown
try "the command lines of the documentation, and list.py" \
	"$TOP/tests/bed/run" --vendor amd --timeout 1500 --share "$share" -- sh /share/run
plan
