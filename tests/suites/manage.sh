#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd
# Kernels: small-6.12
# Timeout: 1800
#
# A guest's life beyond a terminal: started in the background, its console attached
# and left, shut down by its power button; by root and by users, with a systemd that
# is only played here (systemd-run and systemd-cat that do as their manuals say).

. "$TOP/tests/suites/lib.sh"

share=$WORK/share
mkdir -p "$share/out"
"$TOP/tests/bed/guest-assets" --dir "$share" small-6.12 >&2
cp "$TOP/tests/suites/rows.sh" "$share/rows"

cat >"$share/manage" <<'END_OF_SCRIPT'
. /share/rows

# guest NAME [ARGUMENT...] - one in the background; the words of its command line
# in $more
guest()
{
	local name=$1

	shift
	holm run --detach --name "$name" --memory 96M --kernel /share/vmlinuz-small-6.12 \
		--initrd /share/initrd \
		--cmdline "console=ttyS0 panic=-1 holm.demo=shell $more" "$@"
}

# HLT, with interrupts off: nothing to wait for, nobody who listens
printf '\364' >/tmp/halt
head -c 511 /dev/zero >>/tmp/halt
uuid=F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6
small=f81d4fae-7dec-11d0-a765-00a0c91e6bf6

start()
{
	status 0 guest web --uuid $uuid
	[ "$(field name /tmp/out)" = web ]
	[ "$(field uuid /tmp/out)" = $small ]
	[ "$(field console /tmp/out)" = /run/holm/$small.console ]
	pid=$(field pid /tmp/out)
	holm list | grep -q "^ *$pid  running .* web\$"
	holm show web | grep -q "^uuid  *$small\$"
	[ "$(stat -c %a /run/holm)" = 700 ]
	[ "$(stat -c %a /run/holm/$small.console)" = 600 ]
	# It has let go of the caller: a session of its own, no file of ours.
	[ "$(readlink /proc/$pid/fd/0)" = /dev/null ]
	[ "$(cut -d ' ' -f 6 /proc/$pid/stat)" = "$pid" ]
	[ "$(readlink /proc/$pid/cwd)" = / ]
}

console()
{
	attach web
	until_file 'This is a shell' /tmp/web.con
	# The boot messages, from before anybody was there.
	grep -q 'Linux version' /tmp/web.con
	echo 'echo sum=$((40+2))' >/tmp/web.in
	until_file 'sum=42' /tmp/web.con
	detach web
	wait "$(cat /tmp/web.pid)" || [ $? = 143 ]
	# And again for the next one, by the UUID.
	(timeout 5 holm console $uuid || :) </dev/null >/tmp/again
	grep -q 'sum=42' /tmp/again
}

second()
{
	attach web
	until_file 'sum=42' /tmp/web.con
	status 1 holm console web
	says "process $(cat /tmp/web.pid) of user 0 is attached; --force takes its place"
	holm console --force $small </dev/null >/tmp/second 2>&1 &
	taker=$!
	until_file 'has taken the console' /tmp/web.err
	wait "$(cat /tmp/web.pid)" || [ $? = 1 ]
	kill "$(cat /tmp/web.hold)"
	until_file 'sum=42' /tmp/second
	kill $taker
	wait $taker || :
}

wrong_names()
{
	for verb in console stop; do
		status 1 holm $verb nobody
		says 'there is no virtual machine "nobody"'
		status 2 holm $verb
		says 'which virtual machine'
		status 2 holm $verb web --wrong
		says 'unexpected argument --wrong'
		status 2 holm $verb web db
	done
	status 2 holm stop web --timeout never
	status 2 holm stop web --timeout 86401
	status 1 holm console --socket /tmp/none
	says 'there is no console at /tmp/none'
	holm list | grep -q ' web$'
}

failures()
{
	status 1 holm run --detach --kernel /none
	says 'holm run: .*/none'
	status 2 holm run --detach --kernel /share/vmlinuz-small-6.12 --memory 5
	status 2 holm run --detach --config /none
	status 2 holm run --detach --kernel /none --uuid 5
	# A UUID that runs already, whose console is the first one's.
	status 1 guest other --uuid $uuid
	says 'already'
	(timeout 2 holm console web || :) </dev/null >/tmp/again
	grep -q 'sum=42' /tmp/again
	[ "$(holm list | wc -l)" = 2 ]
}

stop()
{
	pid=$(holm show web | sed -n 's/^pid  *//p')
	holm console web </dev/null >/tmp/last 2>/tmp/last.err &
	client=$!
	until_file 'sum=42' /tmp/last
	status 0 holm stop web
	says '^web has shut down$'
	[ "$(holm list | wc -l)" = 1 ]
	wait $client
	grep -q 'holm: power button' /tmp/last
	grep -q 'holm: the guest powered off' /tmp/last.err
	[ ! -e /run/holm/$small.console ]
	[ ! -e /run/holm/$small.log ]
}

fallback()
{
	more=holm.button=ignore status 0 guest deaf --json
	id=$(sed -n 's/.*"uuid":"\(.*\)".*/\1/p' /tmp/out)
	grep -q '"name":"deaf"' /tmp/out
	grep -q "\"console\":\"/run/holm/$id.console\"" /tmp/out
	attach deaf
	until_file 'This is a shell' /tmp/deaf.con
	status 3 holm stop deaf --timeout 2
	says '^deaf did not shut down within 2 s: killed$'
	gone deaf
	wait "$(cat /tmp/deaf.pid)" || [ $? = 1 ]
	kill "$(cat /tmp/deaf.hold)"
	grep -q 'the launcher has gone' /tmp/deaf.err
	grep -q 'the power button was pressed' /run/holm/$id.log
	# What it left is swept away by the next one; before the guest listens, nothing hears.
	[ -e /run/holm/$id.console ]
	status 0 holm run --detach --name early --kernel /tmp/halt
	[ ! -e /run/holm/$id.console ]
	log=$(field log /tmp/out)
	status 3 holm stop early --timeout 0 --json
	says '"end":"killed"'
	rm -f /run/holm/*.log
}

foreign()
{
	holm-holder strange &
	strange=$!
	for n in $(seq 100); do
		holm list | grep -q ' strange$' && break
		sleep 0.1
	done
	status 1 holm stop strange
	says "strange: its launcher, process $strange, does not listen to SIGPWR"
	status 1 holm console strange
	says 'there is no console at /run/holm/'
	kill -0 $strange
	status 0 holm kill strange
	gone strange
	wait $strange || [ $? = 137 ]
	# A virtual machine whose launcher has ended and left it to another process.
	child=$(holm-holder left left)
	holm list | grep -q ' left$'
	status 1 holm stop left --timeout 1
	says 'left: .*launcher'
	kill -0 "$child"
	kill "$child"
	gone left
}

# as UID COMMAND... - with the groups and the session of that user
as()
{
	local user=$1 program=$2

	shift 2
	start-stop-daemon -S -n "no program" -c "$user:$user" -a "$(command -v "$program")" -- "$@"
}
as_user() { XDG_RUNTIME_DIR=/run/user/1000 as 1000 "$@"; }

users()
{
	chmod 666 /dev/holm
	printf '%s:x:%s:%s::/:/bin/sh\n' ann 1000 1000 bob 1001 1001 >>/etc/passwd
	mkdir -p /run/user/1000
	chown 1000:1000 /run/user/1000
	chmod 700 /run/user/1000
	status 0 guest roots
	status 0 as_user holm run --detach --name users --memory 96M \
		--kernel /share/vmlinuz-small-6.12 --initrd /share/initrd \
		--cmdline "console=ttyS0 holm.demo=shell"
	grep -q '^console  /run/user/1000/holm/' /tmp/out
	# Others do not see it, and it does not see others.
	for verb in console stop; do
		status 1 as 1001 holm $verb users
		says 'there is no virtual machine "users"'
		status 1 as_user holm $verb roots
		says 'there is no virtual machine "roots"'
	done
	attach users
	until_file 'This is a shell' /tmp/users.con
	echo 'echo root=$((40+2))' >/tmp/users.in
	until_file 'root=42' /tmp/users.con
	detach users
	status 0 as_user holm stop users
	attach roots
	until_file 'This is a shell' /tmp/roots.con
	detach roots
	status 0 holm stop roots
	# No session, so no directory.
	status 1 as 1001 holm run --detach --kernel /share/vmlinuz-small-6.12
	says 'XDG_RUNTIME_DIR'
	# Root may end it, though it is not its own.
	status 0 as_user holm run --detach --name users2 --kernel /tmp/halt
	status 3 holm stop users2 --timeout 0
}

foreground()
{
	holm run --name fore --memory 96M --kernel /share/vmlinuz-small-6.12 \
		--initrd /share/initrd --cmdline "console=ttyS0 holm.demo=shell" \
		--console socket=/tmp/fore.sock </dev/null >/tmp/fore.log 2>&1 &
	fore=$!
	for n in $(seq 100); do
		[ -S /tmp/fore.sock ] && break
		sleep 0.1
	done
	(sleep 1000 | holm console --socket /tmp/fore.sock >/tmp/fore.con) 2>/dev/null &
	until_file 'This is a shell' /tmp/fore.con
	# The signal that systemd sends.
	kill -PWR $fore
	wait $fore
	grep -q 'the power button was pressed$' /tmp/fore.log
	grep -q 'the guest powered off' /tmp/fore.log
	[ ! -e /tmp/fore.sock ]
}

# systemd-run and systemd-cat as far as their manuals tell, from /tmp/fake.
play_systemd()
{
	mkdir -p /tmp/fake /run/systemd/system
	cat >/tmp/fake/systemd-run <<-'END'
	#!/bin/sh
	echo "$@" >/tmp/systemd-run.args
	while [ "$1" != -- ]; do shift; done
	shift
	exec "$@"
	END
	cat >/tmp/fake/systemd-cat <<-'END'
	#!/bin/sh
	echo "$@" >/tmp/systemd-cat.args
	while [ "$1" != -- ]; do shift; done
	shift
	exec "$@" >/tmp/journal 2>&1
	END
	chmod 755 /tmp/fake/*
}

scope()
{
	play_systemd
	PATH=/tmp/fake:$PATH
	cd /share
	# Paths are those of the caller's directory.
	status 0 holm run --detach --name scoped --memory 96M \
		--kernel vmlinuz-small-6.12 --initrd initrd --cmdline "console=ttyS0 holm.demo=shell"
	id=$(field uuid /tmp/out)
	[ "$(field unit /tmp/out)" = "holm-$id.scope" ]
	[ "$(field log /tmp/out)" = "" ]
	want="--scope --quiet --collect --unit=holm-$id.scope --slice=holm.slice"
	want="$want --description=holm virtual machine scoped --property=KillSignal=SIGPWR --"
	case $(cat /tmp/systemd-run.args) in
	"$want systemd-cat --identifier=holm -- /"*" run --detach --name scoped "*"--uuid $id") ;;
	*) wrong "$(cat /tmp/systemd-run.args)" ;;
	esac
	holm show scoped | grep -q "^uuid  *$id\$"
	attach scoped
	until_file 'This is a shell' /tmp/scoped.con
	detach scoped
	status 0 holm stop scoped
	# It says so when the virtual machine is gone.
	until_file 'the guest powered off' /tmp/journal
	# What fails fails as without it.
	status 1 holm run --detach --kernel /none
	says 'holm run: .*/none'
	# Who names a cgroup does not want a scope.
	rm /tmp/systemd-run.args
	status 0 holm run --detach --name grouped --cgroup manage --kernel /tmp/halt
	[ ! -e /tmp/systemd-run.args ]
	[ "$(field unit /tmp/out)" = "" ]
	status 3 holm stop grouped --timeout 0
	# One that does not work.
	printf '#!/bin/sh\necho "Failed to connect to bus" >&2\nexit 1\n' >/tmp/fake/systemd-run
	status 0 holm run --detach --name alone --kernel /tmp/halt
	says 'Failed to connect to bus'
	says 'systemd-run does not work here: going on without it'
	[ "$(field unit /tmp/out)" = "" ]
	status 3 holm stop alone --timeout 0
	# None: nothing to say.
	PATH=${PATH#/tmp/fake:}
	status 0 holm run --detach --name bare --kernel /tmp/halt
	[ ! -s /tmp/err ]
	status 3 holm stop bare --timeout 0
	rm -r /run/systemd
}

nothing_left()
{
	[ "$(holm list | wc -l)" = 1 ]
	rmmod holm
}

row start "a guest in the background has the UUID it was given and lets go of its caller"
row console "its console shows what came before, and takes commands"
row second "a second client is refused, and with --force takes the console over"
row wrong_names "names and flags that make no sense"
row failures "a guest that does not start: the caller gets the error"
row stop "holm stop shuts a guest down by its power button"
row fallback "a guest that does not listen is killed after the time-out"
row foreign "launchers that do not listen to SIGPWR are left alone"
row users "users have guests of their own, root has all"
row foreground "a socket of a name in the foreground, and SIGPWR"
row scope "a scope of systemd's, where there is one (played)"
row nothing_left "nothing is left"
echo "1..$rows" >>$tap
END_OF_SCRIPT

host_rows manage "all rows were run, without a kernel report" --vendor amd --host small-6.12 --timeout 1700 -- \
	sh /share/manage
plan
