"""The images of one node: what it has, how it gets more, and what they take of its disk.

A pull costs a moment for the manifest and then the size of the layers that are missing over the registry's speed.
The same image can be wanted by name, by tag or by digest. Images that nothing runs from can be removed, which the
kubelet does when the disk is full (`kubesim.kubelet.image_gc`). Left out: image volumes, signatures, mirrors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from kubesim.kubelet.runtime.cri import Image
from kubesim.kubelet.runtime.layers import Layer, Manifest, library_manifest
from kubesim.kubelet.runtime.names import normalised, repository_of, split_image
from kubesim.kubelet.runtime.registry import LOOKUP_SECONDS, TIMEOUT_SECONDS, Credentials, Refusal, Registries
from kubesim.sim import Clock

Describe = Callable[[Manifest], Image]


class ImageStore:
    """The images of one node. `describe` says what its runtime calls an image."""

    def __init__(self, clock: Clock, registries: Registries, describe: Describe, present: Iterable[str] = ()) -> None:
        self.changes = 0  # Counts additions and removals: whoever reports images compares it.
        self._clock = clock
        self._registries = registries
        self._describe = describe
        self._manifests: dict[str, Manifest] = {}  # By full name, in order of arrival.
        self._images: dict[str, Image] = {}
        self._layers: dict[str, int] = {}  # Digest -> size.
        self.uses: dict[str, int] = {}  # Name -> when a container was last made of it.
        self.arrivals: dict[str, int] = {}  # Name -> when it came, in virtual nanoseconds.
        for image in present:
            self.add(library_manifest(image))

    def add(self, manifest: Manifest) -> Image:
        """Puts an image on the node; a tag that is there already moves."""
        before = self._manifests.get(manifest.name)
        self._manifests[manifest.name] = manifest
        self._layers.update((layer.digest, layer.size_bytes) for layer in manifest.layers)
        self.arrivals.setdefault(manifest.name, self._clock.now_ns())
        image = self._images[manifest.name] = self._describe(manifest)
        if before != manifest:
            self.changes += 1
            self._drop_layers(before)
        return image

    def add_unseen(self, image: str) -> Image:
        """Puts an image on the node without asking anybody: its tag, as the library knows it."""
        return self.add(library_manifest(image))

    def get(self, image: str) -> Image | None:
        """The image, if it is here, by its name or its digest."""
        manifest = self.manifest(image)
        return self._images[manifest.name] if manifest is not None else None

    def manifest(self, image: str) -> Manifest | None:
        """What it is made of."""
        found = self._manifests.get(normalised(image))
        if found is None and (digest := split_image(image)[2]).startswith("@"):
            for each in self._manifests.values():
                if f"@{each.digest}" == digest and repository_of(each.name) == repository_of(image):
                    return each
        return found

    def use(self, image: str) -> None:
        """A container is made of it."""
        manifest = self.manifest(image)
        if manifest is not None:
            self.uses[manifest.name] = self._clock.now_ns()

    def remove(self, image: str) -> None:
        """It is gone, and its layers unless another image needs them."""
        manifest = self.manifest(image)
        if manifest is not None:
            del self._manifests[manifest.name], self._images[manifest.name], self.arrivals[manifest.name]
            self.changes += 1
            self._drop_layers(manifest)

    def all(self) -> Sequence[Image]:
        """All images, in order of arrival."""
        return tuple(self._images.values())

    def used_bytes(self) -> int:
        """What all layers take, compressed; shared ones count once."""
        return sum(self._layers.values())

    async def pull(self, image: str, credentials: Sequence[Credentials] = ()) -> Image:
        """Fetches what is missing of `image`; a `Refusal` if its registry does not give it."""
        registries = self._registries
        if registries.trouble(image) == "timeout":
            await asyncio.sleep(TIMEOUT_SECONDS)
        await asyncio.sleep(LOOKUP_SECONDS)
        manifest = registries.look_up(image, credentials)
        have = self.manifest(image)
        if have is not None and have.digest == manifest.digest:
            return self._images[have.name]
        registries.count(image, credentials, self._clock.now_ns())
        await asyncio.sleep(registries.seconds_for(image, self.missing(manifest)))
        if kind := registries.trouble(image):
            raise Refusal(kind)  # It went down while it was sending.
        return self.add(manifest)

    def missing(self, manifest: Manifest) -> list[Layer]:
        """The layers that the node lacks."""
        return [layer for layer in manifest.layers if layer.digest not in self._layers]

    def _drop_layers(self, manifest: Manifest | None) -> None:
        needed = {layer.digest for each in self._manifests.values() for layer in each.layers}
        for layer in manifest.layers if manifest is not None else ():
            if layer.digest not in needed:
                self._layers.pop(layer.digest, None)
