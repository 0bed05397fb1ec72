#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd
# Kernels: debian-6.12 small-6.12
# Timeout: 1800
#
# Guests under systemd: a Debian of its own is the host's container, with the launcher
# as "make install" puts it there. holm@.service at boot, by systemctl and until the
# machine is powered off; scopes of "holm run --detach".

. "$TOP/tests/suites/lib.sh"
. "$TOP/tests/suites/chroot.sh"

share=$WORK/share
mkdir -p "$share/out"
"$TOP/tests/bed/guest-assets" --dir "$share" small-6.12 >&2
cp "$TOP/tests/suites/rows.sh" "$share/rows"

# config NAME LINE... - of a guest with a shell
config()
{
	local name=$1

	shift
	printf '%s\n' "[vm]" "name = $name" "memory = 96M" "[boot]" \
		"kernel = /share/vmlinuz-small-6.12" "initrd = /share/initrd" \
		'cmdline = "console=ttyS0 panic=-1 holm.demo=shell"' "$@" \
		>"$WORK/root/etc/holm/$name.conf"
}

install_launcher()
{
	local root=$WORK/root

	make -C "$TOP" O="$O" DESTDIR="$root" PREFIX=/usr install &&
		mkdir -p "$root/etc/holm" "$root/share" || return
	config atboot
	config byhand
	config wrong '[debug]' 'exit-port = no'
	echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
	ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
	chroot_do systemctl enable holm@atboot || return
	chroot_do systemctl mask getty.target
	mv "$root" "$share/root"
}

# The first process of the container, in a PID namespace of its own.
cat >"$share/container" <<'END_OF_SCRIPT'
mount -t proc proc /proc
umount /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
exec env -i container=holm-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd >/dev/null 2>&1
END_OF_SCRIPT

cat >"$share/host" <<'END_OF_SCRIPT'
machine=/share/root
mount --bind $machine $machine
mount --rbind /dev $machine/dev
mount --rbind /sys $machine/sys
mount --rbind /share $machine/share
mount -t proc proc $machine/proc
mkdir /sys/fs/cgroup/machine
echo "+cpu +memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
# The manager is alone in what it sees as the root of the control groups.
# (By their paths, for the host's shell to use the container's programs.)
chroot $machine /usr/bin/unshare --pid --fork --uts /bin/sh -c \
	'echo 0 >/sys/fs/cgroup/machine/cgroup.procs
	exec unshare --cgroup --mount --propagation slave sh /share/container' &
container=$!
until [ -S "/proc/$init/root/run/systemd/private" ]; do
	kill -0 $container || exit
	sleep 0.5
	init=$(cat /proc/$container/task/$container/children)
	init=${init% }
done
chroot $machine /usr/bin/nsenter -t "$init" -m -p -C -u -r -w /bin/sh /share/check
wait $container
rows=$(grep -c '^ok\|^not ok' /share/out/tap)
if grep 'holm: power button' /share/out/poweroff; then
	ok=ok
else
	ok="not ok"
fi
echo "$ok $((rows + 1)) - its guests are shut down, too" >>/share/out/tap
echo "1..$((rows + 1))" >>/share/out/tap
END_OF_SCRIPT

cat >"$share/check" <<'END_OF_SCRIPT'
PATH=/usr/sbin:/usr/bin:/sbin:/bin
. /share/rows
property() { systemctl show -P "$2" "$1"; }
group() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }
has_ended() { until_file 'the guest powered off' "$1"; }
journal() { journalctl --no-pager -q "$@" >/tmp/journal; }

atboot()
{
	# Not "running" where a unit of Debian's does not work in a container.
	systemctl is-system-running --wait || systemctl --failed
	systemctl status --no-pager holm@atboot || [ $? -le 3 ]
	[ "$(property holm@atboot ActiveState)" = active ]
	pid=$(property holm@atboot MainPID)
	holm list
	holm list | grep -q "^ *$pid  running .* atboot\$"
	[ "$(group "$pid")" = /holm.slice/holm@atboot.service ]
}

confined()
{
	pid=$(property holm@atboot MainPID)
	grep -q '^NoNewPrivs:.*1$' "/proc/$pid/status"
	grep -q '^Seccomp:.*2$' "/proc/$pid/status"
	# CAP_DAC_READ_SEARCH
	grep -q '^CapBnd:.*0000000000000004$' "/proc/$pid/status"
	# Not even root's devices, but those that it needs; nothing of /usr to write.
	cat >/tmp/inside <<-'END'
	echo $$ >/sys/fs/cgroup/holm.slice/holm@atboot.service/cgroup.procs
	exec nsenter -t "$1" -m -r sh -xc '
		true </dev/holm && ! true </dev/kmsg && ! true </dev/mem && ! true >/usr/none &&
			true >/share/out/some'
	END
	true </dev/kmsg
	sh /tmp/inside "$pid"
}

console()
{
	attach atboot
	until_file 'This is a shell' /tmp/atboot.con
	echo 'echo sum=$((40+2))' >/tmp/atboot.in
	until_file 'sum=42' /tmp/atboot.con
	detach atboot
}

byhand()
{
	status 0 systemctl start holm@byhand
	pid=$(property holm@byhand MainPID)
	# "started" is the guest's start, not that of the process.
	holm list | grep -q "^ *$pid  running .* byhand\$"
	attach byhand
	until_file 'This is a shell' /tmp/byhand.con
}

# The guest asks for a reset: it begins anew.
again()
{
	pid=$(property holm@byhand MainPID)
	echo 'reboot -f' >/tmp/byhand.in
	for n in $(seq 300); do
		[ "$(property holm@byhand NRestarts)" != 1 ] || break
		sleep 0.2
	done
	for n in $(seq 300); do
		[ "$(property holm@byhand ActiveState)" != active ] || break
		sleep 0.2
	done
	detach byhand || :
	[ "$(property holm@byhand NRestarts)" = 1 ]
	[ "$(property holm@byhand MainPID)" != "$pid" ]
	attach byhand
	until_file 'This is a shell' /tmp/byhand.con
	detach byhand
}

stop()
{
	status 0 systemctl stop holm@byhand
	[ "$(property holm@byhand Result)" = success ]
	gone byhand
	journal -u holm@byhand
	has_ended /tmp/journal
}

failures()
{
	status 1 systemctl start holm@wrong
	journal -u holm@wrong
	grep 'wrong.conf.*exit-port' /tmp/journal
	status 1 systemctl start holm@none
	says 'Assertion failed'
}

scope()
{
	cd /share
	status 0 holm run --detach --name scoped --memory 96M --kernel vmlinuz-small-6.12 \
		--initrd initrd --cmdline "console=ttyS0 panic=-1 holm.demo=shell"
	unit=$(field unit /tmp/out)
	pid=$(field pid /tmp/out)
	[ "$unit" = "holm-$(field uuid /tmp/out).scope" ]
	[ "$(property "$unit" ActiveState)" = active ]
	[ "$(property "$unit" Description)" = "holm virtual machine scoped" ]
	[ "$(group "$pid")" = "/holm.slice/$unit" ]
	attach scoped
	until_file 'This is a shell' /tmp/scoped.con
	detach scoped
	# The power button, and what the launcher says is in the journal.
	status 0 systemctl stop "$unit"
	gone scoped
	journal -t holm
	has_ended /tmp/journal
	[ "$(property "$unit" LoadState)" = not-found ]
}

# The container ends: what the guest that was started at boot says then is looked at
# outside.
poweroff()
{
	holm console atboot </dev/null >/share/out/poweroff &
	until_file 'sum=42' /share/out/poweroff
	systemctl start --no-block poweroff.target
}

row atboot "a guest that is enabled runs when the machine has booted, in holm.slice"
row confined "its launcher is confined"
row console "holm console has its console"
row byhand "systemctl start returns when the guest runs"
row again "a guest that resets itself begins anew"
row stop "systemctl stop shuts a guest down by its power button"
row failures "a wrong file and one that is not there are errors, and say so"
row scope "a guest in the background has a scope of its own, and the journal"
row poweroff "the machine is powered off"
END_OF_SCRIPT

try "a system with systemd" chroot_make \
	systemd,libinih1,libjson-c5,libmicrohttpd12,libncurses6,libnl-genl-3-200,libzydis4.0
try "make install" install_launcher
host_rows systemd "all rows were run, without a kernel report" --vendor amd --host debian-6.12 --mem 3072 --timeout 1700 -- \
	sh /share/host
rm -rf "$share/root"
plan
