#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: user
# Kernels: none
# Timeout: 1200
#
# The launcher's and the library's unit tests, under AddressSanitizer and
# UndefinedBehaviorSanitizer.

. "$TOP/tests/suites/lib.sh"

try "the unit tests build without a warning" make -C "$TOP/tests/user" O="$O" || {
	plan
	exit
}
for program in "$O"/tests/user/test_*; do
	[ -x "$program" ] && [ ! -d "$program" ] || continue
	name=$(basename "$program")
	CMOCKA_MESSAGE_OUTPUT=TAP "$program" >"$WORK/$name.tap" 2>"$WORK/$name.err"
	status=$?
	grep -E '^(not )?ok ' "$WORK/$name.tap" >"$WORK/results"
	while read -r line; do
		count=$((count + 1))
		echo "$line" | sed -E "s/^((not )?ok) [0-9]+ (- )?/\1 $count - $name: /"
	done <"$WORK/results"
	if [ ! -s "$WORK/results" ] || { [ $status != 0 ] && ! grep -q '^not ok' "$WORK/results"; }; then
		result 1 "$name runs to its end" "$WORK/$name.err"
	elif grep -q '^not ok' "$WORK/results"; then
		sed 's/^/# /' "$WORK/$name.err" | tail -n 40
	fi
done
plan
