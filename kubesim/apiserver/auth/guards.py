"""What only those may do who may do more: grant rights, approve and sign certificates.

Nobody may put rights into a role, or bind a role, that he does not have himself, unless he may `escalate` or `bind`.
A certificate request is told by the server whose it is; approving and signing it needs a right for its signer.
Upstream: policybased storage in pkg/registry/rbac, ConfirmNoEscalation in pkg/registry/rbac/validation,
plugin/pkg/admission/certificates, the strategy in pkg/registry/certificates.
"""

from __future__ import annotations

from base64 import b64decode

from kubesim.api.errors import NotFoundError, forbidden
from kubesim.api.resources import CERTIFICATE_SIGNING_REQUESTS, CLUSTER_ROLES, ROLES
from kubesim.api.stored import Object
from kubesim.apiserver.admission.plugin import AdmissionPlugin, Lookup, LookupAll, Target
from kubesim.apiserver.admission.plugin import Attributes as Admitted
from kubesim.apiserver.auth.attributes import Attributes
from kubesim.apiserver.auth.rbac import GROUP_SUFFIX, RBAC_KINDS
from kubesim.apiserver.auth.rules import Rule, compacted, missing_rights, quoted, rules_of
from kubesim.apiserver.authn import MASTERS, User
from kubesim.apiserver.authz import Authorizer

EVERYTHING = (Rule(("*",), ("*",), ("*",)), Rule(("*",), urls=("*",)))
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
CERTIFICATES = "certificates.k8s.io"


class EscalationGuard(AdmissionPlugin):
    """Compares the rights that are granted with those of who grants them."""

    name = "RBACEscalation"

    def __init__(self, lookup: Lookup, lookup_all: LookupAll, authorizer: Authorizer) -> None:
        super().__init__(lookup, lookup_all)
        self._authorizer = authorizer

    def handles(self, target: Target) -> bool:
        """Roles and bindings that are written."""
        return target.resource in RBAC_KINDS

    def mutate(self, attributes: Admitted) -> Object:
        """Changes nothing; refuses before validation, as upstream."""
        user = attributes.context.user
        if MASTERS not in user.groups:
            if attributes.context.request.resource in (ROLES, CLUSTER_ROLES):
                self._check_role(attributes, user)
            else:
                self._check_binding(attributes, user)
        return attributes.obj

    def _check_role(self, attributes: Admitted, user: User) -> None:
        obj, old, request = attributes.obj, attributes.old or {}, attributes.context.request
        same = attributes.old is not None and obj.get("rules") == old.get("rules")
        if same and obj.get("aggregationRule") == old.get("aggregationRule"):
            return
        name = obj["metadata"].get("name", "")
        wish = Attributes("escalate", request.namespace, GROUP_SUFFIX, request.resource.plural, "", name)
        if self._authorizer.decide(user, wish).allowed:
            return
        wanted = EVERYTHING if obj.get("aggregationRule") or old.get("aggregationRule") else rules_of(obj)
        self._confirm(attributes, user, wanted)

    def _check_binding(self, attributes: Admitted, user: User) -> None:
        obj, old, request = attributes.obj, attributes.old or {}, attributes.context.request
        reference: Object = obj.get("roleRef") or {}
        if reference == old.get("roleRef") and obj.get("subjects") == old.get("subjects"):
            return
        plural = "clusterroles" if reference.get("kind") == "ClusterRole" else "roles"
        role = reference.get("name", "")
        wish = Attributes("bind", request.namespace, GROUP_SUFFIX, plural, "", role)
        if self._authorizer.decide(user, wish).allowed:
            return
        rules = self._authorizer.index.role_rules(reference, request.namespace)
        if rules is None:
            raise NotFoundError(
                f'{plural}.{GROUP_SUFFIX} "{role}" not found', {"name": role, "group": GROUP_SUFFIX, "kind": plural}
            )
        self._confirm(attributes, user, rules)

    def _confirm(self, attributes: Admitted, user: User, wanted: tuple[Rule, ...]) -> None:
        request = attributes.context.request
        held, errors = self._authorizer.rules(user, request.namespace)
        missing = missing_rights(held, wanted)
        if not missing:
            return
        rights = "\n".join(sorted({str(rule) for rule in compacted(missing)}))
        words = f'user "{user.name}" (groups={quoted(user.groups)}) is attempting to grant RBAC permissions not '
        words += f"currently held:\n{rights}"
        if errors:
            shown = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
            words += f"; resolution errors: [{shown}]"
        raise forbidden(request.resource, attributes.obj["metadata"].get("name", ""), words)


class CertificateGuard(AdmissionPlugin):
    """CertificateApproval, CertificateSigning and CertificateSubjectRestriction; and whose a request is."""

    name = "CertificateApproval"

    def __init__(self, lookup: Lookup, lookup_all: LookupAll, authorizer: Authorizer) -> None:
        super().__init__(lookup, lookup_all)
        self._authorizer = authorizer

    def handles(self, target: Target) -> bool:
        """Certificate requests."""
        return target.resource == CERTIFICATE_SIGNING_REQUESTS

    def mutate(self, attributes: Admitted) -> Object:
        """A new request with the name of its sender."""
        if attributes.old is not None:
            return dated(attributes)
        user = attributes.context.user
        spec = {key: value for key, value in (attributes.obj.get("spec") or {}).items() if key not in WHOSE}
        spec["username"] = user.name
        if user.uid:
            spec["uid"] = user.uid
        if user.groups:
            spec["groups"] = list(user.groups)
        if user.extra:
            spec["extra"] = {key: list(values) for key, values in user.extra}
        return {**attributes.obj, "spec": spec}

    def validate(self, attributes: Admitted) -> None:
        """Approving, signing and asking for the group of masters."""
        spec: Object = attributes.obj.get("spec") or {}
        signer, subresource = spec.get("signerName", ""), attributes.context.request.subresource
        if attributes.old is None:
            if signer == CLIENT_SIGNER and names_masters(spec.get("request", "")):
                why = f"use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed"
                raise attributes.refuse(why)
            return
        verb = {"approval": "approve", "status": "sign"}.get(subresource)
        if verb and not self._may(attributes.context.user, verb, signer):
            raise attributes.refuse(f'user not permitted to {verb} requests with signerName "{signer}"')

    def _may(self, user: User, verb: str, signer: str) -> bool:
        domain = signer.partition("/")[0]
        return any(
            self._authorizer.decide(user, Attributes(verb, "", CERTIFICATES, "signers", "", name)).allowed
            for name in (signer, f"{domain}/*")
        )


def dated(attributes: Admitted) -> Object:
    """The request with dates on the conditions that are new or changed."""
    obj, now = attributes.obj, attributes.context.sim.clock.timestamp()
    status, before = obj.get("status") or {}, (attributes.old or {}).get("status") or {}
    conditions = status.get("conditions") or ()
    if conditions == before.get("conditions") or not attributes.context.request.subresource:
        return obj
    known = {(entry["type"], entry.get("status")): entry for entry in before.get("conditions") or ()}
    made = []
    for entry in conditions:
        old = known.get((entry.get("type"), entry.get("status")), {})
        since = entry.get("lastTransitionTime") or old.get("lastTransitionTime") or now
        made.append({**entry, "lastUpdateTime": entry.get("lastUpdateTime") or now, "lastTransitionTime": since})
    return {**obj, "status": {**status, "conditions": made}}


WHOSE = ("username", "uid", "groups", "extra")


def names_masters(request: str) -> bool:
    """Whether a PKCS#10 request names the group: DER keeps text as it is, so that it can be looked for."""
    try:
        body = "".join(line for line in b64decode(request).decode().splitlines() if not line.startswith("-----"))
        return MASTERS.encode() in b64decode(body)
    except ValueError:
        return False


def guards(lookup: Lookup, lookup_all: LookupAll, authorizer: Authorizer) -> list[AdmissionPlugin]:
    """The plugins that ask the authorizer."""
    return [EscalationGuard(lookup, lookup_all, authorizer), CertificateGuard(lookup, lookup_all, authorizer)]
