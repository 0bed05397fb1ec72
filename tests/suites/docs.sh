#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: user
# Kernels: none
# Timeout: 600
#
# The documentation: it builds, manual pages render, and they have what they are
# to: a page for each verb, each function of the library, each command and group of
# the netlink family. (tests/user/test_manual.c looks at flags and config files.)

. "$TOP/tests/suites/lib.sh"

man=$TOP/Documentation/man
uapi=$TOP/uapi/linux/holm_netlink.h

try "the documentation builds without a warning" make docs O="$O"
try "the manual pages build without a warning" make -C "$TOP/Documentation" O="$O" man

renders()
{
	LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l -Tutf8 -Z "$1" 2>"$WORK/warnings" >"$WORK/page" &&
		[ -s "$WORK/page" ] && [ ! -s "$WORK/warnings" ] && lexgrog "$1" && return
	cat "$WORK/warnings"
	return 1
}

for page in "$man"/*.rst; do
	name=$(basename "$page" .rst)
	try "$name renders without a warning" renders "$O/docs/man/man${name##*.}/$name"
done

"$O/userspace/bin/holm" help | sed -n 's/^  \([a-z]*\) .*/\1/p' >"$WORK/verbs"
try "holm help lists verbs" grep -q -x run "$WORK/verbs"
while read -r verb; do
	# holm(1) has what there is to say of it.
	[ "$verb" != help ] || continue
	try "the verb $verb has a manual page" test -f "$man/holm-$verb.1.rst"
	try "holm(1) names the page of $verb" grep -q "^:manpage:\`holm-$verb(1)\`$" "$man/holm.1.rst"
done <"$WORK/verbs"

no_other_pages()
{
	local page bad=0

	for page in "$man"/holm-*.1.rst; do
		page=$(basename "$page" .1.rst)
		grep -q -x "${page#holm-}" "$WORK/verbs" || {
			echo "$page(1) is about no verb"
			bad=1
		}
	done
	return $bad
}
try "pages are about verbs" no_other_pages

# has_all PAGE - it has each word of the standard input
has_all()
{
	local word n=0 bad=0

	while read -r word; do
		n=$((n + 1))
		grep -q -F -- "\`\`$word\`\`" "$man/$1.rst" || {
			echo "$1 does not have $word"
			bad=1
		}
	done
	[ $n != 0 ] && return $bad
	echo "nothing is looked for"
	return 1
}

# constants PREFIX - what the header has by these names, as the specification calls it
constants()
{
	sed -n "s/^\t$1_\([A-Z0-9_]*\)\( = 1\)\?,\$/\1/p" "$uapi" | tr A-Z_ a-z-
}

functions()
{
	nm -D --defined-only "$O/userspace/libholm.so.0" | sed -n 's/.* T \(holm_[a-z0-9_]*\)@.*/\1/p'
}

groups()
{
	sed -n 's/^#define HOLM_MCGRP_.*"\(.*\)"/\1/p' "$uapi"
}

documented()
{
	"$1" "${@:3}" | has_all "$2"
}
try "libholm(3) has each function" documented functions libholm.3
try "holm-netlink(7) has each command" documented constants holm-netlink.7 HOLM_CMD
try "holm-netlink(7) has each group" documented groups holm-netlink.7
try "holm-events(1) has each event" documented constants holm-events.1 HOLM_VM_EVENT
try "holm-list(1) has each state" documented constants holm-list.1 HOLM_VM_STATE
try "holm-show(1) has each state of a vCPU" documented constants holm-show.1 HOLM_VCPU_STATE
plan
