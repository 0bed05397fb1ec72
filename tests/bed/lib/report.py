# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds the reports of a kernel in trouble on its console."""

import re

# What begins a report.  Programs that crash are logged as "traps: NAME[PID]
# general protection fault ...", which is no fault of the kernel's: kernel
# faults are told apart by the number of the oops.
_STARTS = [
    r"BUG: ",
    r"BUG \S+ \(",
    r"kernel BUG at ",
    r"WARNING: ",
    r"Oops",
    r".*: \d{4} \[#\d+\]",
    r"Kernel panic",
    r"UBSAN: ",
    r"kmemleak: .*suspected memory leak",
    r"unreferenced object 0x",
    r"INFO: task .* blocked for more than",
    r"INFO: trying to register non-static key",
    r"INFO: lockdep is turned off",
    r"rcu: INFO: .* detected (expedited )?stalls",
    r"rcu: INFO: .* self-detected stall",
    r"watchdog: BUG: ",
    r"unchecked MSR access error",
    r"refcount_t: ",
    r"list_(add|del) corruption",
    r"ODEBUG: ",
    r"Out of memory and no killable processes",
    r"\S+: Unknown symbol",
    r"Call Trace:",
]
# Right behind the time stamp, which all but kmemleak's list has: some boot
# messages speak of warnings further on.
_START = re.compile(r"(\[ *\d+\.\d+\] *)?(" + "|".join(_STARTS) + ")")
_END = re.compile(r"---\[ end |===+$|</TASK>")
_DEAD = re.compile(r"---\[ end Kernel panic|Attempted to kill init")

_BEFORE = 2
_LINES = 80
_REPORTS = 5


def reports(lines, ignored=()):
    """Return the reports among LINES of a console, as lists of lines.

    IGNORED: compiled patterns; a line that matches one begins no report.
    """
    found = []
    at = 0
    while at < len(lines) and len(found) < _REPORTS:
        line = lines[at]
        if not _START.match(line) or any(i.search(line) for i in ignored):
            at += 1
            continue
        end = at + 1
        while end < len(lines) and end < at + _LINES:
            end += 1
            if _END.search(lines[end - 1]) and end - at > 3:
                break
        found.append(lines[max(at - _BEFORE, 0):end])
        at = end
    return found


def is_dead(text):
    """Tell whether the console's TEXT says that the kernel has stopped."""
    return _DEAD.search(text) is not None


# Bits of /proc/sys/kernel/tainted that only a kernel in trouble sets:
# see the kernel's Documentation/admin-guide/tainted-kernels.rst.
_TAINTS = {4: "a machine check", 5: "a bad page", 7: "an oops or BUG",
           9: "a warning", 14: "a soft lockup"}


def taints(value):
    """Return what the taint VALUE says went wrong, as a list of words."""
    return [text for bit, text in _TAINTS.items() if value >> bit & 1]
