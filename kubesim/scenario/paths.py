"""Paths into objects, as checks write them: `status.conditions[Ready].status`.

A path that names no field can never match, and a `never` about it would always hold. So paths are held against
the schema before a run.
"""

from __future__ import annotations

import re

from kubesim.api.schema import Schema
from kubesim.api.schema.node import ANY, LIST, MAP, OBJECT, SCHEMA_OR_OTHER
from kubesim.client.kubectl.command import unknown

STEP = re.compile(r"([^.\[\]]+)|\[([^\]]+)\]")
PART = r"[^.\[\]]+(?:\[[^\[\]]+\])*"
PATH = re.compile(rf"{PART}(?:\.{PART})*")


def problem_with(path: str, api_version: str, kind: str, schema: Schema) -> str:
    """What is wrong with a path, or ""; a custom kind's fields are not known and not checked."""
    if PATH.fullmatch(path) is None:
        return "expected a path such as status.conditions[Ready].status"
    node = schema.kind(api_version, kind)
    for name, chosen in STEP.findall(path):
        if node is None or node.kind in (ANY, SCHEMA_OR_OTHER):
            return ""
        if node.kind not in (OBJECT, LIST, MAP):
            return f"there is nothing inside a {node.go_type}"
        if node.kind == LIST and name:
            return f"[…] says which element of the list is meant, before .{name}"
        inner = node.item if node.kind in (LIST, MAP) else node.child(name or chosen)
        if inner is None:
            return unknown(f'field "{name or chosen}"', name or chosen, sorted(node.fields))
        node = inner
    return ""
