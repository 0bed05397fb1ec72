#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists the virtual machines and their vCPUs, by the kernel's YNL library:

    PYTHONPATH=/usr/src/linux/tools/net/ynl list.py holm.yaml
"""
import sys

from lib import YnlFamily

holm = YnlFamily(sys.argv[1], schema="")
for vm in holm.dump("vm-get", {}):
    print(f"{vm['name']}: {vm['state']}, {vm['memory'] >> 20} MiB")
    for vcpu in holm.dump("vcpu-get", {"vm": vm["id"]}):
        print(f"  vCPU {vcpu['index']}: {vcpu['state']}, {vcpu['exits']} exits")
