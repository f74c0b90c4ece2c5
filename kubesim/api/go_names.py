"""Go's names of fields and the names that JSON has for them."""

from __future__ import annotations

import re

# Where the rule below does not hold.
ODD_NAMES = {
    "CephFS": "cephfs",
    "StorageOS": "storageos",
    "ScaleIO": "scaleIO",
    "SELinuxOptions": "seLinuxOptions",
    "SELinuxChangePolicy": "seLinuxChangePolicy",
    "SetHostnameAsFQDN": "setHostnameAsFQDN",
    "DeprecatedServiceAccount": "serviceAccount",
}


def wire_name(name: str) -> str:
    """Go's name of a field as JSON has it: DNSPolicy is dnsPolicy, TTY is tty, HostIP is hostIP."""
    if name in ODD_NAMES:
        return ODD_NAMES[name]
    match = re.match(r"[A-Z]+", name)
    assert match is not None, "Go's exported names begin with a capital"
    head = match[0]
    if 1 < len(head) < len(name):
        head = head[:-1]
    return head.lower() + name[len(head) :]
