"""Protobuf bodies, byte by byte: what kubectl 1.32 and newer send."""

from __future__ import annotations

import pytest

from kubesim.api.errors import BadRequestError, UnsupportedMediaTypeError
from kubesim.api.schema import read_definitions
from kubesim.apiserver.http.protobuf import MAGIC, decode, fields_of


def field(number: int, value: bytes | str | int) -> bytes:
    """One field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def body(api_version: str, kind: str, message: bytes) -> bytes:
    return MAGIC + field(1, field(1, api_version) + field(2, kind)) + field(2, message)


def test_a_map_is_a_list_of_entries() -> None:
    """Teaches: names are numbers on the wire, and maps are repeated pairs."""
    message = field(1, field(1, "cfg") + field(2, "")) + field(2, field(1, "a") + field(2, "1"))
    assert decode(body("v1", "ConfigMap", message)) == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "cfg"},
        "data": {"a": "1"},
    }


def test_a_zero_stays_only_where_go_has_a_pointer() -> None:
    """Teaches: replicas: 0 means something, observedGeneration: 0 does not."""
    spec = field(1, 0) + field(5, 0)  # replicas, minReadySeconds
    assert decode(body("apps/v1", "Deployment", field(2, spec)))["spec"] == {"replicas": 0}


def test_special_types_look_like_their_json() -> None:
    """Teaches: quantities, int-or-strings, times, bytes and negative numbers."""
    port = field(3, 80) + field(4, field(1, 1) + field(3, "web"))
    service = decode(body("v1", "Service", field(2, field(1, port))))
    # A protocol "" is absent, so that it is defaulted.
    assert service["spec"]["ports"] == [{"port": 80, "targetPort": "web"}]
    quota = decode(body("v1", "ResourceQuota", field(2, field(1, field(1, "pods") + field(2, field(1, "5"))))))
    assert quota["spec"]["hard"] == {"pods": "5"}
    secret = decode(
        body("v1", "Secret", field(1, field(8, field(1, 60))) + field(2, field(1, "k") + field(2, b"\xff")))
    )
    assert (secret["data"], secret["metadata"]) == ({"k": "/w=="}, {"creationTimestamp": "1970-01-01T00:01:00Z"})
    assert decode(body("scheduling.k8s.io/v1", "PriorityClass", field(2, -5)))["value"] == -5


def test_inline_messages_become_the_parents_fields() -> None:
    """Teaches: `configMap: {name: c}` of a volume lies two messages deep."""
    source = field(19, field(1, field(1, "c")))
    pod = decode(body("v1", "Pod", field(2, field(1, field(1, "v") + field(2, source)))))
    assert pod["spec"]["volumes"] == [{"name": "v", "configMap": {"name": "c"}}]


@pytest.mark.parametrize("data", [b"", b"{}", MAGIC + b"\xff", MAGIC + b"\x0a\xff\xff\x03", MAGIC + b"\x0a\x01"])
def test_nonsense_is_refused(data: bytes) -> None:
    """Teaches: a body that ends too early is a bad request."""
    with pytest.raises((BadRequestError, UnsupportedMediaTypeError)):
        decode(data)


def test_a_kind_that_is_not_in_the_table_is_refused_with_advice() -> None:
    """Teaches: 415, and what to do."""
    with pytest.raises(UnsupportedMediaTypeError, match="configure the client for application/json"):
        decode(body("example.com/v1", "Vase", b""))


def test_every_field_of_the_table_is_one_of_the_schema() -> None:
    """Teaches: the table adds only numbers; what the fields are is in the schema."""
    definitions = {".".join(name.split(".")[-3:]): value for name, value in read_definitions().items()}
    for message in ("core.v1.Pod", "core.v1.Container", "apps.v1.DeploymentSpec", "batch.v1.JobSpec"):
        names = {entry.name for entry in fields_of(message).values() if entry.name}
        assert names <= set(definitions[message]["properties"])
