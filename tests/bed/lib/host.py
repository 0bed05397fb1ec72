# SPDX-License-Identifier: GPL-2.0-or-later
"""Host kernels, and the modules built for them."""

import os
import subprocess
import sys

from .bed import BedError

HOSTS = ("small-6.12", "small-6.1", "small-6.12-debug", "small-6.1-debug",
         "small-6.12-kcsan", "debian-6.1", "debian-6.12")

# What stock kernels have as modules and the beds need.
_DEBIAN_MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p",
                   "virtio_blk")


class Host:
    """A host kernel: its image, release and modules."""

    def __init__(self, name, here):
        self.name = name
        self.here = here
        self.directory = self._ask("--dir")
        self.image = os.path.join(self.directory, "bzImage")
        with open(os.path.join(self.directory, "release")) as f:
            self.release = f.read().strip()
        self.stock = name.startswith("debian-")
        self.debug = name.endswith("-debug")
        self.boot_modules = _DEBIAN_MODULES if self.stock else ()
        self.built_modules = []

    def _ask(self, what):
        result = subprocess.run([os.path.join(self.here, "kernel"), what,
                                 self.name],
                                stdout=subprocess.PIPE, text=True)
        if result.returncode:
            raise BedError(f"no host kernel {self.name}")
        return result.stdout.strip()

    def build_modules(self, top, build, targets):
        """Build the driver's modules for this kernel, if out of date.

        TARGETS: those of the top-level Makefile, with the module each makes.
        """
        kdir = self._ask("--kdir")
        result = subprocess.run(["make", "-s", "-C", top, *targets,
                                 f"KDIR={kdir}", f"O={build}"],
                                stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)
        if result.returncode:
            sys.stderr.write(result.stdout)
            raise BedError(f"the driver does not build for {self.release}")
        for module in targets.values():
            path = os.path.join(build, "kmod-" + self.release, module)
            if not os.path.exists(path):
                raise BedError(f"the build left no {path}")
            self.built_modules.append(path)
