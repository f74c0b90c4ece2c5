"""Which requests a policy or webhook is about: rules over groups, versions, resources and operations; selectors.

With matchPolicy Equivalent a rule also means the other versions under which the same objects are served. (The
object is then shown in the version of the request: it is not converted.)

Upstream: k8s.io/apiserver/pkg/admission/plugin/webhook/predicates, plugin/policy/matching.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubesim.api.errors import not_found
from kubesim.api.resources import NAMESPACES, RESOURCES, Resource
from kubesim.api.selectors import label_selector
from kubesim.api.stored import Object
from kubesim.apiserver.admission.plugin import Attributes, Lookup

ANY = "*"
EQUIVALENT = "Equivalent"
ADMISSION_GROUP = "admissionregistration.k8s.io"
Rule = dict[str, Any]


def is_exempt(resource: Resource) -> bool:
    """Nothing intercepts the objects that say what is intercepted: a mistake in them could not be undone."""
    return resource.group == ADMISSION_GROUP


def matches_rules(attributes: Attributes, rules: Sequence[Rule], match_policy: str) -> bool:
    """Whether one of the rules means the request."""
    resource = attributes.context.request.resource
    if any(_matches(attributes, rule, resource.group, resource.version) for rule in rules):
        return True
    if match_policy != EQUIVALENT:
        return False
    others = [(one.group, one.version) for one in RESOURCES if one.plural == resource.plural and one != resource]
    return any(_matches(attributes, rule, *other) for rule in rules for other in others if _same(resource, other))


def _same(resource: Resource, other: tuple[str, str]) -> bool:
    """Whether objects of this resource are served under another group and version too."""
    return other[0] == resource.group or resource.plural == "events"


def _matches(attributes: Attributes, rule: Rule, group: str, version: str) -> bool:
    request = attributes.context.request
    scope = rule.get("scope") or ANY
    if scope != ANY and (scope == "Namespaced") != request.resource.namespaced:
        return False
    if not (_one_of(attributes.operation, rule.get("operations")) and _one_of(group, rule.get("apiGroups"))):
        return False
    if not _one_of(version, rule.get("apiVersions")):
        return False
    names = rule.get("resourceNames")
    if names and attributes.name not in names:
        return False
    return any(_is_resource(request.resource.plural, request.subresource, one) for one in rule.get("resources") or ())


def _one_of(value: str, wanted: Sequence[str] | None) -> bool:
    return bool(wanted) and (ANY in wanted or value in wanted) if wanted else False


def _is_resource(plural: str, subresource: str, wanted: str) -> bool:
    resource, slash, wanted_subresource = wanted.partition("/")
    if resource not in (ANY, plural):
        return False
    return wanted_subresource in (ANY, subresource) if slash else not subresource


def matches_resources(attributes: Attributes, match: Object | None, lookup: Lookup) -> bool:
    """matchConstraints of a policy, matchResources of a binding: rules, exceptions and selectors."""
    if match is None:
        return True
    policy = match.get("matchPolicy") or EQUIVALENT
    if matches_rules(attributes, match.get("excludeResourceRules") or (), policy):
        return False
    rules = match.get("resourceRules")
    if rules and not matches_rules(attributes, rules, policy):
        return False
    return matches_selectors(attributes, match, lookup)


def matches_selectors(attributes: Attributes, match: Object, lookup: Lookup) -> bool:
    """namespaceSelector and objectSelector; new and old object count alike."""
    selector = label_selector(match.get("objectSelector") or {})
    if not selector.empty and not any(selector.matches(labels) for labels in _labels(attributes)):
        return False
    selector = label_selector(match.get("namespaceSelector") or {})
    return selector.empty or _namespace_matches(attributes, selector.matches, lookup)


def _labels(attributes: Attributes) -> list[dict[str, str]]:
    objects = [attributes.new, attributes.old]
    return [(obj.get("metadata") or {}).get("labels") or {} for obj in objects if obj]


def _namespace_matches(attributes: Attributes, matches: Any, lookup: Lookup) -> bool:
    """A Namespace counts by its own labels, any other cluster-scoped object always."""
    request = attributes.context.request
    if request.resource == NAMESPACES and not request.subresource:
        new = attributes.new or attributes.old or {}
        return bool(matches((new.get("metadata") or {}).get("labels")))
    if not request.resource.namespaced:
        return True
    namespace = lookup(NAMESPACES, request.namespace, "")
    if namespace is None:
        raise not_found(NAMESPACES, request.namespace)
    return bool(matches(namespace.object["metadata"].get("labels")))
