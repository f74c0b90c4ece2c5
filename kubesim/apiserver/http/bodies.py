"""From the bytes of a body to an object: JSON, YAML for those who like it, and the protobuf of newer kubectls.

Upstream: k8s.io/apimachinery/pkg/runtime/serializer, limits in k8s.io/apiserver/pkg/endpoints/handlers/rest.go.
"""

from __future__ import annotations

from typing import Any

import orjson
import yaml

from kubesim.api.depth import NESTING_MAX, may_nest_too_deep, nests_too_deep
from kubesim.api.errors import BadRequestError, RequestEntityTooLargeError, UnsupportedMediaTypeError
from kubesim.api.go_json import syntax_error
from kubesim.api.wire import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from kubesim.apiserver.http import protobuf

BODY_BYTES_MAX = 3 * 1024 * 1024
JSON, YAML = "application/json", "application/yaml"
YAML_TYPES = (YAML, "application/x-yaml", "text/yaml", APPLY_PATCH)
PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH)
PROTOBUF = "application/vnd.kubernetes.protobuf"
UNKNOWN_FORMAT = "the body of the request was in an unknown format - accepted media types include: "


def decode_body(body: bytes, content_type: str, *, patch: bool = False) -> Any:
    """The object in a body, None if it is empty."""
    if len(body) > BODY_BYTES_MAX:
        raise RequestEntityTooLargeError(f"Request entity too large: limit is {BODY_BYTES_MAX}")
    _check_type(content_type, patch)
    if not body.strip():
        return None
    if content_type == PROTOBUF:
        return protobuf.decode(body)
    if content_type in YAML_TYPES:
        return _read_yaml(body, "error decoding YAML: " if patch else "")
    try:
        decoded = orjson.loads(body)
        if may_nest_too_deep(body) and nests_too_deep(decoded):
            raise BadRequestError("couldn't get version/kind; json parse error: exceeded max depth")
        return decoded
    except orjson.JSONDecodeError as error:
        words = syntax_error(body.decode(errors="replace")) or str(error)
        if content_type in (JSON_PATCH, MERGE_PATCH):
            raise BadRequestError(f"error decoding patch: {words}") from None
        raise BadRequestError(words if patch else f"couldn't get version/kind; json parse error: {words}") from None


def _check_type(content_type: str, patch: bool) -> None:
    if patch:
        if content_type not in PATCH_TYPES:
            raise UnsupportedMediaTypeError(UNKNOWN_FORMAT + ", ".join(PATCH_TYPES))
    elif content_type not in ("", JSON, PROTOBUF, *YAML_TYPES):
        raise UnsupportedMediaTypeError(f"{UNKNOWN_FORMAT}{JSON}, {YAML}, {PROTOBUF}")


class _Loader(yaml.CSafeLoader):
    """YAML as Kubernetes reads it: a date is just text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (that is how PyYAML wants it)
        first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def _read_yaml(body: bytes, prefix: str = "") -> Any:
    try:
        _check_yaml(body)
        # Through JSON, so that nothing but JSON's types comes out.
        return orjson.loads(orjson.dumps(yaml.load(body, Loader=_Loader), option=orjson.OPT_NON_STR_KEYS))
    except (yaml.YAMLError, UnicodeError, ValueError, TypeError) as error:
        raise BadRequestError(f"{prefix}error converting YAML to JSON: yaml: {error}") from None


def _check_yaml(body: bytes) -> None:
    """Refuses what could take for ever: aliases that multiply, and nesting without end."""
    depth = 0
    for event in yaml.parse(body, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise BadRequestError("error converting YAML to JSON: yaml: aliases are not supported")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > NESTING_MAX:
                raise BadRequestError("error converting YAML to JSON: yaml: exceeded max depth")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
