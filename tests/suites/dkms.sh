#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: user
# Kernels: debian-6.1 debian-6.12
# Timeout: 900
#
# DKMS builds and installs the module for both stock kernels, in a tree of its
# own.

. "$TOP/tests/suites/lib.sh"

version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$TOP/dkms.conf")
src=$WORK/src/holm-$version
mkdir -p "$src" "$WORK/dkms" "$WORK/modules"
"$TOP/scripts/mirror" "$src" dkms.conf Kbuild kmod uapi

dkms_do()
{
	dkms "$1" --dkmstree "$WORK/dkms" --sourcetree "$WORK/src" --installtree "$WORK/modules" \
		-m "holm/$version" "${@:2}"
}

try "dkms add" dkms_do add
for kernel in debian-6.1 debian-6.12; do
	release=$("$TOP/tests/bed/kernel" --release $kernel)
	kdir=$("$TOP/tests/bed/kernel" --kdir $kernel)
	mkdir -p "$WORK/modules/$release"
	try "dkms build for $release" dkms_do build -k "$release" --kernelsourcedir "$kdir"
	try "dkms install for $release" dkms_do install -k "$release" --kernelsourcedir "$kdir" \
		--no-depmod
	ko=$(find "$WORK/modules/$release" -name 'holm.ko*')
	[ -n "$ko" ] && modinfo -F vermagic "$ko" | grep -q "^$release "
	result $? "the installed module is for $release" "$WORK/log"
done
try "dkms remove" dkms_do remove --all
plan
