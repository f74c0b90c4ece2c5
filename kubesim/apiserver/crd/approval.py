"""Groups of the Kubernetes community need an approval, given as an annotation.

Upstream: apihelpers and pkg/controller/apiapproval in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.validation.field import invalid, required

ANNOTATION = "api-approved.kubernetes.io"
CONFORMANT = "KubernetesAPIApprovalPolicyConformant"
SEE = "see https://github.com/kubernetes/enhancements/pull/1111"
APPROVED, BYPASSED, INVALID, MISSING = (
    "ApprovedAnnotation",
    "UnapprovedAnnotation",
    "InvalidAnnotation",
    "MissingAnnotation",
)


def is_protected(group: str) -> bool:
    """Whether a group belongs to the community."""
    return any(group == domain or group.endswith(f".{domain}") for domain in ("k8s.io", "kubernetes.io"))


def approval_of(definition: Object) -> tuple[str, str]:
    """The state of the approval, and what is said of it."""
    annotation = (definition["metadata"].get("annotations") or {}).get(ANNOTATION) or ""
    if not annotation:
        return MISSING, f'protected groups must have approval annotation "{ANNOTATION}", {SEE}'
    if annotation.startswith("unapproved"):
        return BYPASSED, f'not approved: "{annotation}"'
    url = urlsplit(annotation)
    if url.scheme and url.netloc:
        return APPROVED, f"approved in {annotation}"
    words = 'with either a URL or a reason starting with "unapproved"'
    return INVALID, f'protected groups must have approval annotation "{ANNOTATION}" {words}, {SEE}'


def approval_condition(definition: Object) -> tuple[str, str, str, str] | None:
    """(type, status, reason, message) of the condition; None for a group that needs none."""
    if not is_protected(definition["spec"]["group"]):
        return None
    state, words = approval_of(definition)
    return CONFORMANT, "True" if state == APPROVED else "False", state, words


def approval_problems(definition: Object, old: Object | None) -> list[FieldError]:
    """A definition without approval is refused; one that has none already may go on."""
    if not is_protected(definition["spec"].get("group") or ""):
        return []
    state, words = approval_of(definition)
    if state in (APPROVED, BYPASSED) or (old is not None and approval_of(old)[0] == state):
        return []
    field = f"metadata.annotations[{ANNOTATION}]"
    if state == MISSING:
        return [required(field, words)]
    return [invalid(field, definition["metadata"]["annotations"][ANNOTATION], words)]
