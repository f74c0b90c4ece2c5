"""Which plugins there are."""

from __future__ import annotations

from typing import Any

from kubesim.scheduler.framework.interface import FilterPlugin, PreFilterPlugin, PreScorePlugin, ScorePlugin
from kubesim.scheduler.plugins.registry import DEFAULT_PLUGINS
from kubesim.scheduler.wide_columns import columns_of


def test_names_and_weights_are_upstreams(world: Any) -> None:
    """Teaches: taints weigh three times as much as the room that is left."""
    framework = world([]).framework
    assert [plugin.name for plugin in framework.plugins] == [row.name for row in DEFAULT_PLUGINS]
    assert {scorer.plugin.name: scorer.weight for scorer in framework.scores} == {
        "TaintToleration": 3, "NodeAffinity": 2, "NodeResourcesFit": 1, "NodeResourcesBalancedAllocation": 1,
        "DynamicResources": 1, "ImageLocality": 1,
        "PodTopologySpread": 2, "InterPodAffinity": 2,
    }  # fmt: skip


def test_every_plugin_that_decides_has_a_quick_form(world: Any) -> None:
    """Teaches: one plugin that is asked node by node sends every Pod the slow way."""
    deciding = (FilterPlugin, ScorePlugin, PreFilterPlugin, PreScorePlugin)
    plugins = [plugin for plugin in world([]).framework.plugins if isinstance(plugin, deciding)]
    assert all(plugin.node_local or columns_of(plugin) for plugin in plugins)
