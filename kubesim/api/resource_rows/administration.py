"""The rows of the groups that rule the API itself: who may do what, admission, extensions, flow control.

Upstream: pkg/registry/{rbac,authentication,authorization,certificates,admissionregistration,flowcontrol}, and
k8s.io/{apiextensions-apiserver,kube-aggregator}.
"""

from __future__ import annotations

from kubesim.api.resource_rows.row import CREATE_ONLY, Resource

EXTENSIONS = ("api-extensions",)

_RBAC = ("rbac.authorization.k8s.io", "v1")
ROLES = Resource(*_RBAC, "Role", "roles", has_generation=False)
ROLE_BINDINGS = Resource(*_RBAC, "RoleBinding", "rolebindings", has_generation=False)
CLUSTER_ROLES = Resource(*_RBAC, "ClusterRole", "clusterroles", False, has_generation=False)
CLUSTER_ROLE_BINDINGS = Resource(*_RBAC, "ClusterRoleBinding", "clusterrolebindings", False, has_generation=False)

CERTIFICATE_SIGNING_REQUESTS = Resource(
    "certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests", False, ("csr",), (),
    ("status", "approval"), ("spec.signerName",), has_generation=False,
)  # fmt: skip


def _question(group: str, kind: str, plural: str, namespaced: bool = False) -> Resource:
    """A kind that is only posted: the answer comes in its status, nothing is stored."""
    return Resource(group, "v1", kind, plural, namespaced, has_generation=False, verbs=CREATE_ONLY)


_AUTHENTICATION, _AUTHORIZATION = "authentication.k8s.io", "authorization.k8s.io"
TOKEN_REVIEWS = _question(_AUTHENTICATION, "TokenReview", "tokenreviews")
SELF_SUBJECT_REVIEWS = _question(_AUTHENTICATION, "SelfSubjectReview", "selfsubjectreviews")
LOCAL_ACCESS_REVIEWS = _question(_AUTHORIZATION, "LocalSubjectAccessReview", "localsubjectaccessreviews", True)
SELF_ACCESS_REVIEWS = _question(_AUTHORIZATION, "SelfSubjectAccessReview", "selfsubjectaccessreviews")
SELF_RULES_REVIEWS = _question(_AUTHORIZATION, "SelfSubjectRulesReview", "selfsubjectrulesreviews")
ACCESS_REVIEWS = _question(_AUTHORIZATION, "SubjectAccessReview", "subjectaccessreviews")

_ADMISSION = ("admissionregistration.k8s.io", "v1")
MUTATING_WEBHOOKS = Resource(
    *_ADMISSION, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", False, (), EXTENSIONS
)
VALIDATING_WEBHOOKS = Resource(
    *_ADMISSION, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False, (), EXTENSIONS
)
MUTATING_POLICIES = Resource(*_ADMISSION, "MutatingAdmissionPolicy", "mutatingadmissionpolicies", False, (), EXTENSIONS)
MUTATING_POLICY_BINDINGS = Resource(
    *_ADMISSION, "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", False, (), EXTENSIONS
)
VALIDATING_POLICIES = Resource(
    *_ADMISSION, "ValidatingAdmissionPolicy", "validatingadmissionpolicies", False, (), EXTENSIONS, ("status",)
)
VALIDATING_POLICY_BINDINGS = Resource(
    *_ADMISSION, "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", False, (), EXTENSIONS
)

CUSTOM_RESOURCE_DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False, ("crd", "crds"),
    EXTENSIONS, ("status",),
)  # fmt: skip
API_SERVICES = Resource(
    "apiregistration.k8s.io", "v1", "APIService", "apiservices", False, (), EXTENSIONS, ("status",),
    has_generation=False,
)  # fmt: skip

_FLOW = ("flowcontrol.apiserver.k8s.io", "v1")
FLOW_SCHEMAS = Resource(*_FLOW, "FlowSchema", "flowschemas", False, (), (), ("status",))
PRIORITY_LEVELS = Resource(
    *_FLOW, "PriorityLevelConfiguration", "prioritylevelconfigurations", False, (), (), ("status",)
)

ROWS: tuple[Resource, ...] = (
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES, CERTIFICATE_SIGNING_REQUESTS, SELF_SUBJECT_REVIEWS,
    TOKEN_REVIEWS, LOCAL_ACCESS_REVIEWS, SELF_ACCESS_REVIEWS, SELF_RULES_REVIEWS, ACCESS_REVIEWS,
    MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS, MUTATING_POLICIES, MUTATING_POLICY_BINDINGS, VALIDATING_POLICIES,
    VALIDATING_POLICY_BINDINGS, CUSTOM_RESOURCE_DEFINITIONS, API_SERVICES, FLOW_SCHEMAS, PRIORITY_LEVELS,
)  # fmt: skip
