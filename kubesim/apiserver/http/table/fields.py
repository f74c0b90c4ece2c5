"""The schema's words about a field, which describe the column that shows it."""

from __future__ import annotations

from functools import cache

from kubesim.api.schema.definitions import read_definitions

# Where a type may be defined, the likeliest first.
PREFIXES = (
    "io.k8s.apimachinery.pkg.apis.meta.v1.",
    *(
        f"io.k8s.api.{group}."
        for group in (
            "core.v1", "apps.v1", "batch.v1", "networking.v1", "discovery.v1", "storage.v1", "scheduling.v1",
            "coordination.v1", "node.v1", "autoscaling.v2", "certificates.v1",
        )
    ),
)  # fmt: skip


@cache
def field_description(path: str) -> str:
    """What the schema says of `Type.field`; LookupError if it has no such field."""
    type_, _, field = path.partition(".")
    definitions = read_definitions()
    for prefix in PREFIXES:
        properties = definitions.get(prefix + type_, {}).get("properties", {})
        if field in properties:
            return str(properties[field].get("description", ""))
    raise LookupError(f"the schema has no {path}")
