"""What is there, kind by kind and plugin by plugin: made from the tables that do the work.

python -m kubesim.fidelity.reference > docs/coverage.md
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Iterator

from kubesim.api.resources import ALL_VERBS, API_GROUPS, SERVED, Resource
from kubesim.apiserver.admission import DEFAULT_PLUGINS as ADMISSION_PLUGINS
from kubesim.apiserver.http.table import PRINTERS
from kubesim.apiserver.routes import CONNECTORS, SUBRESOURCES
from kubesim.apiserver.strategies import STRATEGIES
from kubesim.controllers.manager import ALL_CONTROLLERS
from kubesim.scheduler.plugins.registry import DEFAULT_PLUGINS as SCHEDULER_PLUGINS

INTRODUCTION = """\
# What is there

Kind by kind and plugin by plugin, as the code has it. What is left out of each is said in its module, and in general in
[fidelity.md](fidelity.md). This page is generated: `python -m kubesim.fidelity.reference > docs/coverage.md`.
"""
# Strategies that the server makes by itself, since they need more than the resource.
MADE_APART = {("", "services")}
# Answered by the review handlers and the token issuer, beside the registry.
ANSWERED_APART = {"token"}


def reference() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *kinds(), *admission(), *controllers(), *scheduler()]) + "\n"


def kinds() -> Iterator[str]:
    """A table for each API group."""
    yield "## Kinds\n"
    yield (
        "*Verbs*: all means create, delete, deletecollection, get, list, patch, update and watch. *Rules*: own means "
        "that there is more than types, names and metadata to what is valid, defaulted or kept. Every kind has "
        "server-side apply, dry-run, field validation, selectors, Tables and `kubectl explain`.\n"
    )
    for group, versions in API_GROUPS:
        yield f"### {group or 'core'}\n"
        yield "| kind | version | verbs | subresources | rules | columns |"
        yield "|---|---|---|---|---|---|"
        rows = (row for row in SERVED if row.group == group and row.version in versions)
        for row in sorted(rows, key=lambda row: (row.kind, row.version)):
            yield kind_row(row)
        yield ""


def kind_row(row: Resource) -> str:
    """One kind."""
    verbs = "all" if set(ALL_VERBS) <= set(row.verbs) else ", ".join(row.verbs)
    subresources = ", ".join(sub if is_answered(row, sub) else f"~~{sub}~~" for sub in row.subresources)
    key = (row.group, row.plural)
    rules = "own" if key in STRATEGIES or key in MADE_APART else ""
    printer = PRINTERS.get((row.group, row.kind))
    columns = ", ".join(column.name for column in printer.columns) if printer is not None else "Name, Created At"
    shown = columns if "get" in row.verbs else ""
    return f"| {row.kind} | {row.version} | {verbs} | {subresources} | {rules} | {shown} |"


def is_answered(row: Resource, subresource: str) -> bool:
    """Whether somebody handles a subresource."""
    return (
        subresource in SUBRESOURCES
        or (not row.group and (row.plural, subresource) in CONNECTORS)
        or subresource in ANSWERED_APART
    )


def admission() -> Iterator[str]:
    """The admission plugins, in their order."""
    yield "## Admission plugins\n"
    yield "In the order in which they run; mutating ones twice if somebody after them changed something.\n"
    yield from described(ADMISSION_PLUGINS)


def controllers() -> Iterator[str]:
    """The controllers of kube-controller-manager."""
    yield "## Controllers\n"
    yield from described(ALL_CONTROLLERS)


def scheduler() -> Iterator[str]:
    """The scheduler's plugins."""
    yield "## Scheduler plugins\n"
    yield "| plugin | weight | |"
    yield "|---|---|---|"
    for plugin in SCHEDULER_PLUGINS:
        yield f"| {plugin.name} | {plugin.weight} | {module_sentence(plugin.make)} |"


def described(items: Iterable[object]) -> Iterator[str]:
    """A table of names and what the module of each says first."""
    yield "| name | |"
    yield "|---|---|"
    for item in items:
        yield f"| {getattr(item, 'name', '')} | {module_sentence(item)} |"
    yield ""


def module_sentence(item: object) -> str:
    """The first paragraph of the module in which something is defined."""
    module = inspect.getmodule(item)
    assert module is not None, "classes and functions have a module"
    text = inspect.getdoc(importlib.import_module(module.__name__)) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    print(reference(), end="")
