"""semver(). Upstream: k8s.io/apiserver/pkg/cel/library/semverlib.go, github.com/blang/semver."""

from __future__ import annotations

import re

from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.functions.overload import Implementation
from kubesim.apiserver.cel.values import Opaque

KIND = "kubernetes.Semver"
_NUMBER = r"(0|[1-9]\d*)"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?\Z")
Key = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def _parse(text: str, normalize: bool = False) -> Opaque:
    """The version as something that compares as versions do."""
    given = _normalized(text) if normalize else text
    found = _VERSION.match(given)
    if found is None:
        why = "Version string empty" if not given else _why(given)
        raise EvaluationError(f"semver parse error during conversion from string: {why}")
    parts = (found[4] or "").split(".") if found[4] else []
    pre = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts)
    key: Key = (int(found[1]), int(found[2]), int(found[3]), not pre, pre)
    return Opaque(KIND, key)


def _normalized(text: str) -> str:
    text = text.removeprefix("v")
    match = re.match(r"([^-+]*)([-+]?)(.*)\Z", text, re.DOTALL)
    assert match is not None, "every text has these three parts"
    core, sign, rest = match.groups()
    numbers = [part.lstrip("0") or "0" if part.isdigit() else part for part in core.split(".")]
    return ".".join(numbers + ["0"] * (3 - len(numbers))) + sign + rest


def _why(text: str) -> str:
    parts = text.split(".", 2)
    if len(parts) != 3:
        return "No Major.Minor.Patch elements found"
    for name, part in zip(("major", "minor", "patch"), parts, strict=True):
        if name != "patch" and not part.isdigit():
            return f'Invalid character(s) found in {name} number "{part}"'
    return f'Invalid character(s) found in patch number "{parts[2]}"'


def _is_semver(text: str, normalize: bool = False) -> bool:
    try:
        _parse(text, normalize)
    except EvaluationError:
        return False
    return True


def _compare(one: Opaque, other: Opaque) -> int:
    return int(one.value > other.value) - int(one.value < other.value)


FUNCTIONS: tuple[tuple[str, Implementation], ...] = (
    ("semver(string): kubernetes.Semver", _parse),
    ("semver(string, bool): kubernetes.Semver", _parse),
    ("isSemver(string): bool", _is_semver),
    ("isSemver(string, bool): bool", _is_semver),
    ("kubernetes.Semver::major(): int", lambda version: version.value[0]),
    ("kubernetes.Semver::minor(): int", lambda version: version.value[1]),
    ("kubernetes.Semver::patch(): int", lambda version: version.value[2]),
    ("kubernetes.Semver::isLessThan(kubernetes.Semver): bool", lambda a, b: _compare(a, b) < 0),
    ("kubernetes.Semver::isGreaterThan(kubernetes.Semver): bool", lambda a, b: _compare(a, b) > 0),
    ("kubernetes.Semver::compareTo(kubernetes.Semver): int", _compare),
)
