#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd
# Kernels: small-6.12-debug
# Timeout: 900
#
# Guests of several vCPUs for three minutes, while all around them changes.

. "$TOP/tests/suites/lib.sh"

host=small-6.12-debug
program torture 180 --timeout 800 --kmemleak
plan
