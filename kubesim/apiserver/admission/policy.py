"""What validating and mutating admission policies share: each policy by each binding with each parameter.

A policy says what may be, a binding where that counts; parameters are objects of any kind whose content the
expressions may use. A policy without a binding does nothing.

Upstream: k8s.io/apiserver/pkg/admission/plugin/policy/generic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from kubesim.api.errors import not_found
from kubesim.api.resources import NAMESPACES, Resource
from kubesim.api.selectors import label_selector
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.admission.matching import is_exempt, matches_resources
from kubesim.apiserver.admission.plugin import AdmissionPlugin, Attributes, Target
from kubesim.apiserver.cel import Budget, EvaluationError

Compiled = TypeVar("Compiled")
NAMESPACE_FIELDS = ("metadata", "spec", "status")
NO_PARAMS = "no params found for policy binding with `Deny` parameterNotFoundAction"
NO_NAMESPACE = "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
SUPERFLUOUS_NAMESPACE = "paramRef.namespace must not be provided for a cluster-scoped `paramKind`"


class Invocation(NamedTuple, Generic[Compiled]):
    """A policy that a request meets, by one of its bindings and with one of its parameters.

    `problem`, if there is one, is why it could not be set up; `binding` is None if that is the policy's fault.
    """

    policy: Stored
    binding: Stored | None
    params: Object | None
    compiled: Compiled
    problem: str = ""

    @property
    def fails(self) -> bool:
        """Whether errors refuse the request (failurePolicy)."""
        return bool((self.policy.object.get("spec") or {}).get("failurePolicy", "Fail") != "Ignore")


class PolicyPlugin(AdmissionPlugin, Generic[Compiled]):
    """Finds what a request has to meet. `compile_policy` is the subclass's; its result is kept per revision."""

    policies: ClassVar[Resource]
    bindings: ClassVar[Resource]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._compiled: dict[str, tuple[int, Compiled]] = {}

    def handles(self, target: Target) -> bool:
        """Everything but the configuration of admission itself."""
        return not is_exempt(target.resource)

    def compile_policy(self, spec: Object) -> Compiled:
        """The policy's expressions, compiled."""
        raise NotImplementedError

    def invocations(self, attributes: Attributes) -> Iterator[Invocation[Compiled]]:
        """All that the request meets, by the names of policies and bindings."""
        by_policy: dict[str, list[Stored]] = {}
        for binding in self.lookup_all(self.bindings):
            by_policy.setdefault((binding.object.get("spec") or {}).get("policyName", ""), []).append(binding)
        for name in sorted(by_policy):
            policy = self.lookup(self.policies, name, "")
            if policy is None or not matches_resources(attributes, _spec(policy).get("matchConstraints"), self.lookup):
                continue
            compiled = self._compile(policy)
            if problem := self._unknown_kind(_spec(policy).get("paramKind")):
                yield Invocation(policy, None, None, compiled, f"failed to configure policy: {problem}")
                continue
            for binding in sorted(by_policy[name], key=lambda one: one.name):
                if matches_resources(attributes, _spec(binding).get("matchResources"), self.lookup):
                    yield from self._with_params(attributes, policy, binding, compiled)

    def _compile(self, policy: Stored) -> Compiled:
        known = self._compiled.get(policy.name)
        if known is None or known[0] != policy.revision:
            known = self._compiled[policy.name] = policy.revision, self.compile_policy(_spec(policy))
        return known[1]

    def _with_params(
        self, attributes: Attributes, policy: Stored, binding: Stored, compiled: Compiled
    ) -> Iterator[Invocation[Compiled]]:
        try:
            found = self._params(attributes, _spec(policy).get("paramKind"), _spec(binding).get("paramRef"))
        except ValueError as error:
            yield Invocation(policy, binding, None, compiled, f"failed to configure binding: {error}")
            return
        for params in found:
            yield Invocation(policy, binding, params, compiled)

    def _params(self, attributes: Attributes, kind: Object | None, ref: Object | None) -> list[Object | None]:
        """The parameters; [None] if there shall be none, ValueError if that is a mistake."""
        if kind is None or ref is None:
            return [None]
        resource = self._kind(kind)
        assert resource is not None, "unknown kinds have been refused"
        namespace = self._params_namespace(attributes, resource, ref)
        if name := ref.get("name"):
            one = self.lookup(resource, name, namespace)
            found = [one] if one is not None else []
        else:
            selector = label_selector(ref.get("selector") or {})
            all_ = sorted(self.lookup_all(resource), key=lambda stored: stored.key)
            found = [one for one in all_ if selector.matches(one.object["metadata"].get("labels"))]
            found = [one for one in found if one.namespace == namespace]
        if not found and ref.get("parameterNotFoundAction") == "Deny":
            raise ValueError(NO_PARAMS)
        return [one.object for one in found]

    def _kind(self, kind: Object) -> Resource | None:
        wanted = kind.get("apiVersion"), kind.get("kind")
        return next((one for one in self.served() if (one.api_version, one.kind) == wanted), None)

    def _unknown_kind(self, kind: Object | None) -> str:
        if kind is None or self._kind(kind) is not None:
            return ""
        shown = f"{kind.get('apiVersion')}, Kind={kind.get('kind')}"
        return f"failed to find resource referenced by paramKind: '{shown}'"

    def _params_namespace(self, attributes: Attributes, resource: Resource, ref: Object) -> str:
        given: str = ref.get("namespace") or ""
        if not resource.namespaced:
            if given:
                raise ValueError(SUPERFLUOUS_NAMESPACE)
            return ""
        namespace = given or attributes.context.request.namespace
        if not namespace:
            raise ValueError(NO_NAMESPACE)
        return namespace

    def namespace_object(self, attributes: Attributes) -> Object | None:
        """What expressions know of the object's namespace; None for what is in none."""
        request = attributes.context.request
        if not request.resource.namespaced or request.resource == NAMESPACES:
            return None
        namespace = self.lookup(NAMESPACES, request.namespace, "")
        if namespace is None:
            raise not_found(NAMESPACES, request.namespace)
        return {name: namespace.object[name] for name in NAMESPACE_FIELDS if name in namespace.object}


def conditions_hold(
    conditions: list[tuple[str, Any]], bindings: Mapping[str, Any], budget: Budget, evaluate: Callable[..., Any]
) -> bool:
    """Whether all matchConditions hold: one false is enough for no; else the first error is raised."""
    problem: EvaluationError | None = None
    for expression, program in conditions:
        try:
            if evaluate(program, bindings, budget, expression) is not True:
                return False
        except EvaluationError as error:
            problem = problem or error
    if problem is not None:
        raise problem
    return True


def _spec(stored: Stored) -> Object:
    spec: Object = stored.object.get("spec") or {}
    return spec
