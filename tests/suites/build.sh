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
		-Wall -Wextra -Werror -fsyntax-only -
}

for header in "$TOP"/uapi/linux/*.h "$TOP"/userspace/libholm/include/libholm/*.h; do
	try "$(basename "$header") compiles alone in C" header_alone "$header" "gcc -std=c11 -x c"
	try "$(basename "$header") compiles alone in C++" header_alone "$header" "g++ -std=c++17 -x c++"
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
	git ls-files 'kmod/*.[chS]' 'uapi/*.h' 'userspace/*.[ch]' 'tests/*.[ch]' |
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

	for f in $(git ls-files '*.c' '*.h' '*.S' '*.py' '*.sh' '*.rst' '*Makefile' Kbuild); do
		head -n 3 "$f" | grep -q SPDX-License-Identifier || {
			echo "$f has no SPDX line"
			bad=1
		}
	done
	return $bad
}
try "each source file has an SPDX line" all_have_spdx

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
try "the documentation builds without a warning" make docs O="$O"
plan
