"""Which plugins a profile has, at which extension point and in which order.

`multiPoint` names plugins for all points that they serve; it begins with the defaults. A point's own list adds
plugins, weighs them anew (score), puts them first, or disables some ("*": all) of those of multiPoint.

A plugin of one's own is named by an entry point of the group `kubesim.scheduler_plugins`, or by where it is:
`package.module:Class`, or `path/to/file.py:Class` (a path that counts from the folder of the configuration).
Upstream: `mergePlugins` in pkg/scheduler/apis/config/v1, `expandMultiPointPlugins` in pkg/scheduler/framework/runtime.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec

from kubesim.scheduler.config_problems import Problems, join
from kubesim.scheduler.framework.interface import (
    BindPlugin,
    FilterPlugin,
    PermitPlugin,
    Plugin,
    PostBindPlugin,
    PostFilterPlugin,
    PreBindPlugin,
    PreEnqueuePlugin,
    PreFilterPlugin,
    PreScorePlugin,
    QueueSortPlugin,
    ReservePlugin,
    ScorePlugin,
)
from kubesim.scheduler.plugins.registry import DEFAULT_PLUGINS

ENTRY_POINTS = "kubesim.scheduler_plugins"
MULTI_POINT = "multiPoint"
POINTS: dict[str, type] = {
    "preEnqueue": PreEnqueuePlugin, "queueSort": QueueSortPlugin, "preFilter": PreFilterPlugin,
    "filter": FilterPlugin, "postFilter": PostFilterPlugin, "preScore": PreScorePlugin, "score": ScorePlugin,
    "reserve": ReservePlugin, "permit": PermitPlugin, "preBind": PreBindPlugin, "bind": BindPlugin,
    "postBind": PostBindPlugin,
}  # fmt: skip
ALL = "*"


class Enabled(msgspec.Struct, frozen=True):
    """One entry of a list; weight 0 is not given."""

    name: str
    weight: int
    make: Any


class PluginSet(msgspec.Struct, frozen=True):
    """What a point's list says."""

    enabled: tuple[Enabled, ...] = ()
    disabled: frozenset[str] = frozenset()


class PluginFinder:
    """Finds plugins by the name that a configuration gives them; `folder` is where relative paths begin."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[str, Any] = {row.name: row.make for row in DEFAULT_PLUGINS}

    def find(self, problems: Problems, path: str, name: str) -> Any:
        """The plugin's class, or None once it is told why not."""
        if name not in self._found:
            self._found[name] = self._load(problems, path, name)
        return self._found[name]

    def find_callable(self, problems: Problems, path: str, place: str) -> Any:
        """The callable at a place such as `file.py:function`, or None once it is told why not."""
        try:
            found = _from_place(self._folder, place) if ":" in place else None
        except Exception as error:
            problems.invalid(path, place, f"the extender cannot be loaded: {error}")
            return None
        if not callable(found):
            problems.invalid(path, place, "must be a URL, or the place of a callable such as file.py:function")
            return None
        return found

    def _load(self, problems: Problems, path: str, name: str) -> Any:
        try:
            found = _from_place(self._folder, name) if ":" in name else _from_entry_point(name)
        except Exception as error:
            problems.invalid(path, name, f"the plugin cannot be loaded: {error}")
            return None
        if found is None:
            problems.invalid(path, name, "there is no plugin of that name")
        elif not (isinstance(found, type) and issubclass(found, Plugin)):
            problems.invalid(
                path, name, "is no plugin: its class must extend one of kubesim.scheduler.framework.interface"
            )
            return None
        elif not hasattr(found, "name"):
            problems.invalid(path, name, 'the plugin has no name: write `name = "…"` in its class')
            return None
        return found


def _from_place(folder: Path, place: str) -> Any:
    module_name, _, class_name = place.rpartition(":")
    if not module_name.endswith(".py"):
        return getattr(importlib.import_module(module_name), class_name)
    file = folder / module_name
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None, "a name that ends in .py has a loader"
    assert spec.loader is not None, "a name that ends in .py has a loader"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, class_name)


def _from_entry_point(name: str) -> Any:
    for entry in entry_points(group=ENTRY_POINTS):
        if entry.name == name:
            return entry.load()
    return None


class ChosenPlugins(msgspec.Struct, frozen=True):
    """The plugins of a profile (class and weight by name), and their names at each point."""

    makers: dict[str, Callable[..., Any]]
    weights: dict[str, int]
    points: dict[str, tuple[str, ...]]


def choose_plugins(problems: Problems, path: str, given: Any, finder: PluginFinder) -> ChosenPlugins:
    """What `profiles[].plugins` comes to."""
    read = problems.mapping(path, given, (*POINTS, MULTI_POINT))
    sets = {point: _read_set(problems, join(path, point), read.get(point), finder) for point in (MULTI_POINT, *POINTS)}
    multi = _merge_defaults(sets[MULTI_POINT])
    makers: dict[str, Any] = {}
    weights: dict[str, int] = {}
    points: dict[str, tuple[str, ...]] = {}
    for point, kind in POINTS.items():
        chosen = _at_point(problems, join(path, point), kind, sets[point], multi)
        points[point] = tuple(each.make.name for each in chosen)
        for each in chosen:
            makers[each.make.name] = each.make
            if point == "score":
                weights[each.make.name] = each.weight or 1
    for point, what in (("queueSort", "queue sort"), ("bind", "bind")):
        if not points[point] or (point == "queueSort" and len(points[point]) > 1):
            count = "exactly one" if point == "queueSort" else "at least one"
            problems.invalid(join(path, point), list(points[point]), f"{count} {what} plugin is needed")
    order = [*(each.make.name for each in multi), *makers]  # The order of asking is that of multiPoint.
    return ChosenPlugins({name: makers[name] for name in dict.fromkeys(order) if name in makers}, weights, points)


def _read_set(problems: Problems, path: str, given: Any, finder: PluginFinder) -> PluginSet:
    read = problems.mapping(path, given, ("enabled", "disabled"))
    enabled: list[Enabled] = []
    for number, each in enumerate(problems.items(join(path, "enabled"), read.get("enabled"))):
        here = f"{path}.enabled[{number}]"
        item = problems.mapping(here, each, ("name", "weight"))
        name = problems.text(join(here, "name"), item.get("name"))
        weight = problems.integer(join(here, "weight"), item.get("weight"), 0, least=0, why="must not be negative")
        if not name:
            problems.required(join(here, "name"))
        elif any(known.name == name for known in enabled):
            problems.found.append(f'{join(here, "name")}: Duplicate value: "{name}"')
        elif (make := finder.find(problems, join(here, "name"), name)) is not None:
            enabled.append(Enabled(name, weight, make))
    disabled = []
    for number, each in enumerate(problems.items(join(path, "disabled"), read.get("disabled"))):
        item = problems.mapping(f"{path}.disabled[{number}]", each, ("name", "weight"))
        disabled.append(problems.text(f"{path}.disabled[{number}].name", item.get("name")))
    return PluginSet(tuple(enabled), frozenset(disabled))


def _merge_defaults(given: PluginSet) -> list[Enabled]:
    """The defaults that are not disabled, where one that is named again has its new weight; then what is added."""
    again = {each.name: each for each in given.enabled}
    kept: list[Enabled] = []  # One that is named again stands where it stood.
    if ALL not in given.disabled:
        left = [row for row in DEFAULT_PLUGINS if row.name not in given.disabled]
        kept = [again.pop(row.name, Enabled(row.name, row.weight, row.make)) for row in left]
    return [*kept, *again.values()]


def _at_point(problems: Problems, path: str, kind: type, given: PluginSet, multi: Sequence[Enabled]) -> list[Enabled]:
    """First what the point's own list says of plugins of multiPoint, then the rest of multiPoint, then what it adds."""

    def serves(each: Enabled) -> bool:
        return isinstance(each.make, type) and issubclass(each.make, kind)

    point = path.rpartition(".")[2]
    for number, each in enumerate(given.enabled):
        if not serves(each):
            problems.invalid(f"{path}.enabled[{number}].name", each.name, f"plugin does not extend {point}")
    own = {each.name: each for each in given.enabled if serves(each)}
    of_multi: Mapping[str, Enabled] = {each.name: each for each in multi if serves(each)}
    disabled = of_multi if ALL in given.disabled else given.disabled
    first = [each for name, each in own.items() if name in of_multi]
    then = [each for name, each in of_multi.items() if name not in own and name not in disabled]
    return [*first, *then, *(each for name, each in own.items() if name not in of_multi)]
