"""Which Kubernetes this is. Upstream: k8s.io/component-base/version."""

from __future__ import annotations

import platform

from kubesim.api.stored import Object

GIT_VERSION = "v1.36.2"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def version_info() -> Object:
    """`/version`."""
    return {
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": GIT_VERSION,
        "gitCommit": "kubesim",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "none",
        "platform": f"{platform.system().lower()}/{MACHINES.get(platform.machine(), platform.machine())}",
    }
