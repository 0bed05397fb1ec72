# SPDX-License-Identifier: GPL-2.0-or-later
"""The AMD bed: QEMU, whose TCG emulates SVM with nested paging."""

import os
import socket
import subprocess

from .bed import Bed

# What QEMU emulates of it under TCG: no x2APIC, TSC deadline or NRIP save. No
# CMPXCHG16B: the flags it leaves are not what they must be (Documentation/beds.rst).
CPU = "EPYC-Rome,+svm,+npt,+invtsc,-cx16"


class Qemu(Bed):
    name = "qemu"

    def __init__(self, options, host, work):
        super().__init__(options, host, work)
        self.sockets = {}

    @property
    def arguments(self):
        return "tsc=reliable no_timer_check"

    def settings(self):
        settings = super().settings()
        if self.options.share:
            settings["SHARE"] = "9p"
        if self.options.interactive:
            settings["ROWS"] = str(self.options.rows)
            settings["COLUMNS"] = str(self.options.columns)
        if self.cpus() > self.options.cpus:
            settings["CPUS"] = f"1-{self.options.cpus}"
        return settings

    def cpus(self):
        """Beside several CPUs there is one more, the first: QEMU loses what it
        knows of a guest there while another CPU loads x87 state."""
        return self.options.cpus + (self.options.cpus > 1)

    def add_programs(self, box):
        super().add_programs(box)
        box.copy(self.build_helper("bed-heartbeat"), "bin/bed-heartbeat")

    def _channel(self, command, name, device):
        """Append a character device with our end of a socket pair."""
        ours, theirs = socket.socketpair()
        self.sockets[name] = ours
        command += ["-chardev", f"socket,id={name},fd={theirs.fileno()}",
                    "-device", device]
        return theirs

    def start(self):
        options = self.options
        initramfs = os.path.join(self.work, "initramfs")
        with open(initramfs, "wb") as f:
            f.write(self.initramfs())
        # One thread when instructions are counted, else one for each CPU.
        thread = "single" if options.icount else "multi"
        command = [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config",
            "-no-reboot", "-display", "none",
            "-machine", "q35,usb=off,vmport=off",
            "-accel", f"tcg,thread={thread}",
            "-cpu", options.cpu,
            "-smp", str(self.cpus()), "-m", str(options.mem),
            "-kernel", self.host.image, "-initrd", initramfs,
            "-append", self.kernel_arguments(),
            "-chardev", f"file,id=console,path={self.console}",
            "-serial", "chardev:console",
            "-device", "virtio-serial-pci",
        ]
        if options.icount:
            command += ["-icount", "shift=0,sleep=off"]
        if options.monitor:
            command += ["-monitor", f"unix:{comma(options.monitor)},server=on,wait=off"]
        if options.share:
            command += ["-virtfs", f"local,path={comma(options.share)},"
                        "mount_tag=share,security_model=none,"
                        "multidevs=remap"]
        theirs = []
        for name in ("control", "out", "err"):
            theirs.append(self._channel(
                command, name,
                f"virtserialport,chardev={name},name=bed.{name}"))
        # It would change the count of instructions.
        if not options.icount:
            theirs.append(self._channel(
                command, "heartbeat",
                "virtserialport,chardev=heartbeat,name=bed.heartbeat"))
        if options.interactive:
            theirs.append(self._channel(command, "terminal",
                                        "virtconsole,chardev=terminal"))
        self.spawn(command, stdout=subprocess.DEVNULL,
                   pass_fds=[end.fileno() for end in theirs])
        for end in theirs:
            end.close()

    def channels(self):
        return {name: ours.fileno() for name, ours in self.sockets.items()}

    def messages(self):
        return [line for line in super().messages()
                if "TCG doesn't support" not in line]

    def send_control(self, text):
        self.sockets["control"].sendall(text.encode() + b"\n")

    def beat(self):
        if "heartbeat" not in self.sockets:
            return
        try:
            self.sockets["heartbeat"].send(b".", socket.MSG_DONTWAIT)
        except (BlockingIOError, ConnectionError):
            pass        # nobody listens: before init does, or after it

    def send_terminal(self, data):
        self.sockets["terminal"].sendall(data)


def comma(text):
    """Escape TEXT as the value of one of QEMU's options."""
    return text.replace(",", ",,")
