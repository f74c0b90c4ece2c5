"""Manifests: YAML documents with Kubernetes objects, and the line on which each one and each field stands.

Dates and numbers like 12:30 stay text, as Kubernetes' own YAML reader has it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from kubesim.api.stored import Object

PATH_PART = re.compile(r"[^.\[\]]+")
NULL_TAG = "tag:yaml.org,2002:null"


class ManifestError(Exception):
    """A manifest cannot be read; the message says which file, which line, and what is wrong."""


class Loader(yaml.CSafeLoader):
    """YAML as Kubernetes reads it: no dates, no base-60 numbers, no duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A dict; a key given twice is an error, since one of the two would be lost."""
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'key "{key.value}" already set in map', key.start_mark
                )
            seen[key.value] = 1
        return super().construct_mapping(node, deep)


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in ("tag:yaml.org,2002:timestamp",)]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
Loader.yaml_implicit_resolvers = {
    first: [
        (tag, re.compile(r"^(?:[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+)$"))
        if tag == "tag:yaml.org,2002:int"
        else (tag, pattern)
        for tag, pattern in resolvers
    ]
    for first, resolvers in Loader.yaml_implicit_resolvers.items()
}


class Manifest(NamedTuple):
    """One object of a manifest, and where it stands."""

    object: Object
    source: str
    node: yaml.MappingNode

    @property
    def line(self) -> int:
        """The line on which the object begins."""
        return int(self.node.start_mark.line) + 1

    def locate(self, field: str) -> str:
        """`FILE, line N` of a field such as `spec.template.spec.containers[0].image`, or of its nearest parent."""
        return f"{self.source}, line {self.line_of(field)}"

    def line_of(self, field: str) -> int:
        """The line of a field, or of its nearest parent."""
        node: yaml.Node = self.node
        line = self.line
        for part in PATH_PART.findall(field):
            if isinstance(node, yaml.SequenceNode) and len(node.value) == 1 and not part.isdigit():
                node = node.value[0]  # Some messages leave out the place in the list; here it can only be this one.
            child = _child(node, part)
            if child is None:
                break
            line, node = child
        return line


def read_manifests(path: Path) -> list[Manifest]:
    """All objects in a file, or in every .yaml, .yml and .json file of a folder in order of name."""
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml", ".json"))
        if not files:
            raise ManifestError(f"{path}: the folder holds no .yaml, .yml or .json file")
    manifests: list[Manifest] = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise ManifestError(f"{file}: the manifest is not UTF-8 text") from None
        except OSError as error:
            raise ManifestError(f"{file}: cannot read the manifest ({error.strerror or error})") from None
        manifests.extend(parse_manifests(text, str(file)))
    if not manifests:
        raise ManifestError(f"{path}: there is no Kubernetes object in it")
    return manifests


def parse_manifests(text: str, source: str = "manifest") -> list[Manifest]:
    """All objects in a text; a List is taken apart. ManifestError names `source` and the line."""
    nodes, contents = compose(text, source)
    manifests: list[Manifest] = []
    for node, content in zip(nodes, contents, strict=True):
        where = f"{source}, line {node.start_mark.line + 1}"
        if not isinstance(content, dict) or not isinstance(node, yaml.MappingNode):
            raise ManifestError(f"{where}: expected a Kubernetes object, found {type(content).__name__}")
        if content.get("kind") != "List":
            manifests.append(Manifest(_checked(content, where), source, node))
            continue
        manifests.extend(Manifest(_checked(item, where), source, node) for item in content.get("items") or ())
    return manifests


def compose(text: str, source: str) -> tuple[list[yaml.Node], list[Any]]:
    """The documents of a YAML text as nodes (which know their lines) and as data."""
    try:
        nodes = [node for node in yaml.compose_all(text, Loader) if node.tag != NULL_TAG]
        contents = [document for document in yaml.load_all(text, Loader) if document is not None]
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ManifestError(f"{source}{line}: this is not valid YAML: {problem}") from None
    return nodes, contents


def _child(node: yaml.Node, part: str) -> tuple[int, yaml.Node] | None:
    """The line of the key, and the value, of one step of a path."""
    if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        item = node.value[int(part)]
        return item.start_mark.line + 1, item
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key.start_mark.line + 1, value
    return None


def _checked(item: Any, where: str) -> Object:
    if not isinstance(item, dict):
        raise ManifestError(f"{where}: expected a Kubernetes object, found {type(item).__name__}")
    for name in ("apiVersion", "kind"):
        if not isinstance(item.get(name), str) or not item[name]:
            raise ManifestError(f"{where}: {name} is missing; every object says what it is")
    metadata = item.get("metadata")
    if not isinstance(metadata, dict) or not (metadata.get("name") or metadata.get("generateName")):
        raise ManifestError(f"{where}: metadata.name is missing from this {item['kind']}")
    return item
