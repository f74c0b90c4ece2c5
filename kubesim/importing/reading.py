"""Objects from files, as `kubectl get … -o yaml` or `-o json` prints them: single ones, several documents, Lists."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from kubesim.api.stored import Object
from kubesim.client.kubectl import ManifestError, compose
from kubesim.importing.errors import ImportingError


def read_objects(paths: Sequence[Path]) -> list[Object]:
    """All objects of these files, in their order; ImportingError names file and place of what is none."""
    return [obj for path in paths for obj in read_file(path)]


def read_file(path: Path) -> Iterator[Object]:
    """The objects of one file; `-` is standard input."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        _, documents = compose(text, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ImportingError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error})") from None
    except ManifestError as error:
        raise ImportingError(str(error)) from None
    for number, document in enumerate(documents, 1):
        if document is not None:
            yield from flattened(document, f"{path}, document {number}")


def flattened(document: object, where: str) -> Iterator[Object]:
    """An object, or those of a List."""
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise ImportingError(f"{where} is no object of Kubernetes: it has no kind")
    if document["kind"].endswith("List") and "items" in document:
        items = document["items"] or []
        if not isinstance(items, list):
            raise ImportingError(f"{where}: `items` must be a list")
        kind = document["kind"].removesuffix("List")
        for number, item in enumerate(items, 1):
            known = {"apiVersion": document.get("apiVersion"), "kind": kind} if kind else {}
            yield from flattened({**known, **item} if isinstance(item, dict) else item, f"{where}, item {number}")
        return
    if not isinstance(document.get("apiVersion"), str):
        raise ImportingError(f"{where}: {document['kind']} has no apiVersion")
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise ImportingError(f"{where}: {document['kind']} has no metadata.name")
    yield document
