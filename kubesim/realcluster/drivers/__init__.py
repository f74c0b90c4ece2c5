"""Node drivers: how the faults of a scenario are made on machines that are not simulated."""

from kubesim.realcluster.drivers.choosing import DRIVERS, choose
from kubesim.realcluster.drivers.driver import CommandFailedError, Driver, Operation, Templates, operations, undo_of

__all__ = ["CommandFailedError", "DRIVERS", "Driver", "Operation", "Templates", "choose", "operations", "undo_of"]
