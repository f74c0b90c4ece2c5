"""Plays a scenario's steps on the cluster that is served, one scenario at a time; the log tells it.

Its time begins now and passes at the cluster's speed. What it finds is what the cluster holds, so a scenario may
well fail on a cluster that is not the one it describes: `kubesim start --scenario` makes that one.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import ConflictError
from kubesim.cluster import SimCluster
from kubesim.scenario import Line, Loaded, ScenarioError
from kubesim.scenario.runner import ScenarioRun
from kubesim.service.log import Log
from kubesim.sim import SimulationError
from kubesim.waiting import NotReachedError


class Player:
    """Plays scenarios on one cluster."""

    def __init__(self, cluster: SimCluster, log: Log) -> None:
        self._cluster = cluster
        self._log = log
        self._playing = ""

    async def play(self, loaded: Loaded) -> dict[str, Any]:
        """What came of it: whether all expectations hold, and each of them. ConflictError while another one plays."""
        name = loaded.scenario.metadata.name
        if self._playing:
            raise ConflictError(f'the scenario "{self._playing}" is being played; one at a time')
        self._playing = name
        try:
            self._log.write("scenario_begins", scenario=name)
            run = ScenarioRun(loaded, self._told, cluster=self._cluster)
            result = await run.play()
            self._log.write("scenario_ends", scenario=name, ok=result.ok)
        finally:
            self._playing = ""
        expectations = [{"expectation": entry.text, "verdict": entry.verdict.value} for entry in result.judged]
        return {"scenario": name, "held": result.ok, "seconds": round(result.seconds, 3), "expectations": expectations}

    async def play_first(self, loaded: Loaded) -> None:
        """The scenario that a cluster was started with; its failure is told in the log and ends nothing."""
        try:
            await self.play(loaded)
        except (ScenarioError, NotReachedError, SimulationError) as error:
            self._log.write("scenario_failed", scenario=loaded.scenario.metadata.name, error=str(error))

    def _told(self, line: Line) -> None:
        self._log.write("scenario", seconds=round(line.seconds, 3), who=line.actor or "-", text=line.text)
