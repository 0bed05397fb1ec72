#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd intel
# Kernels: small-6.12 small-6.12-debug
# Timeout: 1500
#
# Callers that do everything wrong.

. "$TOP/tests/suites/lib.sh"

if [ "$GROUP" = amd ]; then
	host=small-6.12-debug
	program negatives "" --timeout 1400 --kmemleak
else
	# Bochs' second is minutes: what waits for time is left to the other bed.
	host=small-6.12
	program negatives "--quick args cpuid states entries life processes" --timeout 700
fi
plan
