"""The image verbs of CRI: what a runtime has on its disk, and how it gets more.

A runtime derives from this and says what it calls images and how it words a registry's refusal.
Upstream: ImageService in k8s.io/cri-api/pkg/apis/runtime/v1/api.proto.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kubesim.kubelet.runtime.behaviour import Profile
from kubesim.kubelet.runtime.cri import CriError, Image
from kubesim.kubelet.runtime.disk import Disk
from kubesim.kubelet.runtime.images import ImageStore
from kubesim.kubelet.runtime.layers import Manifest, library_manifest
from kubesim.kubelet.runtime.registry import Credentials, Refusal, Registries
from kubesim.sim import Clock


class ImageService:
    """The images of one machine."""

    socket: str = ""

    def __init__(
        self, clock: Clock, profile: Profile, registries: Registries, present_images: Iterable[str], disk_bytes: int
    ) -> None:
        self.is_up = True
        self.registries = registries
        self.images = ImageStore(clock, registries, self.describe, present_images)
        self.disk = Disk(disk_bytes, self.images.used_bytes)
        self._profile = profile
        self._described: dict[str, Image] = {}

    def image_status(self, image: str) -> Image | None:
        """The image, if the node has it."""
        self._check()
        if self._profile.pulls_images:
            return self.images.get(image)
        found = self._described.get(image)
        if found is None:
            found = self._described[image] = self.describe(library_manifest(image))
        return found

    def list_images(self) -> Sequence[Image]:
        """All images on the node, in order of arrival."""
        return self.images.all()

    async def pull_image(self, image: str, credentials: Sequence[Credentials] = ()) -> Image:
        """Fetches an image; CriError in the runtime's own words if no registry gives it."""
        self._check()
        if not self._profile.pulls_images:
            return self.images.add_unseen(image)
        try:
            pulled = await self.images.pull(image, credentials)
        except Refusal as refusal:
            raise self.pull_error(image, refusal) from None
        self._check()
        return pulled

    def images_changed(self) -> int:
        """A number that is another one whenever the node's images are."""
        return self.images.changes

    def image_fs_info(self) -> int:
        """How many bytes all images take on the disk."""
        return self.images.used_bytes()

    def image_arrivals(self) -> Mapping[str, int]:
        """When each image came, by its full name."""
        return self.images.arrivals

    def image_uses(self) -> Mapping[str, int]:
        """When a container was last made of an image, by its full name."""
        return self.images.uses

    def full_name(self, image: str) -> str:
        """The name under which the node has an image."""
        manifest = self.images.manifest(image)
        return manifest.name if manifest is not None else image

    def remove_image(self, image: str) -> None:
        """Frees what only this image takes."""
        self._check()
        self.images.remove(image)

    # -- how this runtime puts it ---------------------------------------------------------------------------

    def describe(self, manifest: Manifest) -> Image:
        """What it calls an image."""
        raise NotImplementedError

    def pull_error(self, image: str, refusal: Refusal) -> CriError:
        """A registry's refusal in its words."""
        raise NotImplementedError

    def unavailable(self) -> CriError:
        """Nobody listens at the runtime's socket."""
        return CriError(
            "Unavailable",
            'connection error: desc = "transport: Error while dialing: dial unix '
            f'{self.socket}: connect: connection refused"',
        )

    def _check(self) -> None:
        if not self.is_up:
            raise self.unavailable()
