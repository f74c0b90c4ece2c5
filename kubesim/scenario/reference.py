"""The field reference of scenario files, made from the models that read them.

python -m kubesim.scenario.reference > docs/scenarios.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from kubesim.scenario.schema import Scenario

INTRODUCTION = """\
# Scenario files

A scenario is a folder with a `scenario.yaml`, the manifests that it applies, and a `lesson.md`. It says what
cluster there is, what is done to it and when, and what must come true. `kubesim run FOLDER` plays it;
`kubesim scenarios show node-failure` shows one that comes with kubesim.

- Durations are written like kubectl's: `90`, `90s`, `1m30s`, `2h`, `250ms`. Times count from the moment at which
  the cluster has booted.
- `kubectl` in a step takes the verbs that change something: annotate, apply, cordon, create, delete, label, patch,
  rollout, run, scale, set, taint, uncordon. Files are looked for beside the scenario.
- Whatever an expectation or a step's `when` looks at is a *check*.
- `--set FIELD=VALUE` changes a field below `spec` for one run: `--set cluster.nodes=5`, `--set steps.1.at=30s`.
- A field that is not listed here is an error.

This page is generated: `python -m kubesim.scenario.reference > docs/scenarios.md`.
"""
WORDS = {"float": "number", "int": "whole number", "str": "text", "bool": "true or false", "Any": "anything"}
NAMES = {"Seconds": "duration", "Quantity": "quantity", "Lines": "text or list of texts"}
PLAIN = re.compile(r"[\w.]+")


def reference() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *(section(model) for model in reachable(Scenario))])


def reachable(model: type[BaseModel], seen: set[type[BaseModel]] | None = None) -> Iterator[type[BaseModel]]:
    """A model and every model that its fields speak of, in the order in which a reader meets them."""
    seen = set() if seen is None else seen
    if model in seen:
        return
    seen.add(model)
    yield model
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            yield from reachable(inner, seen)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models in a type such as `int | list[NodeSpec]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def section(model: type[BaseModel]) -> str:
    """The heading and the table of one model."""
    rows = [
        f"| `{field.alias or name}` | {type_words(model, name)} | {default_words(field)} | {field.description or ''} |"
        for name, field in model.model_fields.items()
    ]
    about = " ".join((model.__doc__ or "").split())
    return "\n".join(
        [f"## {model.__name__}\n", f"{about}\n", "| field | type | default | |", "|---|---|---|---|", *rows, ""]
    )


def type_words(model: type[BaseModel], name: str) -> str:
    """A field's type, as it is written in the model, in words; models are links."""
    annotation = model.model_fields[name].annotation
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{word}`" for word in get_args(annotation))
    text = re.sub(r"\bNone\b", "", str(model.__annotations__[name])).strip(" |")
    text = re.sub(r"tuple\[str, str\]", "list of two texts", text)
    text = re.sub(r"dict\[str, (\w+)\]", r"map to \1", text)
    text = re.sub(r"list\[(\w+)\]", r"list of \1", text)
    linked = {found.__name__ for found in models_in(annotation)}
    words = [NAMES.get(word) or WORDS.get(word) or linked_word(word, linked) for word in PLAIN.findall(text)]
    joined = iter(words)
    return PLAIN.sub(lambda _: next(joined), text).replace(" | ", " or ")


def linked_word(word: str, models: set[str]) -> str:
    """A link to the section of a model."""
    return f"[{word}](#{word.lower()})" if word in models else word


def default_words(field: Any) -> str:
    """What holds if the field is absent."""
    if field.is_required():
        return "required"
    default = field.default
    if default in (None, "", PydanticUndefined):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    print(reference(), end="")
