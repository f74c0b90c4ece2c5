"""A plugin that fails, in the words of kube-scheduler for each extension point; and answers that are none.

A Go plugin that has nothing to object returns nil; one in Python may return None for the same.
Upstream: pkg/scheduler/framework/runtime/framework.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.scheduler.framework.status import SUCCESS, Code, Status, failed

SCORE_MIN, SCORE_MAX = 0, 100
WORDS = {
    "Filter": 'running "{plugin}" filter plugin: {why}',
    "Score": 'running Score plugins: plugin "{plugin}" failed with: {why}',
    "Normalize": 'running Normalize on Score plugins: plugin "{plugin}" failed with: {why}',
    "Weights": 'applying score defaultWeights on Score plugins: plugin "{plugin}" returns an invalid score {why}, '
    f"it should in the range of [{SCORE_MIN}, {SCORE_MAX}] after normalizing",
    "AddPod": 'running AddPod on PreFilter plugin "{plugin}": {why}',
    "RemovePod": 'running RemovePod on PreFilter plugin "{plugin}": {why}',
    "Wait": "waiting on permit for pod: {why}",
}


class PluginError(Exception):
    """A plugin failed, which says nothing about the Pod; the message names plugin and extension point."""

    def __init__(self, plugin: str, point: str, why: object) -> None:
        told = repr(why).replace("'", '"') if isinstance(why, Exception) else str(why)
        words = WORDS.get(point, f'running {point} plugin "{{plugin}}": {{why}}')
        super().__init__(words.replace("{plugin}", plugin).replace("{why}", told))
        self.plugin = plugin

    @property
    def status(self) -> Status:
        """The failure as an answer."""
        return failed(str(self)).by(self.plugin)


def answer_of(plugin: str, point: str, said: Any) -> Status:
    """What a plugin said, if that is an answer at all; an Error becomes one that names the plugin."""
    if said is None:
        return SUCCESS
    if not isinstance(said, Status):
        raise PluginError(plugin, point, f"{said!r} is no Status")
    if said.code is Code.ERROR:
        raise PluginError(plugin, point, said.message)
    return said


def check_score(plugin: str, score: Any) -> None:
    """A score that counts is a whole number from 0 to 100."""
    if not isinstance(score, int) or not SCORE_MIN <= score <= SCORE_MAX:
        raise PluginError(plugin, "Weights", str(score))
