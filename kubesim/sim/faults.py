"""The fault verbs: every trouble enters a simulation here.

crash, stop, restart, pause, resume: a host or a process. skew: the clock of a host. partition, repair, hold,
release, slow, drop: a link, both ways unless said. Every verb writes a `fault` record into the trace and is
the cause of what it sets off.
"""

from __future__ import annotations

import asyncio

from kubesim.sim.host import Host, Process
from kubesim.sim.network import ANY, Network
from kubesim.sim.trace import Trace, because


class UnknownTargetError(LookupError):
    """A fault names something that does not exist; the message lists what does."""

    def __init__(self, name: str, known: list[str]) -> None:
        self.name = name
        super().__init__(f'there is no "{name}" to act upon; there is {", ".join(known) or "nothing"}')


class Faults:
    """Acts upon the hosts, processes and links of one simulation."""

    def __init__(self, network: Network, trace: Trace) -> None:
        self._network = network
        self._trace = trace
        self.hosts: dict[str, Host] = {}

    def targets(self) -> list[str]:
        """Every name that a verb accepts, sorted."""
        return sorted({*self.hosts, *(name for host in self.hosts.values() for name in host.processes)})

    def crash(self, name: str) -> None:
        """Kills a host or a process: no goodbye, nobody is told."""
        target = self.find(name)
        self._say("crash", name)
        target.crash()

    async def stop(self, name: str) -> None:
        """Ends a host or a process in good order."""
        target = self.find(name)
        self._say("stop", name)
        with because(f"fault stop {name}"):
            await target.stop()

    def restart(self, name: str) -> None:
        """Starts a host or a process again after it crashed or was stopped."""
        target = self.find(name)
        self._say("restart", name)
        with because(f"fault restart {name}"):
            target.start()

    def pause(self, name: str) -> None:
        """A host or a process freezes: nothing it says leaves it and nothing reaches it, until `resume`.

        What it does inside goes on; the others cannot tell.
        """
        self.find(name)
        self._say("pause", name)
        self._hold([(name, ANY), (ANY, name)])

    def resume(self, name: str) -> None:
        """What was said meanwhile arrives, in both directions."""
        self.find(name)
        self._say("resume", name)
        self._release([(name, ANY), (ANY, name)])

    def skew(self, host: str, seconds: float) -> None:
        """The clock of a host is `seconds` ahead of the true time (negative: behind); 0 sets it right."""
        if host not in self.hosts:
            raise UnknownTargetError(host, sorted(self.hosts))
        self._say("skew", host, seconds=seconds)
        self.hosts[host].clock.set_skew(seconds)

    def partition(self, source: str, target: str, *, one_way: bool = False) -> None:
        """Messages from `source` to `target` are lost from here on, and back, unless `one_way`."""
        directions = self._directions(source, target, one_way)
        self._say("partition", source, target=target, one_way=one_way)
        for a, b in directions:
            self._network.link(a, b).partitioned = True
        self._network.tidy()

    def repair(self, source: str, target: str) -> None:
        """Undoes every rule between the two, in both directions; held messages arrive."""
        self.release(source, target)
        self._say("repair", source, target=target)
        for a, b in self._directions(source, target, False):
            link = self._network.link(a, b)
            link.partitioned, link.loss, link.latency_seconds = False, 0.0, 0.0
        self._network.tidy()

    def hold(self, source: str, target: str, *, one_way: bool = False) -> None:
        """Messages wait on the way until `release`."""
        directions = self._directions(source, target, one_way)
        self._say("hold", source, target=target, one_way=one_way)
        self._hold(directions)

    def release(self, source: str, target: str) -> None:
        """Held messages arrive, in the order in which they were sent."""
        for a, b in self._release(self._directions(source, target, False)):
            self._say("release", a, target=b)

    def slow(self, source: str, target: str, latency_seconds: float, *, one_way: bool = False) -> None:
        """Every message takes `latency_seconds` longer."""
        directions = self._directions(source, target, one_way)
        self._say("slow", source, target=target, latency_seconds=latency_seconds, one_way=one_way)
        for a, b in directions:
            self._network.link(a, b).latency_seconds = latency_seconds
        self._network.tidy()

    def drop(self, source: str, target: str, probability: float, *, one_way: bool = False) -> None:
        """A message is lost with `probability` (0 to 1)."""
        directions = self._directions(source, target, one_way)
        self._say("drop", source, target=target, probability=probability, one_way=one_way)
        for a, b in directions:
            self._network.link(a, b).loss = probability
        self._network.tidy()

    def find(self, name: str) -> Host | Process:
        """The host or process called `name`; UnknownTargetError if there is none."""
        if name in self.hosts:
            return self.hosts[name]
        for host in self.hosts.values():
            if name in host.processes:
                return host.processes[name]
        raise UnknownTargetError(name, self.targets())

    def _hold(self, directions: list[tuple[str, str]]) -> None:
        for a, b in directions:
            link = self._network.link(a, b)
            link.held = link.held or asyncio.get_running_loop().create_future()
        self._network.tidy()

    def _release(self, directions: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Lets everything go that is held in these directions; the result is where that was anything."""
        freed = []
        for a, b in directions:
            link = self._network.link(a, b)
            held, link.held = link.held, None
            if held is not None:
                held.set_result(None)
                freed.append((a, b))
        self._network.tidy()
        return freed

    def _directions(self, source: str, target: str, one_way: bool) -> list[tuple[str, str]]:
        for name in (source, target):
            if name != "*":
                self.find(name)
        return [(source, target)] if one_way else [(source, target), (target, source)]

    def _say(self, verb: str, name: str, **fields: object) -> None:
        self._trace.emit("fault", verb=verb, name=name, **fields)
