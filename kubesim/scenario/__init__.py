"""Scenarios: what a teacher writes down, run on a simulated cluster, told as a timeline, and judged."""

from kubesim.scenario.expectations import Counted, Judged, Verdict
from kubesim.scenario.library import find_scenario, library, load_library
from kubesim.scenario.load import Loaded, ScenarioError, load_scenario
from kubesim.scenario.narrator import Line, Narrator
from kubesim.scenario.runner import RunResult, run_scenario
from kubesim.scenario.schema import Scenario

__all__ = [
    "Counted",
    "Judged",
    "Line",
    "Loaded",
    "Narrator",
    "RunResult",
    "Scenario",
    "ScenarioError",
    "Verdict",
    "find_scenario",
    "library",
    "load_library",
    "load_scenario",
    "run_scenario",
]
