"""A simulated cluster from a real one: nodes as they are, workloads with their Pods where they run, no secrets."""

from kubesim.importing.assembling import World, assemble
from kubesim.importing.errors import ImportingError
from kubesim.importing.fetching import fetch
from kubesim.importing.folder import write_scenario
from kubesim.importing.reading import read_objects

__all__ = ["ImportingError", "World", "assemble", "fetch", "read_objects", "write_scenario"]
