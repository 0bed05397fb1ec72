# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What suites share that want a Debian of its own: it is in $WORK/root.

# chroot_make PACKAGES - with these packages, comma-separated. It gets its packages from
# where this machine has them from, and is of the same release.
chroot_make()
{
	local codename mirror sources=/etc/apt/sources.list

	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	if [ -e /etc/apt/sources.list.d/debian.sources ]; then
		sources=/etc/apt/sources.list.d/debian.sources
		mirror=$(sed -n 's/^URIs: //p' $sources | head -n 1)
	else
		mirror=$(awk '$1 == "deb" { print $2; exit }' $sources)
	fi
	debootstrap --variant=minbase --include="$1" "$codename" "$WORK/root" "$mirror" || return
	rm -f "$WORK/root/etc/apt/sources.list"
	# Security updates, too: a stock kernel of today is one.
	cp $sources "$WORK/root/etc/apt/${sources#/etc/apt/}" || return
	cp /etc/resolv.conf "$WORK/root/etc/"
	# It is thrown away, and need not survive a power failure.
	echo force-unsafe-io >"$WORK/root/etc/dpkg/dpkg.cfg.d/unsafe-io"
	chroot_do apt-get update
}

# chroot_do COMMAND... - run it there
chroot_do()
{
	# dkms needs /proc; it goes away with the mount namespace.
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" env -i \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"' \
		"$WORK/root" "$@"
}

# chroot_install ARGUMENT... - apt-get's, for packages and files
chroot_install()
{
	chroot_do apt-get install -y --no-install-recommends "$@"
}
