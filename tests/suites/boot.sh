#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Groups: amd intel
# Kernels: small-6.12
# Timeout: 900
#
# Each boot protocol of the launcher, what a kernel is told by it, and each way
# in which a guest ends; a PC's timers and interrupts in real mode.

. "$TOP/tests/suites/lib.sh"

share=$WORK/share
mkdir -p "$share/out"
make -C "$TOP/tests/boot" O="$O" >&2 || exit
cp "$O"/tests/boot/*.elf "$O"/tests/boot/*.bin "$share/"
"$TOP/tests/bed/guest-assets" --dir "$share" small-6.12 >&2
"$TOP/tests/boot/linux-images" "$share/vmlinuz-small-6.12" "$share" || exit

printf 'abc' >"$share/one"
head -c 70000 /dev/zero | tr '\0' 'z' >"$share/two"

# rows of: name, exit status, what the console must have, holm's last words, flags
cat >"$share/rows" <<'END'
multiboot-elf32|43|multiboot|ended by the debug-exit port with status 43|multiboot32.elf exit
multiboot-elf64|43|multiboot|ended by the debug-exit port with status 43|multiboot64.elf exit
multiboot-flat|43|multiboot|ended by the debug-exit port with status 43|multiboot.bin exit
pvh-elf32|43|pvh|ended by the debug-exit port with status 43|pvh32.elf exit
pvh-elf64|43|pvh|ended by the debug-exit port with status 43|pvh64.elf exit
acpi-poweroff|0|multiboot|powered off|multiboot32.elf poweroff
pvh-poweroff|0|pvh|powered off|pvh32.elf poweroff
acpi-reset|16|multiboot|reset|multiboot32.elf reset
keyboard-reset|16|multiboot|reset|multiboot32.elf keyboard
triple-fault|18|multiboot|triple fault|multiboot32.elf triple
unknown-mmio|20|multiboot|0xd0000000|multiboot32.elf bad-mmio
END

cat >"$share/run" <<'END'
#!/bin/sh
# Runs all rows; for each NAME: out/NAME.console, out/NAME.stderr, out/NAME.status
cd /share
while IFS='|' read -r name status protocol words image how; do
	set -- $image
	timeout 60 holm run --memory 64M --kernel "$1" --initrd "one first=1" --initrd two \
		--cmdline "a=b $2" --debug-exit 0xf4 --console "out/$name.console" \
		2>"out/$name.stderr" </dev/null
	echo $? >"out/$name.status"
done <rows

for name in exit uart timer; do
	timeout 120 holm run --memory 1M --kernel real-$name.bin --debug-exit 0xf4 \
		--console "out/real-$name.console" 2>"out/real-$name.stderr" </dev/null
	echo $? >"out/real-$name.status"
done

# Not on the share, where a file that is read while it grows may lose what comes.
holm run --memory 1M --kernel real-halt.bin --console /tmp/real-halt.console \
	2>/tmp/real-halt.stderr </dev/null &
for i in $(seq 60); do
	grep -q halted /tmp/real-halt.console 2>/dev/null && break
	sleep 1
done
kill -TERM $!
wait $!
echo $? >out/real-halt.status
cp /tmp/real-halt.* out/

for kernel in bzimage32 vmlinux; do
	timeout 400 holm run --memory 256M --kernel $kernel --initrd initrd \
		--cmdline "console=ttyS0 panic=-1 holm.demo=batch" \
		>out/$kernel.console 2>out/$kernel.stderr </dev/null
	echo $? >out/$kernel.status
done
END

try "the guests run in one host" "$TOP/tests/bed/run" --vendor "$GROUP" --host small-6.12 \
	--timeout 700 --share "$share" -- sh /share/run

# judge NAME STATUS WORDS TEXT... - exit status, holm's words, the console's lines
judge()
{
	local name=$1 status=$2 words=$3 line why=

	shift 3
	[ "$(cat "$share/out/$name.status" 2>/dev/null)" = "$status" ] ||
		why="exit status $(cat "$share/out/$name.status" 2>/dev/null), not $status"
	grep -qF -- "$words" "$share/out/$name.stderr" || why="$why; not said: $words"
	for line; do
		tr -d '\r' <"$share/out/$name.console" | grep -qE -- "$line" ||
			why="$why; not on the console: $line"
	done
	{
		echo "$why"
		tail -n 15 "$share/out/$name.console" "$share/out/$name.stderr"
	} >"$WORK/$name.why" 2>&1
	[ -z "$why" ]
	result $? "$name" "$WORK/$name.why"
}

while IFS='|' read -r name status protocol words image; do
	judge "$name" "$status" "$words" "^protocol $protocol\$" "^cmdline .*a=b ${image#* }\$" \
		'^ram 3f$' '^module 3 126 .*one first=1$' '^module 11170 824f60 .*two$'
done <"$share/rows"
judge real-exit 15 'with status 15' '^real mode at 0000:7c00$'
judge real-uart 17 'with status 17' '^each of these characters took an interrupt$'
judge real-timer 19 'with status 19' '^pit channel 0: 8 ticks$' '^rtc: 8 periods$' \
	'^pit channel 2: counted$'
judge real-halt 143 'signal 15' '^halted$'
judge bzimage32 0 'powered off' '^Linux holm-guest'
judge vmlinux 0 'powered off' '^Linux holm-guest'
plan
