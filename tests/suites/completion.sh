#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: user
# Kernels: none
# Timeout: 300
#
# Completion of the command line, for bash and zsh: verbs, flags, and names of virtual
# machines, of a "holm list" that is played here.

. "$TOP/tests/suites/lib.sh"

export HOLM=$O/userspace/bin/holm
fake=$WORK/bin
mkdir -p "$fake" "$WORK/cwd/web" "$WORK/cwd/run"
cat >"$fake/holm" <<'END'
#!/bin/sh
[ "$*" = "list --json" ] || exec "$HOLM" "$@"
cat <<'LIST'
[
  {
    "id":1,
    "name":"web",
    "uuid":"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
  },
  {
    "id":2,
    "name":"",
    "uuid":"f81d4fae-7dec-11d0-a765-00a0c91e6bf7"
  },
  {
    "id":3,
    "name":"$(touch was-run)",
    "uuid":"f81d4fae-7dec-11d0-a765-00a0c91e6bf8"
  },
  {
    "id":4,
    "name":"web two",
    "uuid":"f81d4fae-7dec-11d0-a765-00a0c91e6bf9"
  },
  {
    "id":5,
    "name":"db-2.test",
    "uuid":"f81d4fae-7dec-11d0-a765-00a0c91e6bfa"
  }
]
LIST
END
chmod 755 "$fake/holm"

# What bash offers for the words of the arguments, of which the last is being typed.
cat >"$WORK/bash" <<'END'
. "$TOP/dist/bash-completion/holm"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_holm
printf '%s\n' "${COMPREPLY[@]}"
END

# The same for zsh, whose own functions say what they are told to offer; it chooses of that
# by what was typed.
cat >"$WORK/zsh" <<'END'
compadd()
{
	local suffix array

	while (($#)); do
		case $1 in
		-S) suffix=$2; shift ;;
		-a) array=$2; shift ;;
		--) shift; break ;;
		*) break ;;
		esac
		shift
	done
	[[ -n $array ]] && set -- ${(P)array}
	for word; do [[ $word = ${words[CURRENT]}* ]] && print -r -- "$word$suffix"; done
}
_describe() { compadd -- ${${(P)2}%%:*}; }
_files() { compadd -- *(N); }
words=("$@")
CURRENT=$#
. $TOP/dist/_holm
END

# offers SHELL WORD... - what it offers, sorted
offers()
{
	local shell=$1 options=

	shift
	[ "$shell" != zsh ] || options=-f
	(cd "$WORK/cwd" && TOP=$TOP PATH=$fake:$PATH "$shell" $options "$WORK/$shell" "$@") | sort -u
}

# is_offered SHELL EXPECTED WORD... - this, the words of which are sorted, and no more
is_offered()
{
	local found

	found=$(offers "$1" "${@:3}" | tr '\n' ' ')
	[ "${found% }" = "$2" ] && return
	echo "${*:3}: \"${found% }\" in place of \"$2\""
	return 1
}

"$HOLM" help | sed -n 's/^  \([a-z]*\) .*/\1/p' | sort >"$WORK/verbs"

verbs()
{
	is_offered "$1" "$(tr '\n' ' ' <"$WORK/verbs" | sed 's/ $//')" holm "" &&
		is_offered "$1" "rename resume run" holm r
}

names()
{
	local verb

	for verb in show stats console pause resume rename set stop kill; do
		is_offered "$1" web holm $verb w || return
		is_offered "$1" "db-2.test" holm $verb d || return
	done
	is_offered "$1" web: holm events --watch w
}

# A name may be anything that can be printed, of a guest of anybody.
evil_names()
{
	is_offered "$1" "db-2.test web" holm kill "" && [ ! -e "$WORK/cwd/was-run" ]
}

# Each flag that the manual has of a verb, and no other.
flags()
{
	local page verb want n=0

	for page in "$TOP"/Documentation/man/holm-*.1.rst; do
		verb=$(basename "$page" .1.rst)
		verb=${verb#holm-}
		want=$(sed -n 's/^``\(--[a-z-]*\).*/\1/p' "$page" | sort -u | tr '\n' ' ')
		is_offered "$1" "${want% }" holm "$verb" -- || return
		n=$((n + $(wc -w <<<"$want")))
	done
	echo "$n flags"
	[ $n -gt 40 ]
}

values()
{
	is_offered "$1" "off on" holm set web --stats o &&
		is_offered "$1" "halted halts" holm stats --sort ha &&
		is_offered "$1" "run web" holm run --kernel "" &&
		is_offered "$1" "none pty run socket stdio web" holm run --console ""
}

for shell in bash zsh; do
	try "$shell completes verbs" verbs $shell
	try "$shell completes names of virtual machines" names $shell
	try "$shell runs nothing that a virtual machine is called" evil_names $shell
	try "$shell completes the flags of each verb" flags $shell
	try "$shell completes values of flags" values $shell
done
plan
