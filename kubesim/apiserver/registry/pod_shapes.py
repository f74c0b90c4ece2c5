"""What was found out about the specs of Pods: Pods of one template are alike, so it need not be found out again.

A spec is known by its bytes, without the random end of the name of the volume that the server itself mounts: whether
a spec is right, what there is to warn of and its quality of service do not depend on that. Only what is in order is
remembered; a Pod with problems is looked at in full each time. Upstream validates every Pod anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.admission.service_account import VOLUME_PREFIX
from kubesim.apiserver.memo import Memo

GENERATED = re.compile(re.escape(VOLUME_PREFIX) + "[a-z0-9]{5}")
STAND_IN = b"*"  # No name of a volume.
NAMES_COUNT = b'"ephemeral":'  # The claim of such a volume is named after the Pod.


class Known(NamedTuple):
    """One spec, as it was asked about, and its bytes."""

    spec: Object
    key: bytes


class PodShapes:
    """What is known of specs."""

    def __init__(self) -> None:
        self._fine: Memo[bytes, None] = Memo()
        self._silent: Memo[bytes, None] = Memo()
        self._qualities: Memo[bytes, str] = Memo()
        self._encode = msgspec.json.Encoder().encode
        self._last: Known | None = None

    def problems(self, spec: Object, look: Callable[[], list[FieldError]]) -> list[FieldError]:
        """What is wrong with a spec: what `look` finds, if it is not known to find nothing."""
        key = self._key(spec)
        if key in self._fine:
            return []
        problems = look()
        if not problems and NAMES_COUNT not in key:
            self._fine.put(key, None)
        return problems

    def warnings(self, spec: Object, look: Callable[[], list[str]]) -> list[str]:
        """The same of warnings."""
        key = self._key(spec)
        if key in self._silent:
            return []
        warnings = look()
        if not warnings:
            self._silent.put(key, None)
        return warnings

    def quality(self, spec: Object, look: Callable[[], str]) -> str:
        """The quality of service."""
        key = self._key(spec)
        quality = self._qualities.get(key)
        if quality is None:
            quality = look()
            self._qualities.put(key, quality)
        return quality

    def _key(self, spec: Object) -> bytes:
        """The bytes of a spec; several questions about one come one after another."""
        last = self._last
        if last is not None and last.spec is spec:
            return last.key
        key = self._encode(spec)
        volumes = spec.get("volumes")
        name = volumes[-1].get("name") if volumes else ""
        if name and GENERATED.fullmatch(name):
            key = key.replace(name.encode(), STAND_IN)
        self._last = Known(spec, key)
        return key
