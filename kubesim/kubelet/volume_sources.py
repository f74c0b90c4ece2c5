"""Sets one volume of a Pod up, or says why that cannot be: the words after `MountVolume.SetUp failed for volume`.

Upstream: pkg/volume/{configmap,secret,projected,hostpath}, pkg/kubelet/volumemanager/populator. Left out: drivers that
fail, block devices, volumes of images. What a machine has under its own root is what every machine has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.resources import (
    CONFIG_MAPS,
    CSI_DRIVERS,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    SECRETS,
    Resource,
)
from kubesim.api.stored import Object, Stored
from kubesim.client.client import Client
from kubesim.kubelet.mounted_files import MountedFiles
from kubesim.kubelet.surroundings import entries

Spec = Mapping[str, Any]

TOKEN_VOLUME = "kube-api-access-"  # Made by the apiserver for every Pod; what it names is there before any Pod is.
FOLDERS = (
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/mnt", "/opt", "/proc", "/root", "/run", "/sys", "/tmp",
    "/usr", "/var", "/var/lib", "/var/lib/kubelet", "/var/log", "/var/log/containers", "/var/log/pods", "/var/run",
    "/var/lib/docker", "/var/lib/containerd", "/lib/modules", "/etc/kubernetes", "/etc/cni/net.d",
)  # fmt: skip
FILES = ("/etc/hostname", "/etc/hosts", "/etc/localtime", "/etc/machine-id", "/etc/os-release", "/run/xtables.lock")
# Type of a hostPath -> what must be there, and what is said if it is not.
NEEDED = {
    "Directory": (FOLDERS, "is not a directory"),
    "File": (FILES, "is not a file"),
    "Socket": ((), "is not a socket file"),
    "CharDevice": (("/dev/null", "/dev/zero", "/dev/random", "/dev/fuse", "/dev/kvm"), "is not a character device"),
    "BlockDevice": (("/dev/sda", "/dev/vda"), "is not a block device"),
}


class MountError(Exception):
    """A volume cannot be set up now."""


class ClaimError(Exception):
    """What a volume claims is not there yet: it is not even tried."""


class WaitsForAttachError(Exception):
    """A volume is on its way to this node."""


class VolumeSources:
    """Looks for what the volumes of one node's Pods are made of."""

    def __init__(self, client: Client, socket: str, files: MountedFiles) -> None:
        self._client = client
        self._socket = socket
        self._files = files
        self.attached: Sequence[str] = ()  # What the attach/detach controller has told this node.

    async def set_up(self, pod: Stored, volume: Object) -> str:
        """MountError, ClaimError or WaitsForAttachError if it cannot be; else the name of what is attached, or ""."""
        if source := volume.get("configMap"):
            await self._need(CONFIG_MAPS, pod, source.get("name", ""), source)
        elif source := volume.get("secret"):
            await self._need(SECRETS, pod, source.get("secretName", ""), source)
        elif source := volume.get("projected"):
            if not volume["name"].startswith(TOKEN_VOLUME):
                await self._projected(pod, source)
        elif source := volume.get("hostPath"):
            self._host_path(source)
        elif source := volume.get("persistentVolumeClaim"):
            return await self._claim(pod, source["claimName"])
        elif volume.get("ephemeral"):
            return await self._claim(pod, f"{pod.name}-{volume['name']}")
        return ""

    def forget(self, pod_uid: str) -> None:
        """The Pod is gone."""
        self._files.forget(pod_uid)

    async def _need(self, resource: Resource, pod: Stored, name: str, source: Spec) -> None:
        kind = resource.kind.lower()
        try:
            found = (await self._client.get(resource, name, pod.namespace)).object
        except NotFoundError:
            if source.get("optional"):
                self._files.note((pod.uid, resource.kind, name), {})
                return
            raise MountError(f'{kind} "{name}" not found') from None
        except (ApiError, TransportError) as error:
            raise MountError(f"failed to sync {kind} cache: {error}") from None
        keys = {**(found.get("data") or {}), **(found.get("binaryData") or {})}
        for item in source.get("items") or ():
            if item["key"] not in keys and not source.get("optional"):
                words = "config" if resource is CONFIG_MAPS else "secret"
                raise MountError(f"{kind} references non-existent {words} key: {item['key']}")
        self._files.note((pod.uid, resource.kind, name), entries(resource, found))

    async def _projected(self, pod: Stored, projected: Spec) -> None:
        wrong = []
        for source in projected.get("sources") or ():
            for name, resource in (("configMap", CONFIG_MAPS), ("secret", SECRETS)):
                if inner := source.get(name):
                    try:
                        await self._need(resource, pod, inner.get("name", ""), inner)
                    except MountError as error:
                        wrong.append(str(error))
        if wrong:
            raise MountError(wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]")

    def _host_path(self, source: Spec) -> None:
        needed = NEEDED.get(source.get("type") or "")
        if needed is None:
            return  # Nothing is checked, or it is made.
        there, words = needed
        path = source["path"].rstrip("/") or "/"
        sockets = (self._socket, "/var/run/docker.sock") if source["type"] == "Socket" else ()
        if path not in there and path not in sockets:
            raise MountError(f"hostPath type check failed: {source['path']} {words}")

    async def _claim(self, pod: Stored, name: str) -> str:
        try:
            claim = (await self._client.get(PERSISTENT_VOLUME_CLAIMS, name, pod.namespace)).object
        except (ApiError, TransportError) as error:
            why = f"failed to fetch PVC from API server: {error}"
            raise ClaimError(f"error processing PVC {pod.namespace}/{name}: {why}") from None
        volume_name = claim["spec"].get("volumeName")
        if not volume_name or (claim.get("status") or {}).get("phase") != "Bound":
            raise ClaimError(f"error processing PVC {pod.namespace}/{name}: PVC is not bound")
        try:
            volume = (await self._client.get(PERSISTENT_VOLUMES, volume_name)).object
        except (ApiError, TransportError) as error:
            why = f"failed to fetch PV {volume_name} from API server: {error}"
            raise ClaimError(f"error processing PVC {pod.namespace}/{name}: {why}") from None
        source = volume["spec"].get("csi")
        if not source:
            return ""
        unique = f"kubernetes.io/csi/{source['driver']}^{source['volumeHandle']}"
        if unique not in self.attached and await self._is_attached_by_controller(source["driver"]):
            raise WaitsForAttachError(unique)
        return unique

    async def _is_attached_by_controller(self, driver: str) -> bool:
        try:
            found = (await self._client.get(CSI_DRIVERS, driver)).object
        except (ApiError, TransportError):
            return False
        return bool(found["spec"].get("attachRequired", True))
