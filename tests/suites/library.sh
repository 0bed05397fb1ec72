#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: user amd intel
# Kernels: small-6.12
# Timeout: 900
#
# libholm as programs of others have it: what it exports, pkg-config, and the
# samples, built from what is installed and run on both emulated hosts.

. "$TOP/tests/suites/lib.sh"

root=$WORK/root
libdir=$root/lib
bin=$WORK/bin
export PKG_CONFIG_PATH=$libdir/pkgconfig
flags="-std=gnu11 -Wall -Wextra -Wpedantic -Werror"

# A build directory of its own: suites run at the same time, with another PREFIX.
try "library and headers are installed alone" \
	make -C "$TOP/userspace" O="$WORK/build" PREFIX="$root" install-lib || {
	plan
	exit
}
mkdir -p "$bin/out"
cp -r "$TOP/samples" "$WORK/samples"
try "the samples build, with -Wextra and -Wpedantic" \
	make -C "$WORK/samples" DIR="$bin" CFLAGS="-O2 $flags" || {
	plan
	exit
}

short_samples()
{
	local bad=0

	for sample in "$TOP"/samples/*.c; do
		[ "$(wc -l <"$sample")" -lt 150 ] || {
			echo "$sample: $(wc -l <"$sample") lines"
			bad=1
		}
	done
	return $bad
}

# What the headers declare, as the compiler says, and what the library exports.
interface()
{
	(cd "$root/include" && printf '#include <%s>\n' libholm/*.h) >"$WORK/all.c"
	# shellcheck disable=SC2046
	gcc -aux-info "$WORK/declared.c" -fsyntax-only $(pkg-config --cflags libholm) "$WORK/all.c" ||
		return 1
	sed -n 's|^/\* [^ ]*/libholm/[^ ]* \*/ extern [^(]*[ *]\([a-z0-9_]*\) (.*|\1|p' \
		"$WORK/declared.c" | sort >"$WORK/declared"
	nm -D --defined-only "$libdir/libholm.so.0" >"$WORK/nm" || return 1
	awk '$2 != "A" { sub("@@LIBHOLM_0$", "", $3); print $3 }' "$WORK/nm" | sort >"$WORK/exported"
	[ "$(wc -l <"$WORK/declared")" -gt 40 ] && diff "$WORK/declared" "$WORK/exported"
}

soname()
{
	readelf -d "$libdir/libholm.so.0" | grep 'SONAME.*\[libholm.so.0\]' &&
		[ "$(readlink "$libdir/libholm.so")" = libholm.so.0 ] &&
		readelf -d "$bin/events" | grep 'NEEDED.*\[libholm.so.0\]'
}

# libholm(3) says which names the static library has.
static_names()
{
	nm -g --defined-only "$libdir/libholm.a" >"$WORK/nm" 2>/dev/null || return 1
	awk 'NF == 3 { print $3 }' "$WORK/nm" | sort -u >"$WORK/names"
	grep -q '^holm_open$' "$WORK/names" && ! grep -v -E '^(holm|emul|alu|ctl)_' "$WORK/names"
}

# The library itself statically; Debian has no static Zydis.
static_link()
{
	local libs

	libs=$(pkg-config --static --libs libholm | sed 's/-lholm/-l:libholm.a/')
	for sample in "$TOP"/samples/*.c; do
		# shellcheck disable=SC2046,SC2086
		gcc $flags $(pkg-config --static --cflags libholm) -o "$WORK/static" "$sample" $libs ||
			return 1
		! readelf -d "$WORK/static" | grep libholm || return 1
	done
}

# shellcheck disable=SC2046
cplusplus()
{
	cat >"$WORK/program.cc" <<'END'
#include <libholm/control.h>
#include <libholm/libholm.h>
int main()
{
	struct holm_ctl *ctl;
	holm_vcpu_handle vcpu = {};
	return holm_open("/nowhere") != -2 || holm_vcpu_run(&vcpu) >= 0 || holm_ctl_open(&ctl) > 0;
}
END
	g++ -std=c++11 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags libholm) \
		-o "$WORK/program" "$WORK/program.cc" $(pkg-config --libs libholm) &&
		LD_LIBRARY_PATH=$libdir "$WORK/program"
}

# pkg-config wants what Requires.private and Libs.private name.
dependencies()
{
	local depends file package bad=0

	depends=$(sed -n '/^Package: libholm-dev/,/^Description/p' "$TOP/debian/control" |
		sed -n '/^Depends:/,/^[A-CE-Z]/p' | grep -o '[a-z0-9+.-]*-dev\>')
	# shellcheck disable=SC2086
	depends="$depends $(dpkg-query -W -f '${Depends}, ' $depends)" || return 1
	for file in $(sed -n 's/^Requires.private: //p' "$libdir/pkgconfig/libholm.pc" | tr -d ,) \
		$(sed -n 's/^Libs.private: //p' "$libdir/pkgconfig/libholm.pc"); do
		case $file in
		-l*) file=lib${file#-l}.so ;;
		*) file=pkgconfig/$file.pc ;;
		esac
		package=$(dpkg -S "*/$file" | sed 's/[:,].*//')
		case "$depends" in
		*"$package"*) [ "$package" ] && continue ;;
		esac
		echo "libholm-dev does not depend on ${package:-whatever} has $file"
		bad=1
	done
	return $bad
}

case $GROUP in
user)
	try "each sample is short" short_samples
	try "the library exports what its headers declare, and no more" interface
	try "its soname is libholm.so.0, and programs ask for that" soname
	try "the static library has the names it says it has" static_names
	try "programs link it statically" static_link
	try "a C++ program includes, links and calls it" cplusplus
	try "the package libholm-dev depends on what pkg-config asks for" dependencies
	;;
*)
	cp -P "$libdir"/libholm.so* "$bin/"
	# LIDT with a limit of 0, and INT3: a triple fault.
	printf '\017\001\036\020\174\314' >"$bin/triple"
	head -c 506 /dev/zero >>"$bin/triple"
	cat >"$bin/run" <<'END'
export LD_LIBRARY_PATH=/share
n=0
ok()
{
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' /tmp/out; fi
}
# prints NAME TEXT - the sample prints this, no more, and ends well
prints()
{
	timeout 60 "/share/$1" >/tmp/out 2>&1
	status=$?
	echo "$2" >/tmp/want
	[ $status = 0 ] && cmp /tmp/want /tmp/out >&2
	ok $? "$1 prints what it is to"
}
# The life of a guest that ends itself, while another comes and goes.
life()
{
	timeout 200 /share/events triple >/tmp/out 2>&1 &
	watcher=$!
	for i in $(seq 100); do
		grep -q '^listening$' /tmp/out && break
		sleep 0.1
	done
	/share/hello >/dev/null
	holm run --name triple --kernel /share/triple </dev/null >/tmp/log 2>&1
	[ $? = 18 ] || { cat /tmp/log >>/tmp/out; kill $watcher; return 1; }
	wait $watcher || return 1
	sed -n -E 's/^triple: (created|started, vCPU 0|shutdown, vCPU 0|destroyed after [1-9][0-9]* exits)$/\1/p' \
		/tmp/out | sed 's/[0-9]* exits/exits/' | tr '\n' ';' >/tmp/life
	grep -q -x 'created;started, vCPU 0;shutdown, vCPU 0;destroyed after exits;' /tmp/life &&
		! grep -q hello /tmp/out
}
{
	prints hello "Hello from a guest."
	prints device 42
	if [ "$1" = amd ]; then
		life
		ok $? "events tells the life of a guest, and of no other"
	fi
	echo "1..$n"
} >/share/out/tap
END
	share=$bin host_rows samples "the samples run to their end, without a kernel report" \
		--vendor "$GROUP" --timeout 600 -- sh /share/run "$GROUP"
	;;
esac
plan
