"""The strategy of ValidatingWebhookConfigurations and MutatingWebhookConfigurations.

Upstream: pkg/apis/admissionregistration/validation, k8s.io/apiserver/pkg/util/webhook/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.registry.strategy import Strategy
from kubesim.apiserver.validation.admission_rules import (
    FAILURE_POLICIES,
    MATCH_POLICIES,
    validate_match_conditions,
    validate_rule,
    validate_selector,
)
from kubesim.apiserver.validation.field import duplicate, invalid, not_supported, required
from kubesim.apiserver.validation.names import dns_subdomain

SIDE_EFFECTS = ("None", "NoneOnDryRun")
REINVOCATIONS = ("IfNeeded", "Never")
VERSIONS = ("v1", "v1beta1")
SEGMENTS_MIN = 3
TIMEOUT_MIN, TIMEOUT_MAX = 1, 30
PORT_MAX = 65535
FORM = "; desired format: https://host[/path]"
_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")
_SEGMENT = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
Problems = list[FieldError]


class WebhookConfigurationStrategy(Strategy):
    """Who is asked about what."""

    def validate(self, obj: Object) -> Problems:
        """Every webhook, and that their names differ."""
        problems: Problems = []
        seen: set[str] = set()
        for index, hook in enumerate(obj.get("webhooks") or ()):
            path = f"webhooks[{index}]"
            problems += self._hook(hook, path)
            problems += _versions(hook.get("admissionReviewVersions") or [], f"{path}.admissionReviewVersions")
            name = hook.get("name") or ""
            if name and name in seen:
                problems.append(duplicate(f"{path}.name", name))
            seen.add(name)
        return problems

    def validate_update(self, obj: Object, old: Object) -> Problems:
        """The same; what did not change is not looked at."""
        return [] if obj.get("webhooks") == old.get("webhooks") else self.validate(obj)

    def is_new_generation(self, obj: Object, old: Object) -> bool:
        """Its webhooks are what is wanted."""
        return bool(obj.get("webhooks") != old.get("webhooks"))

    def _hook(self, hook: Object, path: str) -> Problems:
        problems = _name(hook.get("name") or "", f"{path}.name")
        for index, rule in enumerate(hook.get("rules") or ()):
            problems += validate_rule(rule, f"{path}.rules[{index}]")
        problems += _choice(hook, "failurePolicy", FAILURE_POLICIES, path)
        problems += _choice(hook, "matchPolicy", MATCH_POLICIES, path)
        effects = hook.get("sideEffects")
        if effects is None:
            problems.append(required(f"{path}.sideEffects", f"must specify one of {', '.join(SIDE_EFFECTS)}"))
        elif effects not in SIDE_EFFECTS:
            problems.append(not_supported(f"{path}.sideEffects", effects, SIDE_EFFECTS))
        seconds = hook.get("timeoutSeconds")
        if seconds is not None and not TIMEOUT_MIN <= seconds <= TIMEOUT_MAX:
            words = "the timeout value must be between 1 and 30 seconds"
            problems.append(invalid(f"{path}.timeoutSeconds", seconds, words))
        for name in ("namespaceSelector", "objectSelector"):
            problems += validate_selector(hook.get(name) or {}, f"{path}.{name}")
        problems += _choice(hook, "reinvocationPolicy", REINVOCATIONS, path)
        problems += _client_config(hook.get("clientConfig") or {}, f"{path}.clientConfig")
        conditions = hook.get("matchConditions")
        return problems + validate_match_conditions(conditions, f"{path}.matchConditions", has_params=False)


def _choice(hook: Object, name: str, choices: Sequence[str], path: str) -> Problems:
    value = hook.get(name)
    return [] if value is None or value in choices else [not_supported(f"{path}.{name}", value, choices)]


def _name(name: str, path: str) -> Problems:
    if not name:
        return [required(path)]
    problems = dns_subdomain(name)
    if problems:
        return [invalid(path, name, ",".join(problems))]
    if len(name.split(".")) < SEGMENTS_MIN:
        return [invalid(path, name, "should be a domain with at least three segments separated by dots")]
    return []


def _versions(versions: Sequence[str], path: str) -> Problems:
    if not versions:
        return [required(path, f"must specify one of {', '.join(VERSIONS)}")]
    problems = []
    for index, version in enumerate(versions):
        here = f"{path}[{index}]"
        if version in versions[:index]:
            problems.append(invalid(here, version, "duplicate version"))
        if not _LABEL.match(version):
            problems.append(invalid(here, version, LABEL_1035))
    if not any(version in VERSIONS for version in versions):
        problems.append(invalid(path, versions, f"must include at least one of {', '.join(VERSIONS)}"))
    return problems


LABEL_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)


def _client_config(config: Object, path: str) -> Problems:
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    return _url(url, f"{path}.url") if url is not None else _service(service or {}, f"{path}.service")


def _url(url: str, path: str) -> Problems:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        return [required(path, f"url must be a valid URL: {error}{FORM}")]
    problems = []
    if parts.scheme != "https":
        problems.append(invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{FORM}"))
    if not parts.netloc:
        problems.append(invalid(path, "", f"host must be specified{FORM}"))
    if "@" in parts.netloc:
        user = parts.netloc.rpartition("@")[0]
        problems.append(invalid(path, user, "user information is not permitted in the URL"))
    if parts.fragment:
        problems.append(invalid(path, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        problems.append(invalid(path, parts.query, "query parameters are not permitted in the URL"))
    return problems


def _service(service: Object, path: str) -> Problems:
    problems = []
    if not service.get("name"):
        problems.append(required(f"{path}.name", "service name is required"))
    if not service.get("namespace"):
        problems.append(required(f"{path}.namespace", "service namespace is required"))
    port = service.get("port", 443)
    if not 1 <= port <= PORT_MAX:
        words = f"port is not valid: must be between 1 and {PORT_MAX}, inclusive"
        problems.append(invalid(f"{path}.port", port, words))
    return problems + _path(service.get("path"), f"{path}.path")


def _path(path: str | None, field: str) -> Problems:
    if path is None or path in ("/", ""):
        return []
    if path == "//":
        return [invalid(field, path, "segment[0] may not be empty")]
    if not path.startswith("/"):
        return [invalid(field, path, "must start with a '/'")]
    problems = []
    steps = path[1:].removesuffix("/").split("/")
    for index, step in enumerate(steps):
        if not step:
            problems.append(invalid(field, path, f"segment[{index}] may not be empty"))
        elif not _SEGMENT.match(step):
            problems += [invalid(field, path, f"segment[{index}]: {words}") for words in dns_subdomain(step)]
    return problems
