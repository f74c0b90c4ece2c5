"""JSON patch (RFC 6902): a list of operations, of which all apply or none.

Each operation copies only the containers on its path. The real server tells nobody which operation failed or
why (`REFUSED`); here the reason is the error's cause. As upstream's library does, negative list indexes count
from the end. Upstream: gopkg.in/evanphx/json-patch and k8s.io/apiserver/pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from kubesim.api.depth import nests_too_deep
from kubesim.api.errors import BadRequestError, InvalidError, RequestEntityTooLargeError
from kubesim.api.patch.go_text import json_type
from kubesim.api.stored import Object

OPERATIONS_MAX = 10_000
COPIED_BYTES_MAX = 3 * 1024 * 1024  # By all its copies together: each could double the document.
REFUSED = "the server rejected our request due to an error in our request"
OPERATIONS_TYPE = "[]handlers.jsonPatchOp"

_MISSING = object()
Edit = Callable[[Any, str], Any]  # (container, last name of the path) → changed copy of the container


def apply_json_patch(obj: Object, operations: Any) -> Object:
    """The patched object. InvalidError if an operation does not apply, BadRequestError if this is no patch."""
    if not isinstance(operations, list):
        into = f"Go value of type {OPERATIONS_TYPE}"
        raise BadRequestError(f"error decoding patch: json: cannot unmarshal {json_type(operations)} into {into}")
    if len(operations) > OPERATIONS_MAX:
        raise RequestEntityTooLargeError(
            f"The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {len(operations)}"
        )
    result: Any = obj
    copied_bytes = 0
    try:
        for operation in operations:
            if operation["op"] == "copy":
                copied_bytes += len(orjson.dumps(_get(result, _tokens(operation["from"]))))
                if copied_bytes > COPIED_BYTES_MAX:
                    raise ValueError("the copies are too large")
            result = _apply(result, operation)
        if nests_too_deep(result):
            raise ValueError("the result is nested too deep")
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InvalidError(REFUSED) from error
    if not isinstance(result, dict):
        raise InvalidError(REFUSED)
    return result


def _apply(document: Any, operation: Any) -> Any:
    """One operation."""
    name = operation["op"]
    path = _tokens(operation["path"])
    if name == "add":
        return _edit(document, path, _adder(operation.get("value")))
    if name == "remove":
        return _edit(document, path, _remove)
    if name == "replace":
        return _edit(document, path, _replacer(operation.get("value")))
    if name == "test":
        return _test(document, path, operation.get("value"))
    source = _tokens(operation["from"])
    if name == "copy":
        return _edit(document, path, _adder(_get(document, source)))
    if name == "move":
        value = _get(document, source)
        return _edit(_edit(document, source, _remove), path, _adder(value))
    raise ValueError(f"unexpected kind: {name}")


def _tokens(path: str) -> list[str]:
    """The parts of a JSON pointer."""
    if not path:
        return []
    if not path.startswith("/"):
        raise ValueError(f"{path} is no JSON pointer")
    return [token.replace("~1", "/").replace("~0", "~") for token in path[1:].split("/")]


def _get(document: Any, path: list[str]) -> Any:
    """The value at a path; LookupError if there is none."""
    value = document
    for token in path:
        if isinstance(value, dict):
            value = value[token]
        elif isinstance(value, list):
            value = value[_index(token, len(value))]
        else:
            raise LookupError(f"nothing is at {token}")
    return value


def _edit(document: Any, path: list[str], edit: Edit) -> Any:
    """A copy of the document in which the container of the last token is edited."""
    if not path:
        holder = edit({"": document}, "")
        return holder[""]
    token = path[0]
    if len(path) == 1:
        return edit(document, token)
    if isinstance(document, dict):
        return {**document, token: _edit(document[token], path[1:], edit)}
    if isinstance(document, list):
        index = _index(token, len(document))
        return [*document[:index], _edit(document[index], path[1:], edit), *document[index + 1 :]]
    raise LookupError(f"nothing is at {token}")


def _adder(value: Any) -> Edit:
    def add(container: Any, token: str) -> Any:
        if isinstance(container, dict):
            return {**container, token: value}
        if not isinstance(container, list):
            raise LookupError(f"cannot add {token} to a scalar")
        index = len(container) if token == "-" else _index(token, len(container) + 1)
        return [*container[:index], value, *container[index:]]

    return add


def _replacer(value: Any) -> Edit:
    def replace(container: Any, token: str) -> Any:
        if isinstance(container, dict):
            if token not in container:
                raise LookupError(f"nothing to replace at {token}")
            return {**container, token: value}
        index = _index(token, len(container))
        return [*container[:index], value, *container[index + 1 :]]

    return replace


def _remove(container: Any, token: str) -> Any:
    if isinstance(container, dict):
        if token not in container:
            raise LookupError(f"nothing to remove at {token}")
        return {name: value for name, value in container.items() if name != token}
    index = _index(token, len(container))
    return [*container[:index], *container[index + 1 :]]


def _test(document: Any, path: list[str], wanted: Any) -> Any:
    """The document unchanged, if the value at the path is the wanted one; an absent value equals null."""
    try:
        found = _get(document, path)
    except LookupError:
        found = _MISSING
    if found is _MISSING and wanted is None:
        return document
    if found != wanted or json_type(found) != json_type(wanted):
        raise ValueError(f"testing path {'/'.join(path)} failed")
    return document


def _index(token: str, length: int) -> int:
    """A list index within bounds; a negative one counts from the end."""
    index = int(token)
    if not -length <= index < length:
        raise LookupError(f"index {index} is out of bounds")
    return index + length if index < 0 else index
