"""Startup, readiness and liveness probes: asks each container again and again, and tells when its mind changed.

Upstream has a goroutine per probe, ticking from the moment the Pod was admitted (after a restart of the
kubelet: from a random part of a period). A readiness probe is also asked at once when its container has
started, and ticks from there. An answer that changes nothing costs one timer and no request.
Upstream: pkg/kubelet/prober/worker.go, prober_manager.go, prober.go. Left out: probes of ports by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from kubesim.api.views import Probe
from kubesim.kubelet.http_probe import http_failure
from kubesim.kubelet.pod_events import PodEvents
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.probe_words import failure_words
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime
from kubesim.sim import Simulation, because

NANOSECONDS_PER_SECOND = 1_000_000_000
STARTUP, READINESS, LIVENESS = "startup", "readiness", "liveness"
OnChange = Callable[[PodState], None]


@dataclass(slots=True, eq=False)
class Prober:
    """One probe of one running container."""

    pod: PodState
    container: Container
    kind: str
    probe: Probe
    timer: asyncio.TimerHandle | None = None
    successes: int = 0  # In a row.
    failures: int = 0
    output: str = ""  # Of the program that it ran last.

    @property
    def period_ns(self) -> int:
        """How often it asks."""
        return (self.probe.period_seconds or 10) * NANOSECONDS_PER_SECOND

    def count(self, *, succeeded: bool) -> bool | None:
        """Counts an answer; the probe's opinion if there were enough of its kind in a row, else None."""
        if succeeded:
            self.successes, self.failures = self.successes + 1, 0
            return True if self.successes >= (self.probe.success_threshold or 1) else None
        self.successes, self.failures = 0, self.failures + 1
        return False if self.failures >= (self.probe.failure_threshold or 3) else None


class ProbeManager:
    """The probes of all containers of one kubelet.

    `on_readiness` is called when a container became ready or unready, `on_attention` when the Pod must be
    looked at (a container is to be restarted, or has started up).
    """

    def __init__(
        self, sim: Simulation, runtime: ContainerRuntime, events: PodEvents, random: Random, *,
        on_readiness: OnChange, on_attention: OnChange,
    ) -> None:  # fmt: skip
        self._sim = sim
        self._runtime = runtime
        self._events = events
        self._random = random
        self._on_readiness = on_readiness
        self._on_attention = on_attention
        self._probers: dict[str, list[Prober]] = {}  # By Pod UID.
        self._began_ns = sim.clock.now_ns()

    def container_started(self, pod: PodState, container: Container) -> None:
        """Begins to ask, if the container has probes."""
        everything = (*pod.spec.init_containers, *pod.spec.containers, *pod.spec.ephemeral_containers)
        spec = next(each for each in everything if each.name == container.name)
        probes = {STARTUP: spec.startup_probe, READINESS: spec.readiness_probe, LIVENESS: spec.liveness_probe}
        for kind, probe in probes.items():
            if probe is None:
                continue
            if kind != LIVENESS:
                known = container.started_ns < self._began_ns and self._known(pod, spec.name, kind)
                (pod.started if kind == STARTUP else pod.ready)[spec.name] = known
            prober = Prober(pod, container, kind, probe)
            self._probers.setdefault(pod.uid, []).append(prober)
            if kind == READINESS and not any(self._ask(prober)):
                self._tick(prober)  # Ready in the same status that says it runs.
            else:
                self._set_timer(prober, self._first_ns(prober))

    def container_ended(self, pod: PodState, container: Container) -> None:
        """Stops asking."""
        for prober in self._take(pod, lambda prober: prober.container is container):
            if prober.kind == READINESS:
                pod.ready[container.name] = False
            elif prober.kind == STARTUP:
                pod.started[container.name] = False
        pod.failed_probes.pop(container.id, None)

    def pod_ends(self, pod: PodState) -> None:
        """The Pod is terminating: nothing of it is restarted any more, but readiness still counts."""
        self._take(pod, lambda prober: prober.kind != READINESS)

    def remove(self, pod: PodState) -> None:
        """The Pod has ended."""
        self._take(pod, lambda _: True)

    def stop(self) -> None:
        """The kubelet ends."""
        for probers in self._probers.values():
            for prober in probers:
                if prober.timer is not None:
                    prober.timer.cancel()
        self._probers.clear()

    def _known(self, pod: PodState, name: str, kind: str) -> bool:
        """What the API knows of a container that ran before this kubelet began."""
        statuses = (*pod.status.get("initContainerStatuses", ()), *pod.status.get("containerStatuses", ()))
        field = "started" if kind == STARTUP else "ready"
        return any(status["name"] == name and status.get(field, False) for status in statuses)

    # -- asking ---------------------------------------------------------------------------------------

    def _first_ns(self, prober: Prober) -> int:
        """When it asks first: readiness at once, others at the next tick since the Pod was admitted."""
        now_ns, period_ns = self._sim.clock.now_ns(), prober.period_ns
        if prober.kind == READINESS:
            return now_ns
        origin_ns = prober.pod.admitted_ns
        if origin_ns - self._began_ns < period_ns and prober.container.started_ns < self._began_ns:
            return now_ns + int(self._random.random() * period_ns)
        return now_ns + (origin_ns - now_ns) % period_ns

    def _tick(self, prober: Prober) -> None:
        self._set_timer(prober, self._sim.clock.now_ns() + prober.period_ns)
        age_ns = self._sim.clock.now_ns() - prober.container.started_ns
        if age_ns < prober.probe.initial_delay_seconds * NANOSECONDS_PER_SECOND:
            return
        started = prober.pod.started.get(prober.container.name, True)
        if started == (prober.kind == STARTUP):
            return  # Before it has started up only the startup probe asks, afterwards only the others.
        if prober.probe.exec is not None and not self._runtime.is_up:
            self._say_errored(prober)
            return
        failed, timed_out = self._ask(prober)
        with because(f"timer kubelet/{prober.kind}-probe {prober.pod.stored.key}"):
            if failed or timed_out:
                self._say_unhealthy(prober, timed_out=timed_out)
            opinion = prober.count(succeeded=not (failed or timed_out))
            if opinion is not None:
                self._believe(prober, opinion)

    def _ask(self, prober: Prober) -> tuple[bool, bool]:
        """Whether the container says no, and whether it answers too late."""
        failed = self._runtime.probe_failure(prober.container, prober.kind, self._sim.clock.now_ns())
        seconds, prober.output = prober.container.behaviour.answer_seconds, ""
        if prober.probe.exec is not None and not failed and self._runtime.emits_events:
            ran = self._runtime.exec_sync(prober.container, prober.probe.exec.command)
            if ran is not None:
                failed, seconds, prober.output = ran.code != 0, seconds + ran.seconds, ran.output
        if prober.probe.http_get is not None and not failed and self._runtime.emits_events:
            sandbox = self._runtime.pod_status(prober.pod.uid).sandbox()
            address = sandbox.ip if sandbox is not None else ""
            action, name = prober.probe.http_get, prober.pod.stored.name
            prober.output = http_failure(self._runtime, prober.container, action, address, name)
            failed = bool(prober.output)
        return failed, seconds > (prober.probe.timeout_seconds or 1)

    def _believe(self, prober: Prober, opinion: bool) -> None:
        """Acts upon an opinion that a probe has now."""
        pod, name = prober.pod, prober.container.name
        if prober.kind == READINESS:
            if pod.ready.get(name) != opinion:
                pod.ready[name] = opinion
                self._on_readiness(pod)
        elif not opinion:
            prober.failures = 0
            pod.failed_probes[prober.container.id] = prober.kind
            self._take(pod, lambda other: other.container is prober.container and other.kind != READINESS)
            self._on_attention(pod)
        elif prober.kind == STARTUP:
            pod.started[name] = True
            for other in self._probers.get(pod.uid, ()):
                if other.container is prober.container and other.kind == READINESS:
                    self._set_timer(other, self._sim.clock.now_ns())
            self._take(pod, lambda other: other is prober)
            self._on_readiness(pod)
            self._on_attention(pod)

    def _say_unhealthy(self, prober: Prober, *, timed_out: bool) -> None:
        sandbox = self._runtime.pod_status(prober.pod.uid).sandbox()
        spec = prober.pod.spec
        name = prober.container.name
        ports = next((each.ports for each in (*spec.containers, *spec.init_containers) if each.name == name), ())
        age_seconds = self._age_seconds(prober)
        words = prober.output
        if timed_out or not words:
            words = failure_words(prober.probe, prober.kind, prober.container, ports, sandbox, age_seconds, timed_out)
        message = f"{prober.kind.capitalize()} probe failed: {words}"
        self._events.warning(prober.pod, prober.container.name, "Unhealthy", message)

    def _say_errored(self, prober: Prober) -> None:
        """A program cannot be run in the container: that is no answer, and changes nothing."""
        words = (
            'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix '
            f'{self._runtime.socket}: connect: connection refused"'
        )
        message = f"{prober.kind.capitalize()} probe errored and resulted in unknown state: {words}"
        self._events.warning(prober.pod, prober.container.name, "Unhealthy", message)

    def _age_seconds(self, prober: Prober) -> float:
        return (self._sim.clock.now_ns() - prober.container.started_ns) / NANOSECONDS_PER_SECOND

    def _set_timer(self, prober: Prober, when_ns: int) -> None:
        if prober.timer is not None:
            prober.timer.cancel()
        prober.timer = self._sim.loop.call_at_ns(when_ns, self._tick, prober)

    def _take(self, pod: PodState, matches: Callable[[Prober], bool]) -> list[Prober]:
        """Removes the Pod's probers that match, and returns them."""
        probers = self._probers.get(pod.uid)
        if not probers:
            return []
        taken = [prober for prober in probers if matches(prober)]
        for prober in taken:
            if prober.timer is not None:
                prober.timer.cancel()
        kept = [prober for prober in probers if prober not in taken]
        if kept:
            self._probers[pod.uid] = kept
        else:
            del self._probers[pod.uid]
        return taken
