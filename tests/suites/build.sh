#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: user
# Kernels: small-6.12 small-6.1 debian-6.12 debian-6.1
# Timeout: 1800
#
# The sources: no warning of the compiler, sparse or objtool with any of the
# kernels, no error of checkpatch, headers that compile alone, and the rules of
# the tree.

. "$TOP/tests/suites/lib.sh"

# A mirror of its own, so that nothing is up to date already.
no_warning()
{
	local kdir=$1 out=$WORK/kmod

	rm -rf "$out"
	"$TOP/scripts/mirror" "$out" Kbuild kmod uapi tests/kunit &&
	make -s -C "$kdir" M="$out" W=1 C=1 CF="-D__CHECK_ENDIAN__" modules >"$WORK/out" 2>&1 || {
		cat "$WORK/out"
		return 1
	}
	! grep -E 'warning|error' "$WORK/out" | grep -v 'Skipping BTF'
}

for kernel in small-6.12 small-6.1 debian-6.12 debian-6.1; do
	kdir=$("$TOP/tests/bed/kernel" --kdir $kernel)
	try "W=1, sparse, objtool with $kernel: no warning" no_warning "$kdir"
done

header_alone()
{
	echo "#include \"$1\"" | $2 -I "$TOP/uapi" -I "$TOP/userspace/libholm/include" \
		-Wall -Wextra -Wpedantic -Werror -fsyntax-only -
}

for header in "$TOP"/uapi/linux/*.h "$TOP"/userspace/libholm/include/libholm/*.h; do
	for std in c99 c11 c++11 c++17; do
		try "$(basename "$header") compiles alone in $std" header_alone "$header" \
			"gcc -std=$std -x ${std%[0-9][0-9]}"
	done
done

cd "$TOP" || exit
checkpatch=$(ls -d "$HOME"/.cache/holm/src/linux-6.12*/scripts/checkpatch.pl \
	"${XDG_CACHE_HOME:-$HOME/.cache}"/holm/src/linux-6.12*/scripts/checkpatch.pl 2>/dev/null |
	head -n 1)

# COMPLEX_MACRO is ignored: rows of tables, and operands of inline assembly.
check_style()
{
	[ -n "$checkpatch" ] || {
		echo "checkpatch.pl is not in the kernel source"
		return 1
	}
	git ls-files 'kmod/*.[chS]' 'uapi/*.h' 'userspace/*.[ch]' 'samples/*.c' 'tests/*.[ch]' |
		xargs perl "$checkpatch" --no-tree --terse --show-types --ignore COMPLEX_MACRO -f \
			--max-line-length=100 --root=. >"$WORK/style" 2>&1
	grep 'ERROR' "$WORK/style"
	! grep -q 'ERROR' "$WORK/style"
}
try "checkpatch: no error" check_style

no_match()
{
	! "$@"
}
try "no vendor word in the vendor-neutral core" \
	no_match git grep -nwiE 'vmx|vmcs|svm|vmcb|ept|npt|avic' -- ':(glob)kmod/*.c' \
	':(glob)kmod/x86/*.c' ':!kmod/main.c'
try "no kernel version outside compat.h" \
	no_match git grep -n 'LINUX_VERSION_CODE\|KERNEL_VERSION' -- kmod ':!kmod/compat.h'

all_have_spdx()
{
	local f bad=0

	# Not where the format has no comments, nor licenses.
	for f in $(git ls-files -- ':!COPYING' ':!LICENSES' ':!debian/changelog' \
			':!debian/copyright' ':!debian/source/format'); do
		head -n 3 "$f" | grep -q SPDX-License-Identifier || {
			echo "$f has no SPDX line"
			bad=1
		}
	done
	return $bad
}
try "each file has an SPDX line" all_have_spdx

try "what is made from the netlink specification is up to date" "$TOP/scripts/netlink-gen" --check

seam_size()
{
	local n

	n=$(sed -n '/^struct holm_backend {/,/^};/p' kmod/backend.h | grep -c ';$')
	n=$((n - 1))
	echo "struct holm_backend has $n members"
	[ $n -le 25 ]
}
try "the seam has at most 25 members" seam_size
# Under the names and beside the launcher that they are installed with.
check_units()
{
	rm -rf "$WORK/units"
	make -C userspace O="$O" install DESTDIR="$WORK/units" PREFIX=/usr >/dev/null &&
	make -C dist install DESTDIR="$WORK/units" PREFIX=/usr >/dev/null &&
	sed -i "s|/usr/bin/holm|$WORK/units&|g" "$WORK/units/usr/lib/systemd/system/holm@.service" &&
	SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no --recursive-errors=no \
		"$WORK/units/usr/lib/systemd/system/holm.slice" \
		"$WORK/units/usr/lib/systemd/system/holm@test.service" >"$WORK/out" 2>&1
	status=$?
	cat "$WORK/out"
	[ $status = 0 ] && [ ! -s "$WORK/out" ]
}
try "systemd-analyze verify: the units" check_units
# holm(4) tells of each parameter, and modinfo too.
parameters()
{
	local name bad=0

	for name in $(git grep -h -o -E '\bmodule_param(_named|_cb)?\([a-z0-9_]+' -- 'kmod/*.c' |
			sed 's/.*(//'); do
		git grep -q "MODULE_PARM_DESC($name," -- 'kmod/*.c' || {
			echo "parameter $name has no MODULE_PARM_DESC"
			bad=1
		}
		sed -n '/^Module parameters/,/^Files/p' Documentation/man/holm.4.rst |
			grep -E '^``' | grep -q "\`\`$name=" || {
			echo "parameter $name is not in holm(4)"
			bad=1
		}
		echo "$name"
	done
	# Parameters are there at all, and none that has gone.
	[ "$name" ] || return
	for name in $(sed -n '/^Module parameters/,/^Files/s/^``/&/p' Documentation/man/holm.4.rst |
			grep -o '``[a-z0-9_]*=' | tr -d '`='); do
		git grep -q -E "module_param(_named|_cb)?\($name," -- 'kmod/*.c' || {
			echo "holm(4) has $name, which is no parameter"
			bad=1
		}
	done
	return $bad
}
try "each module parameter is in holm(4)" parameters

# The release stands in files of several languages.
one_version()
{
	{
		sed -n '1s/^holm (\(.*\)).*/\1/p' debian/changelog
		sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf
		sed -n 's/^VERSION := //p' userspace/Makefile
		sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' kmod/main.c
		sed -n 's/^Version: *//p' dist/holm.spec
		sed -n 's/^version = release = "\(.*\)"/\1/p' Documentation/conf.py
	} >"$WORK/versions"
	cat "$WORK/versions"
	[ "$(wc -l <"$WORK/versions")" = 6 ] && [ "$(sort -u "$WORK/versions" | wc -l)" = 1 ]
}
try "one version in all places" one_version

# make install with DESTDIR has all, in its place, and touches nothing else.
installs()
{
	local dest=$WORK/dest file bad=0

	make -C "$TOP" install O="$O" DESTDIR="$dest" PREFIX=/opt/holm || return
	for file in opt/holm/bin/holm opt/holm/lib/libholm.so.0 opt/holm/lib/libholm.so \
			opt/holm/lib/libholm.a opt/holm/lib/pkgconfig/libholm.pc \
			opt/holm/include/libholm/libholm.h opt/holm/include/linux/holm.h \
			opt/holm/share/bash-completion/completions/holm \
			opt/holm/share/zsh/site-functions/_holm usr/lib/udev/rules.d/60-holm.rules \
			usr/lib/sysusers.d/holm.conf usr/lib/modules-load.d/holm.conf \
			$(cd dist && ls | sed -n -E -e 's/\.in$//' -e \
				's#.*\.(service|socket|target|slice|timer|path|mount)$#opt/holm/lib/systemd/system/&#p') \
			$(cd Documentation/man && ls | sed -E \
				's|(.*)\.([1-8])\.rst|opt/holm/share/man/man\2/\1.\2|') \
			$(git ls-files Kbuild dkms.conf kmod uapi | sed 's|^|usr/src/holm-0.1.0/|'); do
		[ -s "$dest/$file" ] || { echo "no $file"; bad=1; }
	done
	grep -q '^prefix=/opt/holm$' "$dest/opt/holm/lib/pkgconfig/libholm.pc" || bad=1
	make -C "$TOP" uninstall O="$O" DESTDIR="$dest" PREFIX=/opt/holm || return
	find "$dest" ! -type d | grep . && bad=1
	return $bad
}
try "make install puts all in its place, make uninstall takes it away" installs

# What the troubled look for is what is printed.
messages()
{
	local text n=0 bad=0

	while IFS= read -r text; do
		n=$((n + 1))
		git grep -q -F -e "$text" -- kmod userspace dist scripts Makefile || {
			echo "nothing prints: $text"
			bad=1
		}
	done < <(sed -n 's/^\.\. printed: //p' Documentation/troubleshooting.rst)
	echo "$n messages"
	[ $n -gt 0 ] && return $bad
}
try "troubleshooting has messages that are printed" messages
plan
