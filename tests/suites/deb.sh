#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: user
# Kernels: none
# Timeout: 900
#
# The Debian packages: they build, lintian has no error, and hold what they are
# to. With LONG in the environment also: installed, upgraded and purged in a
# system of their own.

. "$TOP/tests/suites/lib.sh"
. "$TOP/tests/suites/chroot.sh"

debs=$WORK/debs
try "the packages build" "$TOP/scripts/make-deb" "$debs"
try "lintian: no error" lintian --allow-root --fail-on error "$debs"/holm_*.changes

# holds PACKAGE PATH... - it has each, and no file of another place
holds()
{
	local package=$1 path bad=0

	shift
	dpkg-deb --fsys-tarfile "$debs/$package"_*.deb | tar -t | sed 's|^\.||' |
		grep -v '/$' >"$WORK/files"
	for path; do
		grep -q -x "$path" "$WORK/files" || {
			echo "$package has no $path"
			bad=1
		}
	done
	grep -v -E '^/(usr|lib/udev|etc/kernel)/' "$WORK/files" && bad=1
	return $bad
}
lib=/usr/lib/x86_64-linux-gnu
try "holm" holds holm /usr/bin/holm /lib/udev/rules.d/60-holm.rules \
	/usr/lib/sysusers.d/holm.conf /usr/share/man/man1/holm.1.gz \
	/usr/share/man/man1/holm-run.1.gz /usr/share/man/man4/holm.4.gz \
	/usr/share/man/man5/holm.5.gz /usr/share/man/man7/holm-netlink.7.gz \
	/usr/share/bash-completion/completions/holm \
	/usr/share/zsh/vendor-completions/_holm
# So that a new one is not forgotten.
# shellcheck disable=SC2046
try "holm has all pages and units" holds holm $(pages '[!3]' | sed 's/$/.gz/') $(units)
# shellcheck disable=SC2046
try "libholm-dev has all pages of the library" holds libholm-dev $(pages 3 | sed 's/$/.gz/')

try "holm-dkms" holds holm-dkms /usr/lib/modules-load.d/holm.conf \
	/etc/kernel/header_postinst.d/00-holm-dkms /etc/kernel/postinst.d/00-holm-dkms \
	/usr/src/holm-0.1.0/dkms.conf /usr/src/holm-0.1.0/Kbuild \
	/usr/src/holm-0.1.0/kmod/main.c /usr/src/holm-0.1.0/uapi/linux/holm_netlink.h
try "libholm0" holds libholm0 $lib/libholm.so.0
try "libholm-dev" holds libholm-dev $lib/libholm.so $lib/libholm.a $lib/pkgconfig/libholm.pc \
	/usr/include/libholm/libholm.h /usr/include/libholm/control.h /usr/include/linux/holm.h \
	/usr/include/linux/holm_netlink.h /usr/include/linux/holm_state.h /usr/share/man/man3/libholm.3.gz \
	/usr/share/doc/libholm-dev/examples/hello.c /usr/share/doc/libholm-dev/examples/Makefile \
	/usr/share/doc/libholm-dev/examples/holm.yaml
try "holm-doc" holds holm-doc /usr/share/doc/holm/html/index.html \
	/usr/share/doc/holm/html/netlink/reference.html

# The library's interface and nothing else of it.
exports()
{
	dpkg-deb -x "$debs"/libholm0_*.deb "$WORK/libholm0"
	nm -D --defined-only "$WORK/libholm0$lib/libholm.so.0" | awk '{ print $3 }' >"$WORK/symbols"
	grep -q '^holm_ctl_open@@LIBHOLM_0$' "$WORK/symbols" &&
		! grep -v -E '^(holm_.*@@)?LIBHOLM_0$' "$WORK/symbols"
}
try "libholm exports what is its interface, with versions" exports

# What there is, but for what dpkg and apt know, logs, and what depmod writes.
state()
{
	(cd "$WORK/root" && find etc usr lib var/lib/dkms boot -xdev ! -path 'usr/share/doc*' \
		! -path '*__pycache__*' ! -path '*/modules/*/modules.*' ! -name '*-' -printf '%p\n' 2>/dev/null | sort)
	sort "$WORK/root/etc/group"
}

install_all()
{
	cp "$debs"/*.deb "$WORK/root/tmp/"
	rm "$WORK"/root/tmp/*-dbgsym_*
	chroot_do sh -c "apt-get install -y --no-install-recommends $1 /tmp/*.deb"
}

installed()
{
	chroot_do holm version &&
	[ "$(chroot_do dkms status holm | grep -c installed)" = 1 ] &&
		chroot_do getent group holm &&
		find "$WORK/root/lib/modules" -name 'holm.ko*' | grep -q .
}

purge_all()
{
	chroot_do systemctl enable holm@web &&
	chroot_do apt-get purge -y --auto-remove holm holm-dkms libholm0 libholm-dev holm-doc &&
		state >"$WORK/after" && diff "$WORK/before" "$WORK/after"
}

if [ "${LONG-}" ]; then
	# Without a kernel, but with the headers of one.
	try "a system to install into" chroot_make \
		systemd,dkms,linux-headers-amd64,libinih1,libjson-c5,libmicrohttpd12,libncurses6,libnl-genl-3-200,libzydis4.0
	state >"$WORK/before"
	try "they install" install_all ""
	try "the module is built, the launcher runs, the group is there" installed
	try "they upgrade" install_all --reinstall
	try "after that as well" installed
	try "purged they leave nothing" purge_all
fi
plan
