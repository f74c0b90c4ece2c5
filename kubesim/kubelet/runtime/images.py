"""Images: which exist, how big they are, how long a pull takes, and what a node has already.

A registry is data: everything exists unless it is listed as missing. A pull costs a moment for the manifest
and then size over speed; an image that the library does not know is small. Digests are made up from the name,
so that every node and every run agrees on them. Left out: layers, rate limits, credentials, garbage collection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256

from kubesim.kubelet.runtime.cri import CriError, Image
from kubesim.kubelet.runtime.library import MEGABYTE, WELL_KNOWN
from kubesim.kubelet.runtime.names import normalised, repository_of, split_image

MANIFEST_SECONDS = 0.15
UNKNOWN_IMAGE_BYTES = 10 * MEGABYTE
BYTES_PER_SECOND = 80 * MEGABYTE


@lru_cache(maxsize=4096)
def describe(image: str) -> Image:
    """The image as a registry has it."""
    name, repository = normalised(image), repository_of(image)
    tag = split_image(image)[2]
    digest = tag[1:] if tag.startswith("@") else f"sha256:{sha256(name.encode()).hexdigest()}"
    known = WELL_KNOWN.get(repository.rsplit("/", 1)[-1])
    return Image(name, f"{repository}@{digest}", known.size_bytes if known else UNKNOWN_IMAGE_BYTES)


def is_missing(image: str, missing: Sequence[str]) -> bool:
    """Whether `image` is one of the missing: a registry, a repository, or a name with its tag, long or short."""
    registry = split_image(image)[0]
    for name in missing:
        has_tag = ":" in name.rpartition("/")[2]
        same = normalised(name) == normalised(image) if has_tag else repository_of(name) == repository_of(image)
        if same or name == registry:
            return True
    return False


class ImageStore:
    """The images of one node, and the way to get more."""

    def __init__(self, missing: Sequence[str] = (), present: Iterable[str] = ()) -> None:
        self._missing = missing
        self._images: dict[str, Image] = {}
        self._one_at_a_time = asyncio.Lock()  # serializeImagePulls, a kubelet's default.
        for image in present:
            self.add(image)

    def add(self, image: str) -> Image:
        """Puts an image on the node."""
        described = describe(image)
        self._images[described.name] = described
        return described

    def get(self, image: str) -> Image | None:
        """The image, if it is here."""
        return self._images.get(normalised(image))

    def all(self) -> Sequence[Image]:
        """All images, in order of arrival."""
        return tuple(self._images.values())

    async def pull(self, image: str) -> Image:
        """Fetches `image`; pulls of one node wait for each other. CriError if there is none."""
        async with self._one_at_a_time:
            await asyncio.sleep(MANIFEST_SECONDS)
            if is_missing(image, self._missing):
                raise not_found(image)
            if (have := self.get(image)) is not None:
                return have
            await asyncio.sleep(describe(image).size_bytes / BYTES_PER_SECOND)
            return self.add(image)


def not_found(image: str) -> CriError:
    """containerd's words for an image that its registry does not have."""
    name = normalised(image)
    return CriError(
        "NotFound",
        f'failed to pull and unpack image "{name}": failed to resolve reference "{name}": {name}: not found',
    )
