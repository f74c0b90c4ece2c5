"""imagePullSecrets: the credentials that a Pod brings for pulling its images.

They are Secrets of type kubernetes.io/dockerconfigjson (or the older dockercfg): a docker config in JSON. A secret
that is not there is told in an event, and the pull is tried without it.
Upstream: pkg/credentialprovider, getPullSecretsForPod in pkg/kubelet/kubelet_pods.go. Left out: credential providers.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.resources import SECRETS
from kubesim.client.client import Client
from kubesim.kubelet.pod_events import PodEvents
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.runtime.registry import Credentials, matching


class PullSecrets:
    """Finds the credentials of one kubelet's Pods."""

    def __init__(self, client: Client, events: PodEvents) -> None:
        self._client = client
        self._events = events

    async def of(self, pod: PodState, image: str) -> list[Credentials]:
        """What a Pod has for an image, the most exact first."""
        names = [each["name"] for each in pod.stored.object["spec"].get("imagePullSecrets") or () if each.get("name")]
        auths: dict[str, Credentials] = {}
        missing = []
        for name in names:
            try:
                secret = (await self._client.get(SECRETS, name, pod.stored.namespace)).object
            except (ApiError, TransportError):
                missing.append(name)
                continue
            auths = docker_config(secret.get("data") or {}) | auths
        if missing:
            self._events.warning(
                pod, "", "FailedToRetrieveImagePullSecret",
                f"Unable to retrieve some image pull secrets ({', '.join(missing)}); attempting to pull the image may "
                "not succeed.",
            )  # fmt: skip
        return matching(auths, image)


def docker_config(data: dict[str, str]) -> dict[str, Credentials]:
    """The credentials in a secret's data by registry; what cannot be read is none."""
    found: dict[str, Credentials] = {}
    for key in (".dockerconfigjson", ".dockercfg"):
        try:
            config: Any = orjson.loads(base64.b64decode(data.get(key, ""), validate=True) or b"{}")
        except (binascii.Error, orjson.JSONDecodeError):
            continue
        auths = config.get("auths") if key == ".dockerconfigjson" and isinstance(config, dict) else config
        for registry, entry in (auths if isinstance(auths, dict) else {}).items():
            if isinstance(entry, dict) and (credentials := _credentials(entry)) is not None:
                found[registry] = credentials
    return found


def _credentials(entry: dict[str, Any]) -> Credentials | None:
    """`auth` is "user:password" in base64; `username` and `password` may stand beside it."""
    if entry.get("username"):
        return Credentials(str(entry["username"]), str(entry.get("password", "")))
    try:
        user, colon, password = base64.b64decode(str(entry.get("auth", "")), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return Credentials(user, password) if colon else None
