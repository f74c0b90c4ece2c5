"""Names that chance made, replaced by placeholders, so that two runs can be laid side by side.

`web-7887448d46-9b5gw` becomes `web-<rs1>-<p1>`: numbered in order of first appearance. UIDs, addresses and
dates inside messages become `<uid>`, `<ip>` and `<time>`.
"""

from __future__ import annotations

import re
from collections import Counter

from kubesim.api.meta import controller_of
from kubesim.api.stored import Object

POD_OF_PLACEHOLDER = re.compile(r"(<(?:rs|job)\d+>)-[bcdfghjklmnpqrstvwxz2456789]{5}\b")
UID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
ADDRESS = re.compile(r"\b10\.(\d+\.){2}\d+\b|\b192\.168\.\d+\.\d+\b")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]0000 UTC|Z)?( m=[+0-9.]+)?")
PULL = re.compile(r" in [0-9.hmµus]+ \([0-9.hmµus]+ including waiting\)\. Image size: \d+ bytes\.")
PULLED = " in <duration> (<duration> including waiting). Image size: <number> bytes."
NUMBERED_POD = re.compile(r"<p\d+>")


class Names:
    """The placeholders of one recording. First `see` every object, then `finish`, then ask."""

    def __init__(self) -> None:
        self._placeholders: dict[tuple[str, str], str] = {}
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._texts: list[tuple[str, str]] = []
        self._hashes: list[tuple[re.Pattern[str], str]] = []

    def see(self, kind: str, obj: Object) -> str:
        """Gives an object its placeholder, the same at every call."""
        name: str = obj["metadata"]["name"]
        known = self._placeholders.get((kind, name))
        if known is not None:
            return known
        base, tag = self._base(kind, obj)
        if not tag:
            placeholder = name
        else:
            self._numbers[base, tag] += 1
            placeholder = f"{base}-<{tag}{self._numbers[base, tag]}>"
        self._placeholders[kind, name] = placeholder
        return placeholder

    def finish(self) -> None:
        """All objects are seen: from here on texts can be normalised."""
        random = [(kind, name, text) for (kind, name), text in self._placeholders.items() if name != text]
        self._texts = sorted(((name, text) for _, name, text in random), key=lambda pair: -len(pair[0]))
        self._hashes = [
            (re.compile(rf"\b{re.escape(name.rsplit('-', 1)[1])}\b"), text.rsplit("-", 1)[1])
            for kind, name, text in random
            if kind in ("ReplicaSet", "ControllerRevision")
        ]

    def of(self, kind: str, name: str) -> str:
        """The placeholder of an object, or its name if it was never seen."""
        return self._placeholders.get((kind, name), name)

    def text(self, text: str) -> str:
        """A message without anything that chance made."""
        for name, placeholder in self._texts:
            if name in text:
                text = text.replace(name, placeholder)
        for pattern, placeholder in self._hashes:
            text = pattern.sub(placeholder, text)
        text = POD_OF_PLACEHOLDER.sub(r"\1-<p>", text)
        text = PULL.sub(PULLED, UID.sub("<uid>", text))
        return TIME.sub("<time>", ADDRESS.sub("<ip>", text))

    def _base(self, kind: str, obj: Object) -> tuple[str, str]:
        """What the generated name begins with, and the letter of its kind; no letter: the name is no chance."""
        owner = controller_of(obj)
        prefix = obj["metadata"].get("generateName", "")
        if kind == "ReplicaSet" and owner:
            return owner["name"], "rs"
        if kind == "Pod" and prefix.endswith("-") and (owner or {}).get("kind") != "StatefulSet":
            base = prefix[:-1]
            return self._placeholders.get(("ReplicaSet", base)) or self.of("Job", base), "p"
        if kind == "EndpointSlice" and prefix:
            return prefix.rstrip("-"), "s"
        if kind == "Job" and owner:
            return owner["name"], "job"
        if kind == "ControllerRevision" and owner:
            return owner["name"], "rev"
        return "", ""


def without_pod_numbers(text: str) -> str:
    """Which of several twin Pods comes first is chance: `<p3>` becomes `<p>`."""
    return NUMBERED_POD.sub("<p>", text)
