"""Defaults of admission policies and webhooks.

Upstream: pkg/apis/admissionregistration/v1/defaults.go.
"""

from __future__ import annotations

from kubesim.api.defaults.copying import at, completed, each_at, filled
from kubesim.api.stored import Object

TIMEOUT_SECONDS = 10
HTTPS = 443


def policy(obj: Object) -> Object:
    """A ValidatingAdmissionPolicy or MutatingAdmissionPolicy: what it cannot decide, it refuses."""

    def spec(part: Object) -> Object:
        return at(filled(part, {"failurePolicy": "Fail"}), "matchConstraints", _match_resources)

    return at(obj, "spec", spec)


def policy_binding(obj: Object) -> Object:
    """A binding of either."""
    return at(obj, "spec", lambda spec: at(spec, "matchResources", _match_resources))


def _match_resources(match: Object) -> Object:
    match = filled(match, {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}})
    return each_at(each_at(match, "resourceRules", _rule), "excludeResourceRules", _rule)


def _rule(rule: Object) -> Object:
    return filled(rule, {"scope": "*"})


def webhook_configuration(obj: Object) -> Object:
    """A ValidatingWebhookConfiguration or MutatingWebhookConfiguration."""
    more = {"reinvocationPolicy": "Never"} if obj.get("kind") == "MutatingWebhookConfiguration" else {}
    defaults = {
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "timeoutSeconds": TIMEOUT_SECONDS,
        **more,
    }

    def webhook(part: Object) -> Object:
        part = each_at(filled(part, defaults), "rules", _rule)
        return at(part, "clientConfig", lambda config: at(config, "service", _service))

    return each_at(obj, "webhooks", webhook)


def _service(service: Object) -> Object:
    return completed(service, {"port": HTTPS})
