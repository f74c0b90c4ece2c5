"""What a namespace's labels ask for: a level and a version each for enforcing, auditing and warning.

Who enforces more than nothing and says nothing of warnings is warned of the same.
Upstream: k8s.io/pod-security-admission/api/helpers.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.field import invalid

PREFIX = "pod-security.kubernetes.io/"
PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
LEVELS = (PRIVILEGED, BASELINE, RESTRICTED)
LATEST = 1_000_000  # As a minor version.
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)")


class LevelVersion(NamedTuple):
    """A level as it was defined in Kubernetes 1.`minor`."""

    level: str = PRIVILEGED
    minor: int = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{'latest' if self.minor == LATEST else f'v1.{self.minor}'}"


class Policy(NamedTuple):
    """What a namespace asks for."""

    enforce: LevelVersion = LevelVersion()
    audit: LevelVersion = LevelVersion()
    warn: LevelVersion = LevelVersion()


def policy_of(labels: Mapping[str, str]) -> tuple[Policy, list[FieldError]]:
    """The policy, and what is wrong with the labels. An unknown level is enforced as the strictest."""
    problems: list[FieldError] = []
    found: dict[str, LevelVersion] = {}
    for mode in Policy._fields:
        level, version = labels.get(PREFIX + mode), labels.get(f"{PREFIX}{mode}-version")
        result = LevelVersion()
        if level is not None:
            known = level in LEVELS
            fallback = RESTRICTED if mode == "enforce" else PRIVILEGED
            result = result._replace(level=level if known else fallback)
            if not known:
                words = f"must be one of {', '.join(LEVELS)}"
                problems.append(invalid(f"metadata.labels[{PREFIX}{mode}]", level, words))
        if version is not None:
            minor = _minor(version)
            result = result._replace(minor=LATEST if minor is None else minor)
            if minor is None:
                path = f"metadata.labels[{PREFIX}{mode}-version]"
                problems.append(invalid(path, version, 'must be "latest" or "v1.x"'))
        found[mode] = result
    enforce, warn = found["enforce"], found["warn"]
    if labels.get(PREFIX + "enforce") in LEVELS and PREFIX + "warn" not in labels and stricter(enforce, warn):
        has_version = f"{PREFIX}warn-version" in labels
        found["warn"] = LevelVersion(enforce.level, warn.minor if has_version else enforce.minor)
    return Policy(**found), problems


def stricter(first: LevelVersion, second: LevelVersion) -> bool:
    """Whether the first level allows less."""
    return LEVELS.index(first.level) > LEVELS.index(second.level)


def _minor(version: str) -> int | None:
    if version == "latest":
        return LATEST
    match = _VERSION.fullmatch(version)
    return int(match[1]) if match else None
