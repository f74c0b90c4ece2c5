"""Finds kubeconfig files, reads them, and merges several into one.

With --kubeconfig only that file counts, and it must exist. Else all files of $KUBECONFIG count, those that do not
exist left out, else ~/.kube/config. Of entries with the same name in several files the first counts, and so does the
first current-context. A path in a file is relative to that file.

Every scalar is read as text: a password that looks like a number keeps its letters.
Upstream: k8s.io/client-go/tools/clientcmd/loader.go.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from kubesim.client.kubeconfig.errors import KubeconfigError

SECTIONS = {"clusters": "cluster", "users": "user", "contexts": "context"}
FILE_BYTES_MAX = 16 << 20

Fields = dict[str, Any]


class Texts(yaml.CBaseLoader):
    """Reads every scalar as text, but nothing as nothing."""


NOTHING = "tag:yaml.org,2002:null"
Texts.add_implicit_resolver(NOTHING, re.compile(r"(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
Texts.add_constructor(NOTHING, lambda *_: None)


class Entry(NamedTuple):
    """One cluster, user or context, and the file that it stands in."""

    fields: Fields
    file: Path


class Kubeconfig(NamedTuple):
    """All files merged. `files` are those that were read."""

    current_context: str
    clusters: dict[str, Entry]
    users: dict[str, Entry]
    contexts: dict[str, Entry]
    files: tuple[Path, ...]

    def where(self) -> str:
        """The files, for a message."""
        return os.pathsep.join(map(str, self.files))


def load(given: Path | None = None, environment: Mapping[str, str] = os.environ) -> Kubeconfig:
    """Reads what counts: the given file, else $KUBECONFIG, else ~/.kube/config."""
    files = candidates(given, environment)
    merged = Kubeconfig("", {}, {}, {}, ())
    for file in files:
        content = read(file, must_exist=given is not None)
        if content is not None:
            merged = merge(merged, content, file)
    if not merged.files:
        tried = os.pathsep.join(map(str, files))
        raise KubeconfigError(
            f"there is no kubeconfig ({tried} does not exist); name one with --kubeconfig, "
            "or let `kubesim start` write one"
        )
    return merged


def candidates(given: Path | None, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that count, in order."""
    if given is not None:
        return (given.expanduser().absolute(),)
    named = [part for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    if named:
        return tuple(dict.fromkeys(Path(part).expanduser().absolute() for part in named))
    return (Path(environment.get("HOME") or Path.home()) / ".kube" / "config",)


def read(file: Path, *, must_exist: bool) -> Fields | None:
    """One file; None if there is none, or nothing in it."""
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise KubeconfigError(f"{file} is no kubeconfig: it is larger than 16 MB")
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=Texts)
    except FileNotFoundError:
        if must_exist:
            raise KubeconfigError(f"the kubeconfig {file} does not exist") from None
        return None
    except OSError as error:
        raise KubeconfigError(f"the kubeconfig {file} cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        raise KubeconfigError(f"the kubeconfig {file}{place} is not valid YAML") from None
    if content is None:
        return None
    if not isinstance(content, dict):
        raise KubeconfigError(f"{file} is not a kubeconfig: a mapping is expected")
    return content


def merge(merged: Kubeconfig, content: Fields, file: Path) -> Kubeconfig:
    """What is known already wins over what comes later."""
    return Kubeconfig(
        merged.current_context or text(content, "current-context", file),
        {**section(content, "clusters", file), **merged.clusters},
        {**section(content, "users", file), **merged.users},
        {**section(content, "contexts", file), **merged.contexts},
        (*merged.files, file),
    )


def section(content: Fields, name: str, file: Path) -> dict[str, Entry]:
    """The entries of a section by name; the first of a name counts."""
    found: dict[str, Entry] = {}
    items = content.get(name) or []
    if not isinstance(items, list):
        raise KubeconfigError(f"{file}: {name} must be a list")
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str) or not item["name"]:
            raise KubeconfigError(f"{file}: every entry of {name} must have a name")
        fields = item.get(SECTIONS[name]) or {}
        if not isinstance(fields, dict):
            raise KubeconfigError(f'{file}: {SECTIONS[name]} of "{item["name"]}" must be a mapping')
        found.setdefault(item["name"], Entry(fields, file))
    return found


def text(fields: Fields, key: str, file: Path) -> str:
    """A field's text; "" if it is not given."""
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise KubeconfigError(f"{file}: {key} must be a text")
    return value
