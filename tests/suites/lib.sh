# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What suites share: TAP results of commands.

count=0

# result STATUS NAME [LOG...] - a result, with the ends of the logs on failure
result()
{
	local status=$1 name=$2

	shift 2
	count=$((count + 1))
	if [ "$status" = 0 ]; then
		echo "ok $count - $name"
		return
	fi
	echo "not ok $count - $name"
	for log; do
		sed 's/^/# /' "$log" | tail -n 40
	done
}

# try NAME COMMAND... - run a command, its output in $WORK/log
try()
{
	local name=$1 status=0

	shift
	"$@" >"$WORK/log" 2>&1 || status=$?
	result "$status" "$name" "$WORK/log"
	return "$status"
}

# renumber NAME - the results of the TAP in $WORK/NAME.tap as ours; explanations stay
renumber()
{
	local line

	while IFS= read -r line; do
		case $line in
		"ok "* | "not ok "*)
			count=$((count + 1))
			echo "$line" | sed -E "s/^((not )?ok) [0-9]+( - )?/\1 $count - $1: /"
			;;
		"#"*)
			echo "$line"
			;;
		esac
	done <"$WORK/$1.tap"
}

# program NAME ARGUMENTS BED_OPTION... - run holm-NAME on the bed of $GROUP: its
# results, and one for its end. The host is $host.
program()
{
	local name=$1 arguments=$2 status

	shift 2
	mkdir -p "$WORK/$name/out"
	"$TOP/tests/bed/run" --vendor "$GROUP" --host "$host" --share "$WORK/$name" "$@" -- \
		sh -c "holm-$name $arguments >/share/out/tap; echo \$? >/share/out/status" \
		>"$WORK/$name.log" 2>&1
	status=$?
	cp "$WORK/$name/out/tap" "$WORK/$name.tap" 2>/dev/null || : >"$WORK/$name.tap"
	renumber "$name"
	[ $status = 0 ] && grep -q '^ok' "$WORK/$name.tap"
	result $? "$name runs to its end on $host, without a kernel report" "$WORK/$name.log"
}

# host_rows NAME TEXT BED_ARGUMENT... - what the bed's command wrote into $share/out/tap:
# its results, and TEXT is one for its end
host_rows()
{
	local name=$1 text=$2 status

	shift 2
	"$TOP/tests/bed/run" --share "$share" "$@" >"$WORK/$name.log" 2>&1
	status=$?
	cp "$share/out/tap" "$WORK/$name.tap" 2>/dev/null || : >"$WORK/$name.tap"
	renumber "$name"
	[ $status = 0 ] && grep -q '^1\.\.' "$WORK/$name.tap"
	result $? "$text" "$WORK/$name.log"
}

# pages SECTIONS - of which manual pages there are, what each becomes when it is installed
pages()
{
	local page

	for page in "$TOP"/Documentation/man/*.$1.rst; do
		[ -e "$page" ] || continue
		page=$(basename "$page" .rst)
		echo "/usr/share/man/man${page##*.}/$page"
	done
}

# units - what systemd's files of the tree become
units()
{
	(cd "$TOP/dist" && ls | sed -n -E -e 's/\.in$//' -e \
		's/.*\.(service|socket|target|slice|timer|path|mount)$/\/usr\/lib\/systemd\/system\/&/p')
}

plan()
{
	echo "1..$count"
}
