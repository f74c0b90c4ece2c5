"""The expressions of a policy: what they may name, compiled once, and evaluated for a request.

`variables` are worked out when somebody asks for one, once a request.

Upstream: k8s.io/apiserver/pkg/admission/plugin/cel/{compile,composition,condition}.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kubesim.api.errors import ApiError
from kubesim.api.resources import SERVED, Resource
from kubesim.api.stored import Object
from kubesim.api.wire import Request
from kubesim.apiserver.admission.plugin import Attributes, Authorize
from kubesim.apiserver.admission.review import admission_request, shown
from kubesim.apiserver.authn import MASTERS, service_account_user
from kubesim.apiserver.cel import (
    BOOL,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Budget,
    CompileError,
    EvaluationError,
    Program,
    Type,
    compile,  # noqa: A004
    list_of,
    map_of,
    object_type,
)
from kubesim.apiserver.cel.functions.authorization import (
    AUTHORIZER,
    RESOURCE_CHECK,
    Decide,
    Question,
    authorizer,
    resource_check,
)

_KIND = object_type("kubernetes.GroupVersionKind", dict.fromkeys(("group", "version", "kind"), STRING))
_RESOURCE = object_type("kubernetes.GroupVersionResource", dict.fromkeys(("group", "version", "resource"), STRING))
_USER = object_type(
    "kubernetes.UserInfo",
    {"username": STRING, "uid": STRING, "groups": list_of(STRING), "extra": map_of(STRING, list_of(STRING))},
)
REQUEST_TYPE = object_type(
    "kubernetes.AdmissionRequest",
    {
        **dict.fromkeys(("kind", "requestKind"), _KIND),
        **dict.fromkeys(("resource", "requestResource"), _RESOURCE),
        **dict.fromkeys(("subResource", "requestSubResource", "name", "namespace", "operation"), STRING),
        "userInfo": _USER,
        "dryRun": BOOL,
        "options": DYN,
    },
)
_CONDITION = object_type(
    "kubernetes.NamespaceCondition",
    {**dict.fromkeys(("status", "type", "reason", "message"), STRING), "lastTransitionTime": TIMESTAMP},
)
_METADATA = object_type(
    "kubernetes.NamespaceMetadata",
    {
        **dict.fromkeys(("name", "generateName", "namespace", "UID", "resourceVersion"), STRING),
        **dict.fromkeys(("labels", "annotations"), map_of(STRING, STRING)),
        **dict.fromkeys(("creationTimestamp", "deletionTimestamp"), TIMESTAMP),
        **dict.fromkeys(("deletionGracePeriodSeconds", "generation"), INT),
        "finalizers": list_of(STRING),
    },
)
NAMESPACE_TYPE = object_type(
    "kubernetes.Namespace",
    {
        "metadata": _METADATA,
        "spec": object_type("kubernetes.NamespaceSpec", {"finalizers": list_of(STRING)}),
        "status": object_type("kubernetes.NamespaceStatus", {"conditions": list_of(_CONDITION), "phase": STRING}),
    },
)
VARIABLES_TYPE = "kubernetes.variables"


class Compiler:
    """Compiles the expressions of one policy; variables, once stored, may be named by what follows."""

    def __init__(
        self,
        *,
        has_params: bool,
        structs: Mapping[str, Type] | None = None,
        object_type_: Type = DYN,
        composes: bool = True,
    ) -> None:
        self._names: dict[str, Type] = {
            "object": object_type_,
            "oldObject": object_type_,
            "request": REQUEST_TYPE,
            "namespaceObject": NAMESPACE_TYPE,
        }
        if has_params:
            self._names["params"] = DYN
        self._structs = structs
        self._stored: dict[str, Type] = {}
        self._composes = composes

    def compile(self, expression: str, results: Sequence[Type] = (), *, authorizes: bool = True) -> Program:
        """The program; ValueError with Kubernetes' words if it does not compile or gives something else."""
        names = dict(self._names)
        if self._composes and self._stored:
            names["variables"] = object_type(VARIABLES_TYPE, self._stored)
        if authorizes:
            names["authorizer"] = Type(AUTHORIZER)
            names["authorizer.requestResource"] = Type(RESOURCE_CHECK)
        try:
            program = compile(expression, names, self._structs)
        except CompileError as error:
            raise ValueError(f"compilation failed: {error.text}") from None
        if results and program.result_type not in results:
            wanted = str(results[0]) if len(results) == 1 else f"one of [{' '.join(_go_name(one) for one in results)}]"
            raise ValueError(f"must evaluate to {wanted} but got {_go_name(program.result_type)}")
        return program

    def store(self, name: str, expression: str) -> Program:
        """Compiles a variable and declares it."""
        try:
            program = self.compile(expression)
        except ValueError:
            self._stored[name] = DYN
            raise
        self._stored[name] = program.result_type
        return program


def _go_name(type_: Type) -> str:
    return "null_type" if type_.name == "null_type" else str(type_)


class Variables(Mapping[str, Any]):
    """`variables`: each is evaluated when it is named, once."""

    def __init__(self, programs: Mapping[str, Program | str], bindings: Mapping[str, Any], budget: Budget) -> None:
        self._programs = programs
        self._bindings = bindings
        self._budget = budget
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            program = self._programs[name]
            if isinstance(program, str):
                raise EvaluationError(f'composited variable "{name}" fails to compile: {program}')
            try:
                self._known[name] = program.evaluate(self._bindings, self._budget)
            except EvaluationError as error:
                raise EvaluationError(f'composited variable "{name}" fails to evaluate: {error.text}') from None
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._programs)

    def __len__(self) -> int:
        return len(self._programs)


def bindings_of(attributes: Attributes, namespace: Object | None, authorize: Authorize | None) -> dict[str, Any]:
    """What every expression of a request may name, but `params` and `variables`."""
    request = admission_request(attributes)
    del request["uid"]
    decide = _decider(attributes, authorize)
    asked = attributes.context.request
    question = Question(
        "", "", asked.resource.group, asked.resource.plural, asked.subresource, asked.namespace, attributes.name
    )
    return {
        "object": shown(attributes, attributes.new),
        "oldObject": shown(attributes, attributes.old),
        "request": request,
        "namespaceObject": namespace,
        "authorizer": authorizer(decide),
        "authorizer.requestResource": resource_check(decide, question),
    }


def _decider(attributes: Attributes, authorize: Authorize | None) -> Decide:
    def decide(question: Question) -> str | None:
        user = attributes.context.user
        if question.user:
            user = service_account_user(*question.user.split(":")[2:4])
        if authorize is None or MASTERS in user.groups:
            return None
        if question.path:
            return f'User "{user.name}" cannot {question.verb} path "{question.path}"'
        fitting = (one for one in SERVED if (one.group, one.plural) == (question.group, question.resource))
        resource = next(fitting, None) or Resource(question.group, "", "", question.resource)
        request = Request(question.verb, resource, question.namespace, question.name, question.subresource)
        try:
            authorize(user, request)
        except ApiError as error:
            return error.message
        return None

    return decide


def evaluate(program: Program | str, bindings: Mapping[str, Any], budget: Budget, expression: str) -> Any:
    """The value; EvaluationError in the words of admission. A text instead of a program is why it did not compile."""
    if isinstance(program, str):
        raise EvaluationError(f"compilation error: {program}")
    try:
        return program.evaluate(bindings, budget)
    except EvaluationError as error:
        raise EvaluationError(f"expression '{expression}' resulted in error: {error.text}") from None
