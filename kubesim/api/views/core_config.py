"""Namespaces and what lives in them for Pods to use: accounts, configuration, secrets.

Upstream: k8s.io/api/core/v1/types.go.
"""

from __future__ import annotations

from msgspec import field

from kubesim.api.views.base import View
from kubesim.api.views.core_event import ObjectReference
from kubesim.api.views.core_pod import LocalObjectReference
from kubesim.api.views.meta import ObjectMeta


class NamespaceSpec(View, frozen=True):
    """Its finalizers."""

    finalizers: tuple[str, ...] = ()


class NamespaceCondition(View, frozen=True):
    """Why a namespace's deletion does not proceed."""

    type: str = ""
    last_transition_time: str = ""
    message: str = ""
    reason: str = ""
    status: str = ""


class NamespaceStatus(View, frozen=True):
    """Active or Terminating."""

    conditions: tuple[NamespaceCondition, ...] = ()
    phase: str = ""


class Namespace(View, frozen=True):
    """A room of names."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: NamespaceSpec = NamespaceSpec()
    status: NamespaceStatus = NamespaceStatus()


class ServiceAccount(View, frozen=True):
    """An identity for Pods."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    automount_service_account_token: bool | None = None
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()
    secrets: tuple[ObjectReference, ...] = ()


class ConfigMap(View, frozen=True):
    """Configuration that Pods read."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    binary_data: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    immutable: bool | None = None


class Secret(View, frozen=True):
    """The same for secrets; values are base64."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    type: str = ""
    data: dict[str, str] = field(default_factory=dict)
    immutable: bool | None = None
    string_data: dict[str, str] = field(default_factory=dict)
