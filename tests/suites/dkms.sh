#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd
# Kernels: debian-6.1 debian-6.12 small-6.12
# Timeout: 2400
#
# The module by DKMS: built for the kernel that is there, and by Debian's hook for one
# that comes; signed; no reason for a kernel's installation to fail; and what was built
# runs a guest. With LONG in the environment the same with packages: in a Debian of its
# own, where they and the kernels' headers are installed by apt.

# All of what DKMS writes is in a mount namespace.
[ "${DKMS_SUITE-}" ] || exec env DKMS_SUITE=1 unshare -m "$0"

. "$TOP/tests/suites/lib.sh"
. "$TOP/tests/suites/chroot.sh"

version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$TOP/dkms.conf")
old=$("$TOP/tests/bed/kernel" --release debian-6.1)
new=$("$TOP/tests/bed/kernel" --release debian-6.12)
share=$WORK/share
priv=$WORK/private

# --- this machine, without what it has of DKMS and kernels

isolate()
{
	local dir headers

	mkdir "$priv" "$WORK/usr-src" &&
	mount --bind /usr/src "$WORK/usr-src" &&
	mount -t tmpfs -o size=1g tmpfs "$priv" &&
	mkdir -p "$priv"/{dkms,modules,src,run} /var/lib/dkms /lib/modules &&
	cp -a /etc "$priv/etc" &&
	mount --bind "$priv/etc" /etc &&
	mount --bind "$priv/dkms" /var/lib/dkms &&
	mount --bind "$priv/modules" /lib/modules &&
	mount --bind "$priv/src" /usr/src &&
	for headers in "$WORK"/usr-src/linux-headers-*; do
		dir=/usr/src/${headers##*/}
		mkdir "$dir" && mount --bind "$headers" "$dir" || return
	done
	rm -rf /etc/dkms/framework.conf.d /etc/kernel/*/*holm*
	rm -f /run/holm-dkms.skip
	[ -x /etc/kernel/header_postinst.d/dkms ]
}
trap 'rm -f /run/holm-dkms.skip' EXIT

# A key of an administrator's.
own_key()
{
	openssl req -new -x509 -nodes -days 36500 -subj "/CN=holm test key/" -newkey rsa:2048 \
		-keyout "$priv/key" -outform DER -out "$priv/certificate" &&
	mkdir -p /etc/dkms/framework.conf.d &&
	printf 'mok_signing_key=%s\nmok_certificate=%s\n' "$priv/key" "$priv/certificate" \
		>/etc/dkms/framework.conf.d/holm-test.conf
}

# appear RELEASE [HEADERS] - a kernel is there, with its headers
appear()
{
	mkdir -p "/lib/modules/$1" &&
		ln -s "${2:-/usr/src/linux-headers-$1}" "/lib/modules/$1/build"
}

# headers_installed RELEASE - do what the postinst of its package does
headers_installed()
{
	run-parts --report --exit-on-error --arg="$1" /etc/kernel/header_postinst.d >"$WORK/hook" 2>&1
	local status=$?

	cat "$WORK/hook"
	return $status
}

make_do()
{
	make -C "$TOP" "$1" O="$O" UDEVDIR="$priv/run/udev" SYSUSERSDIR="$priv/run/sysusers" \
		MODULESLOADDIR="$priv/run/modules-load"
}

# built RELEASE [ROOT] - the module's path
built()
{
	find "${2-}/lib/modules/$1/updates/dkms" -name 'holm.ko*' 2>/dev/null | grep .
}

# is_for RELEASE [ROOT] - the module is there, for this kernel
is_for()
{
	local ko

	ko=$(built "$1" "${2-}") && modinfo -F vermagic "$ko" | grep "^$1 "
}

# Whatever modinfo is to tell.
complete()
{
	local ko field count

	ko=$(built "$1") || return
	[ "$(modinfo -F version "$ko")" = "$version" ] || return
	for field in description author license srcversion sig_id; do
		modinfo -F $field "$ko" | grep . || { echo "no $field"; return 1; }
	done
	[ "$(modinfo -F signer "$ko")" = "holm test key" ] || return
	# None loads it: see kmod/main.c.
	[ -z "$(modinfo -F alias "$ko")" ] || return
	count=$(grep -r -E '^module_param(_named)?\(' "$TOP/kmod" | wc -l)
	modinfo -F parm "$ko"
	[ "$(modinfo -F parm "$ko" | grep -c ':.')" = "$count" ]
}

# passed_over RELEASE TEXT - the kernel's installation succeeds without the module, and
# says TEXT
passed_over()
{
	headers_installed "$1" || return
	grep -q "$2" "$WORK/hook" && ! built "$1" &&
		! grep -E "One or more modules failed" "$WORK/hook"
}

broken_source()
{
	sed -i "1i #error broken" "/usr/src/holm-$version/kmod/main.c" &&
		passed_over "$new" "does not build for kernel $new" &&
		grep '#error broken' "/var/lib/dkms/holm/$version/build/make.log"
}

mended_source()
{
	cp "$TOP/kmod/main.c" "/usr/src/holm-$version/kmod/main.c" && headers_installed "$new"
}

# Directories that are like those of kernels that are left out.
other_kernels()
{
	local rt=$priv/rt

	appear 6.5.0-1-amd64 "/usr/src/linux-headers-$new" &&
		passed_over 6.5.0-1-amd64 "not made for kernel 6.5.0-1-amd64" || return
	mkdir -p "$rt" && ln -s "/usr/src/linux-headers-$new/include" "$rt/include" &&
		{ cat "/usr/src/linux-headers-$new/.config"; echo CONFIG_PREEMPT_RT=y; } >"$rt/.config" &&
		appear 6.12.0-rt-amd64 "$rt" &&
		passed_over 6.12.0-rt-amd64 "not made for kernel 6.12.0-rt-amd64"
}

removed()
{
	make_do dkms-uninstall || return
	! find /lib/modules /var/lib/dkms /usr/src "$priv/run" /etc/kernel -xdev -name '*holm*' | grep .
}

# --- what was built, on emulated machines

mkdir -p "$share/out"
"$TOP/tests/bed/guest-assets" --dir "$share" small-6.12 >&2
cat >"$share/boot" <<'END'
#!/bin/sh
insmod /share/holm.ko && [ -e /sys/module/holm ] || exit 1
echo "module $(cat /sys/module/holm/version /sys/module/holm/srcversion | tr '\n' ' ')for $(uname -r)"
timeout 400 holm run --memory 256M --kernel /share/vmlinuz-small-6.12 --initrd /share/initrd \
	--cmdline "console=ttyS0 panic=-1 holm.demo=batch" </dev/null >/share/out/guest.log 2>&1
status=$?
tail -n 20 /share/out/guest.log
[ $status = 0 ] && grep -q 'holm: the guest powered off' /share/out/guest.log
END

# take RELEASE [ROOT] - the module built for this kernel to $share/holm.ko
take()
{
	local ko

	ko=$(built "$1" "${2-}") || return
	case $ko in
	*.xz) xz -dc "$ko" ;;
	*.zst) zstd -dc "$ko" ;;
	*) cat "$ko" ;;
	esac >"$share/holm.ko"
}

# boots HOST RELEASE [ROOT] - the host loads what was built for it, and runs a guest
boots()
{
	take "$2" "${3-}" &&
	"$TOP/tests/bed/run" --vendor amd --host "$1" --no-module --share "$share" -- \
		sh /share/boot >"$WORK/boot.log" 2>&1
	local status=$?

	cat "$WORK/boot.log"
	[ $status = 0 ] && grep -q "^module $version .*for $2$" "$WORK/boot.log"
}

# The message of Documentation/secure-boot.rst, of a kernel that does not know the key.
refused()
{
	take "$new" &&
	"$TOP/tests/bed/run" --vendor amd --host debian-6.12 --no-module --share "$share" \
		--append module.sig_enforce=1 --console "$WORK/console" -- \
		sh -c '! insmod /share/holm.ko' >"$WORK/boot.log" 2>&1
	local status=$?

	cat "$WORK/boot.log"
	[ $status = 0 ] && grep 'Key was rejected by service' "$WORK/boot.log" &&
		grep 'module with unavailable key is rejected' "$WORK/console"
}

try "DKMS and kernels of its own" isolate || { plan; exit 1; }
try "a signing key" own_key
try "a kernel" appear "$old"
try "make dkms-install" make_do dkms-install
try "the module is there for $old" is_for "$old"
try "modinfo has all, and the key's signature" complete "$old"
try "another kernel" appear "$new"
try "its headers are installed, the module does not build: it says so" broken_source
try "its headers are installed: the hooks run" mended_source
try "the module is there for $new" is_for "$new"
try "modinfo has all, and the key's signature" complete "$new"
try "kernels that it is not made for are passed over" other_kernels
try "debian-6.1 loads its module and runs a guest" boots debian-6.1 "$old"
try "debian-6.12 loads its module and runs a guest" boots debian-6.12 "$new"
try "a kernel that enforces signatures refuses an unknown key" refused
try "make dkms-uninstall leaves nothing" removed

# --- with packages

# headers RELEASE - install them, and with them what they depend on, by apt
headers()
{
	chroot_do env INITRD=No apt-get install -y --no-install-recommends "linux-headers-$1"
}

packages()
{
	"$TOP/scripts/make-deb" "$WORK/debs" && cp "$WORK"/debs/holm-dkms_*.deb "$WORK/root/tmp/" &&
		chroot_do sh -c 'apt-get install -y --no-install-recommends /tmp/holm-dkms_*.deb'
}

# Headers come while the module does not build.
upgrade_broken()
{
	local main=$WORK/root/usr/src/holm-$version/kmod/main.c

	sed -i "1i #error broken" "$main" && headers "$new" >"$WORK/apt" 2>&1
	local status=$?

	cat "$WORK/apt"
	[ $status = 0 ] && grep -q "does not build for kernel $new" "$WORK/apt" &&
		! built "$new" "$WORK/root" &&
		[ "$(chroot_do dpkg-query -W -f '${db:Status-Status}' "linux-headers-$new")" = installed ] &&
		sed -i 1d "$main"
}

# An upgrade of the headers to the same version runs the same hooks.
upgrade()
{
	chroot_do env INITRD=No apt-get install -y --reinstall "linux-headers-$new"
}

if [ "${LONG-}" ]; then
	try "a system to install into" chroot_make dkms,openssl
	try "apt: headers of $old" headers "$old"
	try "apt: holm-dkms" packages
	try "the module is there for $old" is_for "$old" "$WORK/root"
	try "apt: headers of $new, a source that does not build" upgrade_broken
	try "apt: headers of $new" upgrade
	try "the module is there for $new" is_for "$new" "$WORK/root"
	try "debian-6.1 loads the package's module and runs a guest" boots debian-6.1 "$old" \
		"$WORK/root"
	try "debian-6.12 loads the package's module and runs a guest" boots debian-6.12 "$new" \
		"$WORK/root"
fi
plan
