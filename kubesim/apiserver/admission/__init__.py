"""Admission: rules of the cluster that look at objects, not at permissions. One file a plugin.

DEFAULT_PLUGINS is the list of those that are on, in the order in which upstream runs them.
"""

from __future__ import annotations

from collections.abc import Callable

from kubesim.apiserver.admission.default_ingress_class import DefaultIngressClass
from kubesim.apiserver.admission.default_toleration_seconds import DefaultTolerationSeconds
from kubesim.apiserver.admission.limit_ranger import LimitRanger
from kubesim.apiserver.admission.mutating_policy import MutatingPolicies
from kubesim.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from kubesim.apiserver.admission.node_restriction import NodeRestriction
from kubesim.apiserver.admission.plugin import AdmissionPlugin, Lookup, LookupAll
from kubesim.apiserver.admission.pod_security import PodSecurity
from kubesim.apiserver.admission.priority import Priority
from kubesim.apiserver.admission.resource_quota import ResourceQuota
from kubesim.apiserver.admission.runtime_class import RuntimeClass
from kubesim.apiserver.admission.service_account import ServiceAccount
from kubesim.apiserver.admission.storage import (
    DefaultStorageClass,
    PersistentVolumeClaimResize,
    StorageObjectInUseProtection,
)
from kubesim.apiserver.admission.taint_nodes_by_condition import TaintNodesByCondition
from kubesim.apiserver.admission.validating_policy import ValidatingPolicies
from kubesim.apiserver.admission.webhooks import MutatingWebhooks, ValidatingWebhooks

__all__ = ["DEFAULT_PLUGINS", "AdmissionPlugin", "MakePlugin"]

MakePlugin = Callable[[Lookup, LookupAll], AdmissionPlugin]

DEFAULT_PLUGINS: tuple[MakePlugin, ...] = (
    NamespaceLifecycle,
    LimitRanger,
    ServiceAccount,
    NodeRestriction,
    TaintNodesByCondition,
    PodSecurity,
    Priority,
    DefaultTolerationSeconds,
    DefaultStorageClass,
    StorageObjectInUseProtection,
    PersistentVolumeClaimResize,
    RuntimeClass,
    DefaultIngressClass,
    MutatingPolicies,
    MutatingWebhooks,
    ValidatingPolicies,
    ValidatingWebhooks,
    ResourceQuota,  # The last of all: it charges what everybody else has agreed to.
)
