"""In which form a client wants its answer: plain JSON, a table for humans, or only metadata.

    Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json

The first form of the list that we can serve wins. Upstream: k8s.io/apiserver/pkg/endpoints/handlers/negotiation.
"""

from __future__ import annotations

from typing import NamedTuple

from kubesim.api.errors import NotAcceptableError

META, DISCOVERY = "meta.k8s.io", "apidiscovery.k8s.io"
TABLE, PARTIAL, PARTIAL_LIST = "Table", "PartialObjectMetadata", "PartialObjectMetadataList"
GROUP_DISCOVERY = "APIGroupDiscoveryList"
JSON_TYPES = ("application/json", "application/*", "*/*")
YAML_TYPE = "application/yaml"


class Form(NamedTuple):
    """`as_`: Table, PartialObjectMetadata, …, or "" for the object as it is."""

    as_: str = ""
    version: str = ""
    is_yaml: bool = False


PLAIN = Form()
NOT_ACCEPTABLE = (
    "only the following media types are accepted: application/json, application/yaml (kubesim does not speak protobuf)"
)


def negotiate(accept: str, group: str = META, known: tuple[str, ...] = (TABLE, PARTIAL, PARTIAL_LIST)) -> Form:
    """The form to answer in; NotAcceptableError if the client wants only what we do not have."""
    if not accept or accept in JSON_TYPES:
        return PLAIN
    for clause in accept.split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        values = dict(parameter.partition("=")[::2] for parameter in parameters)
        is_yaml = media == YAML_TYPE
        if media not in JSON_TYPES and not is_yaml:
            continue
        wanted = values.get("as", "")
        if not wanted:
            return Form(is_yaml=is_yaml)
        if wanted in known and values.get("g") == group and values.get("v") in ("v1", "v1beta1", "v2"):
            return Form(wanted, values["v"], is_yaml)
    raise NotAcceptableError(NOT_ACCEPTABLE)
