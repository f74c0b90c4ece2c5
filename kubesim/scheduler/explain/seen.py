"""What the words about one node are made from: the plugin that said no, and all that it could see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kubesim.scheduler.framework.cycle_state import CycleState
from kubesim.scheduler.framework.interface import Plugin
from kubesim.scheduler.framework.status import Status
from kubesim.scheduler.node_info import NodeInfo
from kubesim.scheduler.pod_info import PodInfo
from kubesim.scheduler.snapshot import Snapshot

NAMES_MAX = 3


class Seen(NamedTuple):
    """One verdict. `node` is as the plugin saw it: with the Pods that are promised a place there."""

    plugin: Plugin
    state: CycleState
    pod: PodInfo
    node: NodeInfo
    status: Status
    snapshot: Snapshot


def listed(names: Iterable[str], *, word: str = "and") -> str:
    """`a, b and c`; of many the first three and how many more."""
    all_names: Sequence[str] = list(names)
    if len(all_names) > NAMES_MAX + 1:
        return f"{', '.join(all_names[:NAMES_MAX])} {word} {len(all_names) - NAMES_MAX} more"
    if len(all_names) < 2:
        return "".join(all_names)
    return f"{', '.join(all_names[:-1])} {word} {all_names[-1]}"


def counted(number: int, noun: str) -> str:
    """`1 Pod`, `3 Pods`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
