# SPDX-License-Identifier: GPL-2.0-or-later
"""The Intel bed: Bochs, which emulates VMX with EPT."""

import os
import re
import shutil
import subprocess

from . import bochs_mend
from .bed import Bed, BedError

MODEL = "corei7_skylake_x"

# The geometry Bochs uses for a disk image: its size is a multiple of this.
_CYLINDER = 16 * 63 * 512
_FREE = 256 << 20
_MAGIC = b"\1bed"
_HEADER = 7
_CHANNELS = {b"c": "control", b"o": "out", b"e": "err"}

_ISOLINUX = ("/usr/lib/ISOLINUX/isolinux.bin",
             "/usr/lib/syslinux/modules/bios/ldlinux.c32")


class Bochs(Bed):
    name = "bochs"

    def __init__(self, options, host, work):
        super().__init__(options, host, work)
        self.disk = os.path.join(work, "disk.raw")
        self.pending = b""

    @property
    def arguments(self):
        # Messages below a warning cost time on the emulated UART.
        return "loglevel=5 tsc=reliable no_timer_check clearcpuid=ht,xsavec,xsaves"

    def settings(self):
        settings = super().settings()
        if self.options.share:
            settings["SHARE"] = "disk"
        return settings

    def add_programs(self, box):
        super().add_programs(box)
        box.copy(self.build_helper("bed-channel"), "bin/bed-channel")

    def _make_cd(self):
        """Write the bootable CD the host starts from."""
        tree = os.path.join(self.work, "cd")
        os.mkdir(tree)
        for path in _ISOLINUX:
            shutil.copy(path, tree)
        shutil.copy(self.host.image, os.path.join(tree, "kernel"))
        with open(os.path.join(tree, "initrd"), "wb") as f:
            f.write(self.initramfs())
        with open(os.path.join(tree, "isolinux.cfg"), "w") as f:
            f.write("default host\nprompt 0\nlabel host\n  linux kernel\n"
                    f"  initrd initrd\n  append {self.kernel_arguments()}\n")
        result = subprocess.run(
            ["xorriso", "-as", "mkisofs", "-quiet",
             "-o", os.path.join(self.work, "host.iso"),
             "-b", "isolinux.bin", "-c", "boot.cat", "-no-emul-boot",
             "-boot-load-size", "4", "-boot-info-table", tree],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode:
            raise BedError("xorriso failed: " + result.stdout)
        shutil.rmtree(tree)

    def _make_disk(self):
        """Write the disk that carries --share in, and its out/ back."""
        share = self.options.share
        size = _FREE
        for base, _, files in os.walk(share):
            size += sum(os.lstat(os.path.join(base, name)).st_size + 4096
                        for name in files) + 4096
        size += size // 16
        size += -size % _CYLINDER
        with open(self.disk, "wb") as f:
            f.truncate(size)
        result = subprocess.run(
            ["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal",
             "-E", "lazy_itable_init=1,nodiscard", "-d", share, self.disk],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode:
            raise BedError("mke2fs failed: " + result.stdout)

    def _configuration(self):
        """Return the text of bochsrc."""
        options = self.options
        lines = [
            'display_library: rfb, options="timeout=0"',
            f"memory: guest={options.mem}, host={options.mem}",
            "romimage: file=/usr/share/bochs/BIOS-bochs-latest",
            "vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest",
            f"cpu: model={options.cpu_model}, count={options.cpus}, "
            "ips=200000000, reset_on_triple_fault=0, ignore_bad_msrs=1",
            "clock: sync=none, time0=local",
            "pci: enabled=1, chipset=i440fx",
            "ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14",
            "ata0-master: type=cdrom, path=host.iso, status=inserted",
            "boot: cdrom",
            "com1: enabled=1, mode=file, dev=console",
            "port_e9_hack: enabled=1",
            "log: bochs.log",
            "panic: action=fatal",
            "error: action=report",
            "info: action=ignore",
            "debug: action=ignore",
            f"magic_break: enabled={1 if options.debugger else 0}",
            "mouse: enabled=0",
            "sound: driver=dummy",
        ]
        if options.debugger:
            lines.append(f"debugger_log: {os.path.abspath(options.debugger)}.log")
        if options.share:
            lines.append("ata0-slave: type=disk, mode=flat, path=disk.raw")
        return "\n".join(lines) + "\n"

    def start(self):
        options = self.options
        self._make_cd()
        if self.options.share:
            self._make_disk()
        with open(os.path.join(self.work, "bochsrc"), "w") as f:
            f.write(self._configuration())
        program = os.path.join(self.work, "bochs-bin")
        if not bochs_mend.write_mended(program):
            program = bochs_mend.PROGRAM
        # Debian builds Bochs with its debugger, which waits for a command.
        with open(os.path.join(self.work, "commands"), "w") as f:
            f.write(open(options.debugger).read() if options.debugger else "continue\n")
        self.spawn([program, "-q", "-f", "bochsrc", "-rc", "commands"],
                   cwd=self.work, stdout=subprocess.PIPE)

    def channels(self):
        return {"frames": self.process.stdout.fileno()}

    def split(self, channel, data):
        """Take frames apart; what Bochs itself prints between is dropped."""
        self.pending += data
        while True:
            at = self.pending.find(_MAGIC)
            if at < 0:
                # The magic's own beginning may be what came last.
                self.pending = self.pending[-len(_MAGIC) + 1:]
                return
            self.pending = self.pending[at:]
            if len(self.pending) < _HEADER:
                return
            length = int.from_bytes(self.pending[5:7], "little")
            if len(self.pending) < _HEADER + length:
                return
            name = _CHANNELS.get(self.pending[4:5], "err")
            yield name, self.pending[_HEADER:_HEADER + length]
            self.pending = self.pending[_HEADER + length:]

    def messages(self):
        # Lines of Bochs' own begin with the time and "i" for information or
        # "d" for debugging; all else is worth showing.  Linux reads the two
        # MSRs that Bochs lacks at every tick.
        return [line for line in
                self.read_log("emulator") + self.read_log("bochs.log")
                if line.strip() and not re.match(r"\d{11}[id]\[", line)
                and not line.endswith(("register 0xe7", "register 0xe8"))]

    def finish(self):
        if not self.options.share:
            return
        # debugfs reads the image without mounting it; what the host had in
        # its cache when it died is not in the image.
        fresh = os.path.join(self.work, "fresh")
        os.mkdir(fresh)
        result = subprocess.run(
            ["debugfs", "-R", f"rdump out {fresh}", self.disk],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if not os.path.isdir(fresh + "/out"):
            raise BedError("debugfs failed: " + result.stdout)
        shutil.copytree(fresh + "/out", self.options.share + "/out",
                        symlinks=True, dirs_exist_ok=True)
