"""An attempt as annotations of its Pod, as kube-scheduler-simulator writes them, for its users and its web page.

Every value is JSON with sorted keys: `filter-result` is node → plugin → "passed" or the reason, `score-result` node →
plugin → raw score, `finalscore-result` the same normalised and weighted, the others plugin → "success" ("" if it had
nothing to say about the Pod). `result-history` is a list of all attempts. What differs: the points at which a plugin
is listed are those that it serves here.
Upstream: sigs.k8s.io/kube-scheduler-simulator, simulator/scheduler/plugin/resultstore and storereflector.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kubesim.scheduler.explain.table import Explanation, NodeRow
from kubesim.scheduler.framework.runtime import Framework

PREFIX = "kube-scheduler-simulator.sigs.k8s.io/"
HISTORY = f"{PREFIX}result-history"
HISTORY_LENGTH_MAX = 128 * 1024  # All annotations of an object together may have 256 KiB.
PREEMPTION = "DefaultPreemption"
PASSED, SUCCEEDED, VICTIMS = "passed", "success", "preemption victim"


def annotations_of(framework: Framework, seen: Explanation, node: str = "", nominated: str = "") -> dict[str, str]:
    """The annotations of one attempt; `node` is where the Pod was bound, `nominated` what it was promised."""
    asked = seen.asked
    after = node != ""
    results: dict[str, Any] = {
        "prefilter-result-status": asked.pre_filter,
        "prefilter-result": {plugin: list(names) for plugin, names in asked.pre_filter_nodes.items()},
        "filter-result": {row.node: _filtered(row, asked.filters) for row in seen.rows} if asked.filters else {},
        "postfilter-result": {} if after else _post_filtered(framework, seen, nominated),
        "prescore-result": asked.pre_score,
        "score-result": {row.node: _texts(row.raw) for row in seen.rows if row.raw},
        "finalscore-result": {row.node: _texts(row.weighted) for row in seen.rows if row.weighted},
        "reserve-result": {plugin.name: SUCCEEDED for plugin in framework.reserves} if after else {},
        "permit-result": {plugin.name: SUCCEEDED for plugin in framework.permits} if after else {},
        "permit-result-timeout": {},
        "prebind-result": {plugin.name: SUCCEEDED for plugin in framework.pre_binds} if after else {},
        "bind-result": {framework.binds[0].name: SUCCEEDED} if after and framework.binds else {},
    }
    return {PREFIX + name: _encode(result) for name, result in results.items()} | {f"{PREFIX}selected-node": node}


def with_history(found: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """The annotations, and the history with this attempt added; the oldest attempts are dropped when it is long."""
    try:
        history = json.loads(known.get(HISTORY, "[]"))
    except ValueError:
        history = []
    history = [*(history if isinstance(history, list) else []), dict(found)]
    while len(history) > 1 and len(_encode(history)) > HISTORY_LENGTH_MAX:
        del history[0]
    return {**found, HISTORY: _encode(history)}


def _filtered(row: NodeRow, filters: tuple[str, ...]) -> dict[str, str]:
    """Filters are asked until one says no."""
    if not row.is_out:
        return dict.fromkeys(filters, PASSED)
    asked = filters[: filters.index(row.rejected_by)] if row.rejected_by in filters else ()
    return dict.fromkeys(asked, PASSED) | {row.rejected_by: ", ".join(row.reasons)}


def _post_filtered(framework: Framework, seen: Explanation, nominated: str) -> dict[str, dict[str, str]]:
    result: dict[str, dict[str, str]] = {row.node: {} for row in seen.rows if row.is_out}
    names = [plugin.name for plugin in framework.post_filters]
    if nominated and names:  # With plugins of yours it is the last of them that made room.
        result[nominated] = {PREEMPTION if PREEMPTION in names else names[-1]: VICTIMS}
    return result


def _texts(scores: Mapping[str, int]) -> dict[str, str]:
    return {plugin: str(score) for plugin, score in scores.items()}


def _encode(value: object) -> str:
    """As Go's encoding/json does."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
