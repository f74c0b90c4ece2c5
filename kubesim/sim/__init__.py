"""Time, chance and trouble: what a simulated world is made of. Uses nothing else of kubesim."""

from kubesim.sim.chance import Chance
from kubesim.sim.clock import Clock, parse_timestamp
from kubesim.sim.errors import DeadlockError, LivelockError, SimulationError, StalledError
from kubesim.sim.faults import Faults, UnknownTargetError
from kubesim.sim.handover import Handover
from kubesim.sim.host import Host, Process, State
from kubesim.sim.loop import Mode, SimLoop
from kubesim.sim.network import Network, NetworkError
from kubesim.sim.simulation import Simulation, run
from kubesim.sim.tasks import Tasks, next_turn
from kubesim.sim.trace import CAUSES, Cause, Origin, Record, Trace, because, merge_causes

__all__ = [
    "CAUSES",
    "Cause",
    "Chance",
    "Clock",
    "DeadlockError",
    "Faults",
    "Handover",
    "Host",
    "LivelockError",
    "Mode",
    "Network",
    "NetworkError",
    "Origin",
    "Process",
    "Record",
    "SimLoop",
    "Simulation",
    "SimulationError",
    "StalledError",
    "State",
    "Tasks",
    "Trace",
    "UnknownTargetError",
    "because",
    "merge_causes",
    "next_turn",
    "parse_timestamp",
    "run",
]
