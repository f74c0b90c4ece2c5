"""Names of fields in Go and in JSON."""

from __future__ import annotations

import pytest

from kubesim.api.go_names import wire_name


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("Name", "name"),
        ("DNSPolicy", "dnsPolicy"),
        ("TTY", "tty"),
        ("HostIP", "hostIP"),
        ("HTTPGet", "httpGet"),
        ("APIVersion", "apiVersion"),
        ("CephFS", "cephfs"),
        ("SELinuxOptions", "seLinuxOptions"),
    ],
)
def test_capitals_at_the_beginning_become_small(name: str, wire: str) -> None:
    """Teaches: one rule and a few exceptions lead from Go's names to those on the wire."""
    assert wire_name(name) == wire
