"""OpenAPI v2, the older form of the same schema: one document for everything, as JSON.

Made from the documents of version 3 when first asked for, and again when custom resources change.
Left out: the same in protobuf, of which kubectl only needs that it can be read.
Upstream: k8s.io/kube-openapi/pkg/handler.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from kubesim.api.schema.definitions import INT_OR_STRING, QUANTITY
from kubesim.api.stored import Object
from kubesim.apiserver.http.version import GIT_VERSION

PRODUCED = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]
METHODS = ("get", "put", "post", "patch", "delete")
OLD_REFERENCE, NEW_REFERENCE = b'"#/components/schemas/', b'"#/definitions/'
# Types that are written in two ways: version 2 can name only one.
EITHER: dict[str, Object] = {
    QUANTITY: {"type": "string"},
    INT_OR_STRING: {"type": "string", "format": "int-or-string"},
}
BEARER = {"description": "Bearer Token authentication", "type": "apiKey", "name": "authorization", "in": "header"}


def version_2_json(documents: Iterable[bytes]) -> bytes:
    """One document out of many."""
    paths: Object = {}
    definitions: Object = {}
    for text in documents:
        document = orjson.loads(text.replace(OLD_REFERENCE, NEW_REFERENCE))
        definitions.update(document["components"]["schemas"])
        paths.update((path, _path(operations)) for path, operations in document["paths"].items())
    for name, definition in EITHER.items():
        if name in definitions:
            definitions[name] = {**{k: v for k, v in definitions[name].items() if k == "description"}, **definition}
    return orjson.dumps(
        {
            "swagger": "2.0",
            "info": {"title": "Kubernetes", "version": GIT_VERSION},
            "paths": dict(sorted(paths.items())),
            "definitions": dict(sorted(definitions.items())),
            "securityDefinitions": {"BearerToken": BEARER},
            "security": [{"BearerToken": []}],
        }
    )


def _path(operations: Object) -> Object:
    made: Object = {method: _operation(operations[method]) for method in METHODS if method in operations}
    if parameters := operations.get("parameters"):
        made["parameters"] = [_parameter(parameter) for parameter in parameters]
    return made


def _operation(operation: Object) -> Object:
    parameters = [_parameter(parameter) for parameter in operation.get("parameters") or ()]
    consumed = ["*/*"]
    if body := operation.get("requestBody"):
        content = body["content"]
        schema = next(iter(content.values()))["schema"]
        required = {"required": True} if body.get("required") else {}
        parameters.insert(0, {"name": "body", "in": "body", **required, "schema": schema})
        consumed = list(content) if len(content) > 1 else consumed
    made = {name: value for name, value in operation.items() if name not in ("parameters", "requestBody", "responses")}
    made |= {"consumes": consumed, "produces": PRODUCED, "schemes": ["https"]}
    if parameters:
        made["parameters"] = parameters
    return {**made, "responses": {code: _answer(answer) for code, answer in operation["responses"].items()}}


def _parameter(parameter: Object) -> Object:
    return {**{name: value for name, value in parameter.items() if name != "schema"}, **parameter.get("schema", {})}


def _answer(answer: Object) -> Object:
    content: dict[str, Any] = answer.get("content") or {}
    made: Object = {"description": answer["description"]}
    for form in content.values():
        made["schema"] = form["schema"]
    return made
