#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: user
# Kernels: none
# Timeout: 900
#
# The RPM packages: rpmbuild takes the specification, and they hold what they are to.

. "$TOP/tests/suites/lib.sh"

rpms=$WORK/rpms
version=$(sed -n 's/^Version: *//p' "$TOP/dist/holm.spec")

# Without a network, which a build is not to need. Debian's RPM knows nothing of what dpkg
# has installed: what BuildRequires names is not looked for (--nodeps), and nothing here
# tells whether a distribution of RPM has it by that name. What the macros of Debian's RPM
# stand for is what it says of Fedora; that they are the same there, neither.
build()
{
	unshare -n "$TOP/scripts/make-rpm" "$rpms" --nodeps
}
try "the packages build" build

# holds PACKAGE PATTERN... - a file matches each, and each file matches one
holds()
{
	local package=$1 pattern bad=0

	shift
	rpm -qpl "$rpms/$package-$version"-*.rpm >"$WORK/files" || return
	cp "$WORK/files" "$WORK/rest"
	for pattern; do
		grep -q -x "$pattern" "$WORK/files" || {
			echo "$package has no $pattern"
			bad=1
		}
		grep -v -x "$pattern" "$WORK/rest" >"$WORK/rest.new"
		mv "$WORK/rest.new" "$WORK/rest"
	done
	grep -v -E '^/usr/(lib/\.build-id|share/licenses)(/.*)?$' "$WORK/rest" && {
		echo "^ $package is not to have them"
		bad=1
	}
	return $bad
}

# As patterns: with or without compression.
gz_pages() { pages "$1" | sed 's/$/\\(.gz\\)\\?/'; }

# shellcheck disable=SC2046
try "holm" holds holm '/usr/bin/[a-z-]*' /usr/lib/udev/rules.d/60-holm.rules \
	/usr/lib/sysusers.d/holm.conf '/usr/share/bash-completion\(/completions\(/holm\)\?\)\?' \
	'/usr/share/zsh\(/site-functions\(/_holm\)\?\)\?' /usr/share/zsh/site-functions/_holm \
	/usr/share/bash-completion/completions/holm $(gz_pages '[!3]') $(units)
try "holm-dkms" holds holm-dkms "/usr/src/holm-$version/dkms.conf" \
	"/usr/src/holm-$version/Kbuild" "/usr/src/holm-$version/kmod/main.c" \
	"/usr/src/holm-$version/uapi/linux/holm.h" "/usr/src/holm-$version\(/.*\)\?" \
	/usr/lib/modules-load.d/holm.conf
try "libholm" holds libholm '/usr/lib64/libholm.so.[0-9]*'
# shellcheck disable=SC2046
try "libholm-devel" holds libholm-devel /usr/lib64/libholm.so /usr/lib64/libholm.a \
	/usr/lib64/pkgconfig/libholm.pc '/usr/include/libholm\(/.*\.h\)\?' \
	/usr/include/libholm/libholm.h /usr/include/linux/holm.h \
	/usr/include/linux/holm_netlink.h /usr/include/linux/holm_state.h $(gz_pages 3)
try "holm-doc" holds holm-doc /usr/share/doc/holm/html/index.html \
	/usr/share/doc/holm/README.md '/usr/share/doc/holm\(/.*\)\?'

# Every header that the source has is in the package, and nothing that a build left.
source_whole()
{
	(cd "$TOP" && git ls-files Kbuild dkms.conf kmod uapi | sort) >"$WORK/in-tree"
	rpm -qp --qf "[%{FILEMODES:perms} %{FILENAMES}\n]" "$rpms"/holm-dkms-*.rpm |
		sed -n "s|^-.* /usr/src/holm-$version/||p" | sort >"$WORK/in-package"
	diff "$WORK/in-tree" "$WORK/in-package"
}
try "holm-dkms has the whole source of the module" source_whole

# What they say of themselves, and what they run.
says()
{
	rpm -qp --qf '%{NAME} %{ARCH} %{VERSION} %{LICENSE}\n' "$rpms"/*.rpm
	rpm -qp --requires "$rpms"/holm-dkms-*.rpm | grep -q -x dkms &&
		rpm -qp --recommends "$rpms/holm-$version"-*.rpm | grep -q '^holm-dkms' &&
		rpm -qp --requires "$rpms"/libholm-devel-*.rpm | grep -q '^libholm(x86-64) = ' &&
		rpm -qp --provides "$rpms/libholm-$version"-*.rpm | grep -q '^libholm.so.0(LIBHOLM_0)' &&
		rpm -qp --qf '%{ARCH}\n' "$rpms"/holm-dkms-*.rpm | grep -q -x noarch &&
		rpm -qp --scripts "$rpms"/holm-dkms-*.rpm | grep -q 'dkms install -m holm' &&
		rpm -qp --scripts "$rpms"/holm-dkms-*.rpm | grep -q 'dkms remove -m holm'
}
try "dependencies and scripts are as they are to be" says

# Scripts must be taken by the shell that RPM runs them with.
scripts_parse()
{
	local package tag

	for package in "$rpms"/*.rpm; do
		for tag in PREIN POSTIN PREUN POSTUN; do
			rpm -qp --qf "%{$tag}" "$package" | sed 's/^(none)$//' | sh -n || return
		done
	done
}
try "the shell takes the scripts" scripts_parse
plan
