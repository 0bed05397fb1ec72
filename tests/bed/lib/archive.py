# SPDX-License-Identifier: GPL-2.0-or-later
"""Initramfs archives: the kernel's "newc" cpio format, written directly.

The format is described in the kernel's
Documentation/driver-api/early-userspace/buffer-format.rst.  Several archives
may follow each other in one initramfs.
"""

import os
import re
import stat
import subprocess


class Archive:
    """Collects files in memory; parents are made as they are needed."""

    def __init__(self):
        self.parts = []
        self.paths = set()
        self.inode = 0

    def _entry(self, path, mode, data, rdev=(0, 0)):
        self.inode += 1
        name = path.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0,
                  rdev[0], rdev[1], len(name), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
        self.parts.append(head + bytes(-len(head) % 4))
        self.parts.append(data)
        self.parts.append(bytes(-len(data) % 4))
        self.paths.add(path)

    def _parents(self, path):
        parent = os.path.dirname(path)
        if parent and parent not in self.paths:
            self.directory(parent)

    def directory(self, path):
        path = path.strip("/")
        if path in self.paths:
            return
        self._parents(path)
        self._entry(path, stat.S_IFDIR | 0o755, b"")

    def file(self, path, data, mode=0o644):
        path = path.strip("/")
        if path in self.paths:
            return
        self._parents(path)
        self._entry(path, stat.S_IFREG | mode, data)

    def symlink(self, path, target):
        path = path.strip("/")
        if path in self.paths:
            return
        self._parents(path)
        self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, path, major, minor):
        path = path.strip("/")
        self._parents(path)
        self._entry(path, stat.S_IFCHR | 0o600, b"", (major, minor))

    def copy(self, source, path=None):
        """Add the file SOURCE, following links, as PATH (default: SOURCE)."""
        with open(source, "rb") as f:
            mode = os.fstat(f.fileno()).st_mode
            self.file(path or source, f.read(), mode & 0o777)

    def tree(self, source, path=""):
        """Add all below the directory SOURCE, at PATH."""
        for base, _, files in os.walk(source):
            inside = os.path.join(path, os.path.relpath(base, source))
            inside = os.path.normpath(inside)
            if inside != ".":
                self.directory(inside)
            for name in sorted(files):
                full = os.path.join(base, name)
                if os.path.islink(full):
                    self.symlink(os.path.join(inside, name), os.readlink(full))
                else:
                    self.copy(full, os.path.join(inside, name))

    def program(self, source, path):
        """Add a program and the shared libraries it needs."""
        self.copy(source, path)
        for library in shared_libraries(source):
            self.copy(library)

    def busybox(self, source):
        """Add a static busybox with all its applets in /bin."""
        self.copy(source, "bin/busybox")
        applets = subprocess.run([source, "--list"], check=True,
                                 stdout=subprocess.PIPE, text=True).stdout
        for applet in applets.split():
            if applet != "busybox":
                self.symlink("bin/" + applet, "busybox")

    def finish(self):
        """Return the archive."""
        self._entry("TRAILER!!!", 0, b"")
        data = b"".join(self.parts)
        return data + bytes(-len(data) % 512)


def is_elf(path):
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


_libraries = {}


def shared_libraries(path):
    """Return the paths of what the dynamic loader would map for PATH."""
    if not is_elf(path):
        return []
    if path not in _libraries:
        listing = subprocess.run(["ldd", path], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, text=True).stdout
        missing = re.findall(r"^\s*(\S+) => not found", listing, re.M)
        if missing:
            raise FileNotFoundError(
                f"{path} needs {', '.join(missing)}, which is not found")
        _libraries[path] = re.findall(r"(/\S+) \(0x", listing)
    return _libraries[path]
