# SPDX-License-Identifier: GPL-2.0-or-later
"""What both beds have in common: settings, initramfs, failures."""

import ctypes
import os
import shlex
import shutil
import signal
import subprocess

from . import archive


class BedError(Exception):
    """The bed itself failed, with a message for the user."""


class Bed:
    """One boot of an emulated host.

    A subclass starts the emulator and says by which file descriptors its
    output comes.  OPTIONS are the parsed arguments of tests/bed/run, HOST the
    host kernel, WORK a directory of this run.
    """

    name = None
    # Extra kernel arguments
    arguments = ""

    def __init__(self, options, host, work):
        self.options = options
        self.host = host
        self.work = work
        self.console = os.path.join(work, "console")
        self.process = None

    def kernel_arguments(self):
        """Return the host's kernel command line."""
        return " ".join([
            "console=ttyS0,115200", "panic=-1", "oops=panic", "nokaslr",
            "random.trust_cpu=on", "rdinit=/init",
            # An emulated CPU may have to wait for a real one.
            "rcupdate.rcu_cpu_stall_timeout=120", "watchdog_thresh=60",
            self.arguments, self.options.append]).strip()

    def settings(self):
        """Return what tests/bed/init reads as shell variables."""
        options = self.options
        return {
            "BED": self.name,
            "MODULES": " ".join(self.host.boot_modules),
            "MODULE": "/modules/holm.ko" if options.module else "",
            "MODULE_ARGS": options.module_args,
            "KMEMLEAK": "1" if options.kmemleak else "",
            "INTERACTIVE": "1" if options.interactive else "",
            "MERGED": "1" if options.merged else "",
            "SHARE": "",
        }

    def initramfs(self):
        """Return the host's initramfs."""
        options = self.options
        box = archive.Archive()
        for directory in ("proc", "sys", "dev", "root", "usr/bin"):
            box.directory(directory)
        box.character_device("dev/console", 5, 1)
        box.character_device("dev/null", 1, 3)
        box.busybox(find_busybox())
        box.copy(os.path.join(options.here, "init"), "init")
        box.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"
                 b"nobody:x:65534:65534:nobody:/:/bin/sh\n")
        box.file("etc/group", b"root:x:0:\nholm:x:900:\nnogroup:x:65534:\n")
        box.symlink("usr/bin/env", "/bin/busybox")
        settings = "".join(f"{name}={shlex.quote(value)}\n"
                           for name, value in self.settings().items())
        box.file("bed/settings", settings.encode())
        command = " ".join(shlex.quote(word) for word in options.command)
        box.file("bed/command", f"exec {command}\n".encode())
        self.add_programs(box)
        for module in self.host.built_modules:
            box.copy(module, "modules/" + os.path.basename(module))
        box.tree(os.path.join(self.host.directory, "root"))
        return box.finish()

    def add_programs(self, box):
        """Put what was built for the host on its PATH."""
        build = self.options.build
        for directory in ("userspace/bin", "tests/bin"):
            top = os.path.join(build, directory)
            for base, _, files in os.walk(top):
                for name in files:
                    full = os.path.join(base, name)
                    inside = os.path.relpath(full, top)
                    if os.access(full, os.X_OK):
                        box.program(full, os.path.join("tests", inside))
                    else:
                        box.copy(full, os.path.join("tests", inside))

    def build_helper(self, name):
        """Compile NAME.c when it is newer than its program; return the path."""
        source = os.path.join(self.options.here, name + ".c")
        program = os.path.join(self.options.build, "bed", name)
        if (os.path.exists(program) and
                os.path.getmtime(program) >= os.path.getmtime(source)):
            return program
        os.makedirs(os.path.dirname(program), exist_ok=True)
        fresh = f"{program}.{os.getpid()}"
        if subprocess.run(["gcc", "-static", "-O2", "-Wall", "-o", fresh,
                           source]).returncode:
            raise BedError(f"{source} does not compile")
        os.replace(fresh, program)
        return program

    def spawn(self, command, **more):
        """Run the emulator's COMMAND; it does not outlive this process."""
        with open(os.path.join(self.work, "emulator"), "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stderr=log,
                preexec_fn=_die_with_parent, **more)

    def start(self):
        """Start the emulator."""
        raise NotImplementedError

    def channels(self):
        """Return {name: file descriptor} of what the emulator writes."""
        raise NotImplementedError

    def split(self, channel, data):
        """Yield (channel, data) for what came by CHANNEL."""
        yield channel, data

    def send_control(self, text):
        """Send a line to the host's init."""

    def beat(self):
        """Called several times a second while the emulator runs."""

    def read_log(self, name):
        """Return the lines of the file NAME of this run."""
        try:
            with open(os.path.join(self.work, name), errors="replace") as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def messages(self):
        """Return what the emulator itself had to say, as lines."""
        return self.read_log("emulator")

    def finish(self):
        """Bring home what the host left, after the emulator has ended."""


_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def find_busybox():
    """Return the path of a static busybox."""
    path = shutil.which("busybox", path="/bin:/usr/bin:/sbin:/usr/sbin")
    if not path or archive.shared_libraries(path):
        raise BedError("no static busybox (package busybox-static): "
                       "run scripts/setup")
    return path
