# SPDX-License-Identifier: GPL-2.0-or-later
"""Bochs' virtual interrupts, mended in a copy of its program.

Bochs 2.7 does two things to them that the SDM does not (Documentation/beds.rst),
and no guest that takes interrupts lives long with either.  What is wrong is two
conditions in a program that Debian will not build again: the bed runs a copy
with these few instructions replaced.  Of any other build nothing is known, and
it is left alone.
"""

import hashlib
import os

PROGRAM = "/usr/bin/bochs-bin"

# bochs 2.7+dfsg-4+deb12u1, amd64.
_BUILD = "5b8b1bbe782917bbe08c3511c0e74adb969b1ac86698ce823f396327689f3ebc"

# (offset, what is there, what it becomes)
_MENDS = (
    # BX_CPU_C::InterruptAcknowledge(): an interrupt of the host's has arrived
    # in the guest, and a virtual one is pending.  That is delivered instead,
    # which may be done with RFLAGS.IF only.  The jump leads to the end of the
    # code's last page:
    #	jne	at 0x28a400
    (0x14b632, "0f85d0000000", "0f85c8ed1300"),
    #	testb	$2, 0xf9(%rbx)		second byte of RFLAGS
    #	jne	where the former jump went: VMX_Deliver_Virtual_Interrupt()
    #	jmp	behind the former jump: VMexit_ExtInterrupt()
    (0x28a400, "00" * 18, "f683f900000002" "0f85fb12ecff" "e92612ecff"),
    # BX_CPU_C::VMX_Deliver_Virtual_Interrupt(): what an exit amid the delivery
    # is to say as IDT-vectoring information is kept, as for all other events
    # (type 0 and the vector), in the place of a call of an empty hook.
    #	mov	%r13d, 0x9178(%rbx)
    #	nop
    (0x1dcfad, "0fb79370010000" "e807ca0800", "4489ab78910000" "0f1f440000"),
)


def _read():
    try:
        with open(PROGRAM, "rb") as f:
            return f.read()
    except OSError:
        return b""


def known():
    """Whether the installed build of Bochs is the one that can be mended."""
    return hashlib.sha256(_read()).hexdigest() == _BUILD


def write_mended(path):
    """Write the mended program to path; false if the build is another."""
    program = bytearray(_read())
    if hashlib.sha256(program).hexdigest() != _BUILD:
        return False
    for offset, old, new in _MENDS:
        old, new = bytes.fromhex(old), bytes.fromhex(new)
        end = offset + len(old)
        if len(old) != len(new) or program[offset:end] != old:
            raise ValueError(f"{PROGRAM}: not what is expected at {offset:#x}")
        program[offset:end] = new
    with open(path, "wb") as f:
        f.write(program)
    os.chmod(path, 0o755)
    return True
