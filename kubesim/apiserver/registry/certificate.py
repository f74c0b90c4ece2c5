"""The strategy of CertificateSigningRequests: what is asked for never changes, only what becomes of it.

Upstream: pkg/registry/certificates/certificates/strategy.go, pkg/apis/certificates/validation.
Left out: reading the request beyond its PEM; whoever signs reads it.
"""

from __future__ import annotations

import re
from base64 import b64decode

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.registry.strategy import Strategy, keep
from kubesim.apiserver.validation.field import invalid, not_supported, required

PEM = re.compile(rb"-----BEGIN ([A-Z ]+)-----\s.*?-----END \1-----", re.DOTALL)
SECONDS_MIN = 600
LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
USAGES = (
    "signing", "digital signature", "content commitment", "key encipherment", "key agreement", "data encipherment",
    "cert sign", "crl sign", "encipher only", "decipher only", "any", "server auth", "client auth", "code signing",
    "email protection", "s/mime", "ipsec end system", "ipsec tunnel", "ipsec user", "timestamping", "ocsp signing",
    "microsoft sgc", "netscape sgc",
)  # fmt: skip


class CertificateSigningRequestStrategy(Strategy):
    """A request, its approval and its certificate."""

    def prepare_for_update(self, obj: Object, old: Object) -> None:
        """The spec stays."""
        super().prepare_for_update(obj, old)
        keep(obj, old, "spec")

    def validate(self, obj: Object) -> list[FieldError]:
        """A PEM request, uses, a signer."""
        spec: Object = obj.get("spec") or {}
        problems = request_problems(spec.get("request") or "")
        usages = spec.get("usages") or ()
        if not usages:
            problems.append(required("spec.usages", "usages must be provided"))
        problems += [
            not_supported(f"spec.usages[{index}]", usage, sorted(USAGES))
            for index, usage in enumerate(usages)
            if usage not in USAGES
        ]
        problems += signer_problems(spec.get("signerName") or "")
        seconds = spec.get("expirationSeconds")
        if seconds is not None and seconds < SECONDS_MIN:
            words = "may not specify a duration less than 600 seconds (10 minutes)"
            problems.append(invalid("spec.expirationSeconds", seconds, words))
        return problems

    def validate_status_update(self, obj: Object, old: Object) -> list[FieldError]:
        """Approved or denied, not both, and for good."""
        now, before = (
            {entry.get("type") for entry in (o.get("status") or {}).get("conditions") or ()} for o in (obj, old)
        )
        if {"Approved", "Denied"} <= now:
            words = "Approved and Denied conditions are mutually exclusive"
            return [invalid("status.conditions", "Denied", words)]
        return [
            FieldError(
                "FieldValueForbidden",
                "status.conditions",
                f"Forbidden: updates may not remove a condition of type {kind!r}".replace("'", '"'),
            )
            for kind in ("Approved", "Denied", "Failed")
            if kind in before and kind not in now
        ]


def request_problems(request: str) -> list[FieldError]:
    """What is wrong with the request as text."""
    try:
        found = PEM.search(b64decode(request))
    except ValueError:
        found = None
    if found is None or found.group(1) != b"CERTIFICATE REQUEST":
        return [invalid("spec.request", request, "PEM block type must be CERTIFICATE REQUEST")]
    return []


def signer_problems(signer: str) -> list[FieldError]:
    """What is wrong with the name of a signer."""
    path = "spec.signerName"
    if not signer:
        return [required(path)]
    if signer == LEGACY_SIGNER:
        return [invalid(path, signer, "the legacy signerName is not allowed via this API version")]
    domain, slash, rest = signer.partition("/")
    if not slash or not rest or "." not in domain:
        words = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid(path, signer, words)]
    return []
