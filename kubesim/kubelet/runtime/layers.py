"""Layers: what an image is made of, and what images share.

A real image is a list of compressed tar files, each named by its digest; a node fetches only those that it lacks.
Here an image has its base (Debian's or Alpine's, shared by all that are built on it) and a layer of its own.
Digests are made up from names, so that every node and every run agrees on them.
Upstream: the OCI image specification. Left out: what is in a layer.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

import msgspec

from kubesim.kubelet.runtime.library import ALPINE_BYTES, MB, known_image
from kubesim.kubelet.runtime.model import Behaviour
from kubesim.kubelet.runtime.names import normalised, repository_of, split_image

UNKNOWN_IMAGE_BYTES = 10 * MB
BASES = {"debian": 28 * MB, "alpine": ALPINE_BYTES}
REBUILT_BYTES = 2 * MB  # What is new in an image that somebody has built again.


class Layer(msgspec.Struct, frozen=True):
    """One layer: its digest, and its size as it is sent."""

    digest: str
    size_bytes: int


class Manifest(msgspec.Struct, frozen=True):
    """What a registry says of one image. `behaviour`: what was built into it; None: as the library says."""

    name: str
    digest: str
    layers: tuple[Layer, ...]
    behaviour: Behaviour | None = None
    version: int = 0  # How often the tag was published.

    @property
    def size_bytes(self) -> int:
        """The sum of its layers, compressed."""
        return sum(layer.size_bytes for layer in self.layers)


@lru_cache(maxsize=4096)
def library_manifest(image: str) -> Manifest:
    """An image as it is when nobody has published another: from the library, or small."""
    name, tag = normalised(image), split_image(image)[2]
    known = known_image(image)
    size, base = (known.size_bytes, known.base) if known else (UNKNOWN_IMAGE_BYTES, "")
    digest = tag[1:] if tag.startswith("@") else f"sha256:{_hash(name)}"
    layers: tuple[Layer, ...] = (Layer(f"sha256:{_hash(name, 'layer')}", size),)
    if base and size > BASES[base]:
        layers = (_base(base), Layer(layers[0].digest, size - BASES[base]))
    return Manifest(name, digest, layers)


def published_layers(image: str, version: int, size_bytes: int) -> tuple[Layer, ...]:
    """The layers of an image that somebody has built: what it had before, and what is new."""
    size = size_bytes or UNKNOWN_IMAGE_BYTES
    new = min(REBUILT_BYTES, size)
    old = Layer(f"sha256:{_hash(repository_of(image), 'base')}", size - new)
    return (*((old,) if old.size_bytes else ()), Layer(f"sha256:{_hash(normalised(image), str(version))}", new))


def _base(name: str) -> Layer:
    return Layer(f"sha256:{_hash(name, 'base image')}", BASES[name])


def _hash(*words: str) -> str:
    return sha256("#".join(words).encode()).hexdigest()
