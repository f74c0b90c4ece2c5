"""The paths of an OpenAPI document: every operation on every resource, with its parameters.

kubectl looks here for two things: whether PATCH knows `fieldValidation`, and which media types it takes.
Upstream: k8s.io/apiserver/pkg/endpoints/installer.go. Left out: the sentences about parameters, operations and
answers, and media types beside JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubesim.api.resources import Resource
from kubesim.api.stored import Object
from kubesim.api.wire import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from kubesim.apiserver.http.discovery import part_of
from kubesim.apiserver.registry.deletion import returns_deleted

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
GVK_KEY, ACTION_KEY = "x-kubernetes-group-version-kind", "x-kubernetes-action"
PATCHES = (APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH)
CUSTOM_PATCHES = (APPLY_PATCH, JSON_PATCH, MERGE_PATCH)
WRITE = ("dryRun", "fieldManager", "fieldValidation")
LIST = (
    "allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit", "resourceVersion",
    "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds", "watch",
)  # fmt: skip
DELETE = (
    "dryRun", "gracePeriodSeconds", "ignoreStoreReadErrorWithClusterBreakingPotential", "orphanDependents",
    "propagationPolicy",
)  # fmt: skip
PARAMETERS: dict[str, tuple[str, ...]] = {
    "create": WRITE,
    "update": WRITE,
    "patch": (*WRITE, "force"),
    "delete": DELETE,
    "list": LIST,
    "watch": LIST,
    "watchlist": LIST,
    "deletecollection": tuple(sorted({*LIST, *DELETE} - {"allowWatchBookmarks", "watch"})),
}
BOOLEANS = (
    "allowWatchBookmarks", "force", "ignoreStoreReadErrorWithClusterBreakingPotential", "orphanDependents",
    "sendInitialEvents", "watch",
)  # fmt: skip
INTEGERS = ("gracePeriodSeconds", "limit", "timeoutSeconds")
TYPES = {**dict.fromkeys(BOOLEANS, "boolean"), **dict.fromkeys(INTEGERS, "integer")}
METHODS = {
    "create": "post", "update": "put", "patch": "patch", "delete": "delete", "deletecollection": "delete", "get": "get",
    "list": "get", "watch": "get", "watchlist": "get",
}  # fmt: skip
ACTIONS = {"create": "post", "update": "put"}
ID_VERBS = {"get": "read", "update": "replace", "deletecollection": "deletecollection"}
STREAMS = ("attach", "exec", "portforward", "proxy")

# (apiVersion, kind) → the name of its definition, "" if there is none.
NameOf = Callable[[str, str], str]


class Paths:
    """The operations on one resource."""

    def __init__(self, resource: Resource, prefix: str, name_of: NameOf) -> None:
        self._resource = resource
        self._prefix = prefix
        self._name_of = name_of
        self.definitions: list[str] = []  # All that is referred to.

    def all(self) -> dict[str, Object]:
        """Every path with its operations."""
        resource, verbs = self._resource, self._resource.verbs
        scope = "/namespaces/{namespace}" if resource.namespaced else ""
        many = f"{self._prefix}{scope}/{resource.plural}"
        one = f"{many}/{{name}}"
        paths = {
            many: self._operations(verb for verb in ("list", "create", "deletecollection") if verb in verbs),
            one: self._operations(verb for verb in ("get", "update", "patch", "delete") if verb in verbs),
        }
        for subresource in sorted(resource.subresources):
            paths[f"{one}/{subresource}"] = self._part(subresource)
        if "list" in verbs and scope:
            paths[f"{self._prefix}/{resource.plural}"] = self._operations(("list",), everywhere=True)
        if "watch" in verbs:
            paths |= self._watches(scope)
        return {path: {**operations, **path_parameters(path)} for path, operations in paths.items() if operations}

    def _watches(self, scope: str) -> dict[str, Object]:
        """The old form of watching, by path."""
        many = f"{self._prefix}/watch{scope}/{self._resource.plural}"
        paths = {many: self._operations(("watchlist",)), f"{many}/{{name}}": self._operations(("watch",))}
        if scope:
            everywhere = f"{self._prefix}/watch/{self._resource.plural}"
            paths[everywhere] = self._operations(("watchlist",), everywhere=True)
        return paths

    def _operations(self, verbs: Iterable[str], *, everywhere: bool = False) -> Object:
        resource = self._resource
        made: Object = {}
        for verb in verbs:
            kind, version = resource.kind, resource.api_version
            if verb == "list":
                kind = resource.list_kind
            elif verb in ("watch", "watchlist"):
                kind, version = "WatchEvent", "v1"
            elif verb == "deletecollection" or (verb == "delete" and not returns_deleted(resource)):
                kind, version = "Status", "v1"
            answer = self._reference(version, kind) if kind != "WatchEvent" else reference(META + kind)
            body = self._reference(resource.api_version, resource.kind)
            made[METHODS[verb]] = self._operation(verb, _gvk(resource), body, answer, everywhere=everywhere)
        return made

    def _part(self, subresource: str) -> Object:
        """The operations on a subresource, which may be of another kind."""
        resource, part = self._resource, part_of(self._resource, subresource)
        group, version = (part.group, part.version) if part.version else (resource.group, resource.version)
        kind = part.kind or resource.kind
        gvk = {"group": group, "version": version, "kind": kind}
        if subresource in STREAMS:
            text: Object = {"type": "string"}
            verbs = [verb for verb in ("get", "create", "update", "patch", "delete") if verb in part.verbs]
            return {METHODS[verb]: self._operation("connect", gvk, text, text, name=subresource, method=METHODS[verb])
                    for verb in verbs}  # fmt: skip
        body = {"type": "string"} if subresource == "log" else self._reference(f"{group}/{version}".strip("/"), kind)
        return {METHODS[verb]: self._operation(verb, gvk, body, body, name=subresource) for verb in part.verbs}

    def _operation(
        self, verb: str, gvk: Object, body: Object, answer: Object, *, name: str = "", everywhere: bool = False,
        method: str = "",
    ) -> Object:  # fmt: skip
        codes = {"create": ("200", "201", "202"), "update": ("200", "201"), "patch": ("200", "201"),
                 "delete": ("200", "202")}.get(verb, ("200",))  # fmt: skip
        content = {"application/json": {"schema": answer}}
        operation: Object = {
            "tags": [f"{tag(self._resource)}_{self._resource.version}"],
            "operationId": self._id(verb, name, everywhere=everywhere, method=method),
            "responses": {
                **{code: {"description": DESCRIPTIONS[code], "content": content} for code in codes},
                "401": {"description": "Unauthorized"},
            },
            ACTION_KEY: ACTIONS.get(verb, verb),
            GVK_KEY: gvk,
        }
        if verb in PARAMETERS:
            operation["parameters"] = [query_parameter(parameter) for parameter in PARAMETERS[verb]]
        if verb == "patch":
            types = CUSTOM_PATCHES if self._resource.custom else PATCHES
            content = {kind: {"schema": reference(f"{META}Patch")} for kind in types}
            operation["requestBody"] = {"content": content, "required": True}
        elif verb in ("create", "update"):
            operation["requestBody"] = {"content": {"application/json": {"schema": body}}, "required": True}
        elif verb in ("delete", "deletecollection"):
            schema = reference(f"{META}DeleteOptions")
            operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
        return operation

    def _id(self, verb: str, subresource: str, *, everywhere: bool, method: str) -> str:
        """`replaceAppsV1NamespacedDeploymentScale`."""
        resource = self._resource
        group = "".join(word.capitalize() for word in (tag(resource) or "core").split("_"))
        scope = "Namespaced" if resource.namespaced and not everywhere else ""
        kind = f"{resource.kind}List" if verb == "watchlist" else resource.kind
        suffix = "ForAllNamespaces" if everywhere else subresource.capitalize()
        word = "watch" if verb == "watchlist" else ID_VERBS.get(verb, verb)
        version = resource.version[0].upper() + resource.version[1:]
        return f"{word}{method.capitalize()}{group}{version}{scope}{kind}{suffix}"

    def _reference(self, api_version: str, kind: str) -> Object:
        name = META + kind if kind == "Status" else self._name_of(api_version, kind)
        if not name:
            return {"type": "object"}
        self.definitions.append(name)
        return reference(name)


DESCRIPTIONS = {"200": "OK", "201": "Created", "202": "Accepted"}


def reference(name: str) -> Object:
    """To a definition of the same document."""
    return {"$ref": f"#/components/schemas/{name}"}


def tag(resource: Resource) -> str:
    """`core`, `apps`, `rbacAuthorization`."""
    first, *rest = resource.group.removesuffix(".k8s.io").split(".") if resource.group else ["core"]
    return first + "".join(word.capitalize() for word in rest)


def _gvk(resource: Resource) -> Object:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def query_parameter(name: str) -> Object:
    """One of the query."""
    return {"name": name, "in": "query", "schema": {"type": TYPES.get(name, "string"), "uniqueItems": True}}


def path_parameters(path: str) -> Object:
    """Those of the path, and `pretty`, which everything knows."""
    names = [name for name in ("name", "namespace") if f"{{{name}}}" in path]
    entries: list[Object] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "uniqueItems": True}}
        for name in names
    ]
    return {"parameters": [*entries, query_parameter("pretty")]}
