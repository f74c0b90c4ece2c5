"""Everything random, from one seed.

Each component draws from a stream of its own, named after it, so that one more draw in the scheduler does
not change the names of Pods. Streams are derived with SHA-256: Python's `hash` differs per process.
"""

from __future__ import annotations

from hashlib import sha256
from random import Random

# The alphabet of k8s.io/apimachinery/pkg/util/rand: no vowels and no look-alikes, so no words arise.
NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
NAME_SUFFIX_LENGTH = 5


class Chance:
    """The random streams of one simulation."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[str, Random] = {}

    def stream(self, name: str) -> Random:
        """The stream called `name`: the same object at every call, the same numbers for every run of the seed."""
        stream = self._streams.get(name)
        if stream is None:
            digest = sha256(f"{self.seed}/{name}".encode()).digest()
            stream = self._streams[name] = Random(int.from_bytes(digest[:16], "big"))
        return stream

    def uid(self, _of: str = "", /) -> str:
        """A UUID of version 4, as the apiserver gives to every new object (of "Pod/default/web", say)."""
        bits = self.stream("uid").getrandbits(128)
        bits = (bits & ~(0xF << 76) & ~(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def name_suffix(self, length: int = NAME_SUFFIX_LENGTH) -> str:
        """What follows `metadata.generateName`."""
        return "".join(self.stream("name").choices(NAME_ALPHABET, k=length))

    def generated_name(self, _kind: str, _namespace: str, prefix: str, /) -> str:
        """The name of a new object of a kind and namespace that came with a `metadata.generateName`."""
        return prefix + self.name_suffix()

    def recorded_node(self, _uid: str, /) -> str:
        """Which node the Pod of this uid got, where chance is not drawn but was recorded; "" if nobody knows."""
        return ""
