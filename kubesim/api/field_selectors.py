"""Field selectors: which objects are meant, by a few of their fields (`spec.nodeName=node-1,status.phase!=Running`).

Only = (or ==) and != exist, and only for the fields that a kind declares (`Resource.selectable_fields`).
Commas, equals signs and backslashes in a value are escaped with a backslash.
Upstream: k8s.io/apimachinery/pkg/fields/selector.go, and ToSelectableFields of each registry strategy.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kubesim.api.resources import METADATA_FIELDS, Resource

# What is said of other fields. Kinds with fields of their own have words of their own, and cluster-scoped ones among
# them know no namespace; all others know just the two.
_REFUSALS = {
    ("batch", "Job"): 'field label "{}" not supported for batchv1.Job',
    ("resource.k8s.io", "ResourceSlice"): "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {}",
}
_NAME, _NAMESPACE = METADATA_FIELDS
_OWN_REFUSAL = "field label not supported: {}"
_COMMON_REFUSAL = f'"{{}}" is not a known field selector: only "{_NAME}", "{_NAMESPACE}"'

# What a field reads as when it is absent and is not a string.
_ABSENT = {"spec.unschedulable": "false", "spec.hostNetwork": "false", "status.replicas": "0"}

FieldRequirement = tuple[str, str, str]


class FieldSelector:
    """Requirements (path, `=` or `!=`, value) that must all be met; without any it selects everything."""

    __slots__ = ("_readers", "requirements")

    def __init__(self, requirements: tuple[FieldRequirement, ...] = ()) -> None:
        self.requirements = requirements
        self._readers = tuple((field_reader(path), op == "=", value) for path, op, value in requirements)

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return not self.requirements

    def matches(self, obj: dict[str, Any]) -> bool:
        """Whether the object is selected."""
        for read, equal, wanted in self._readers:  # noqa: SIM110 (a generator would cost more than the comparison)
            if (read(obj) == wanted) is not equal:
                return False
        return True

    def exact_value(self, path: str) -> str | None:
        """The only value that the field can have in an object that matches, if there is one."""
        for found, op, value in self.requirements:
            if found == path and op == "=":
                return value
        return None

    def unsupported(self, resource: Resource) -> str | None:
        """Upstream's complaint if the kind does not let one select by a field that is used here."""
        special = bool(resource.selectable_fields) or resource.custom
        common = (_NAME,) if special and not resource.namespaced else METADATA_FIELDS
        for path, _, _ in self.requirements:
            if path not in common and path not in resource.selectable_fields:
                words = _REFUSALS.get((resource.group, resource.kind), _OWN_REFUSAL if special else _COMMON_REFUSAL)
                return words.format(path)
        return None

    def __str__(self) -> str:
        return ",".join(f"{path}{op}{_escape(value)}" for path, op, value in self.requirements)


def parse_field_selector(text: str) -> FieldSelector:
    """From the text of a query. ValueError if it does not parse."""
    return FieldSelector(tuple(_requirement(term, text) for term in _split(text) if term))


def field_reader(path: str) -> Callable[[dict[str, Any]], str]:
    """A function that reads a field of an object as a selector sees it: always a string."""
    if path == "source":
        return _event_source
    names = tuple(path.split("."))
    absent = _ABSENT.get(path, "")

    def read(obj: dict[str, Any]) -> str:
        value: Any = obj
        for name in names:
            value = value.get(name)
            if value is None:
                return absent
        if value is True or value is False:
            return "true" if value else "false"
        return str(value)

    return read


def _event_source(event: dict[str, Any]) -> str:
    """Who reported an event, in the old or the new field."""
    return (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""


def _split(text: str) -> list[str]:
    """The terms between commas that are not escaped."""
    return [term.strip() for term in re.findall(r"(?:\\.|[^\\,])+", text)]


def _requirement(term: str, text: str) -> FieldRequirement:
    match = re.fullmatch(r"((?:\\.|[^\\=!])*)(==|!=|=)(.*)", term, re.DOTALL)
    if match is None:
        raise ValueError(f"invalid selector: '{text}'; can't understand '{term}'")
    return match[1], "!=" if match[2] == "!=" else "=", _unescape(match[3])


def _escape(value: str) -> str:
    return re.sub(r"([\\,=])", r"\\\1", value)


def _unescape(value: str) -> str:
    if not re.search(r"[\\,=]", value):
        return value
    text, escaped = "", False
    for character in value:
        if escaped and character not in "\\,=":
            raise ValueError(f"invalid field selector: invalid escape sequence: \\{character}")
        if not escaped and character in ",=":  # Upstream prints the rune as a number.
            raise ValueError(f"invalid field selector: unescaped character in value: {ord(character)}")
        escaped = character == "\\" and not escaped
        text += "" if escaped else character
    if escaped:
        raise ValueError("invalid field selector: invalid escape sequence: \\")
    return text
