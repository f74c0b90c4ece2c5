"""Process 1 of each container: when it ends, with which code, and what it uses meanwhile.

A running container is at most two timers: its own exit, and the moment at which its memory passes its limit, when
the kernel kills it (exit code 137, reason OOMKilled). Both are known when it starts, since behaviours are data; what
requests add is looked at when one is answered. Upstream: containerd's shims, the kernel's memory cgroups.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from kubesim.api.quantity import milli, value
from kubesim.kubelet.runtime.cri import Container, ContainerState, CriError
from kubesim.sim import Clock, Simulation

NANOSECONDS_PER_SECOND = 1_000_000_000
EXIT_CODE_KILLED = 137
EXIT_CODE_LOST = 255
ENDING_SIGNALS = (2, 3, 15)  # SIGINT, SIGQUIT, SIGTERM.
OOM_KILLED = "OOMKilled"
OOM_SECONDS_MIN = 0.05  # It has to begin before it can use too much.
RATE_SECONDS = 30  # Over which requests per second are measured.


@dataclass(slots=True)
class Process:
    """A running container's future: the timers of its ends, and who waits for its end."""

    exit_timer: asyncio.TimerHandle | None = None
    oom_timer: asyncio.TimerHandle | None = None
    ended: asyncio.Future[None] | None = None


class Processes:
    """The processes of one machine. `tell` hears of each that starts or ends; `jitter` is for what takes a while."""

    def __init__(self, sim: Simulation, tell: Callable[[Container], None], jitter: Random) -> None:
        self._sim = sim
        self._tell = tell
        self._jitter = jitter
        self._processes: dict[str, Process] = {}
        self._ending: dict[str, asyncio.TimerHandle] = {}  # Those that were told to end from inside.

    def start(self, container: Container) -> None:
        """It runs from now on."""
        behaviour, clock, loop = container.behaviour, self._sim.clock, self._sim.loop
        container.state = ContainerState.RUNNING
        container.started_at, container.started_ns = clock.timestamp(), clock.now_ns()
        too_much = self._seconds_until_oom(container)
        if behaviour.exits_by_itself(container.attempt) and (
            too_much is None or (behaviour.run_seconds or 0) <= too_much
        ):
            if not behaviour.run_seconds:
                self._exit_by_itself(container)  # Over before anybody looked: nobody ever sees it run.
                return
            timer = loop.call_later(behaviour.run_seconds, self._exit_by_itself, container)
            self._processes[container.id] = Process(timer)
        elif too_much is not None:
            timer = loop.call_later(max(too_much, OOM_SECONDS_MIN), self._out_of_memory, container)
            self._processes[container.id] = Process(oom_timer=timer)
        self._tell(container)

    def limits_changed(self, container: Container) -> None:
        """Its limit of memory is another one: the kernel kills at another moment, or never."""
        process = self._processes.setdefault(container.id, Process())
        if process.oom_timer is not None:
            process.oom_timer.cancel()
            process.oom_timer = None
        seconds = self._seconds_until_oom(container)
        if seconds is not None:
            age_seconds = (self._sim.clock.now_ns() - container.started_ns) / NANOSECONDS_PER_SECOND
            left = max(seconds - age_seconds, OOM_SECONDS_MIN)
            process.oom_timer = self._sim.loop.call_later(left, self._out_of_memory, container)

    async def stop(self, container: Container, timeout_seconds: float) -> None:
        """SIGTERM, and SIGKILL after `timeout_seconds`; returns when it has ended."""
        behaviour = container.behaviour
        stop_seconds = behaviour.stop_seconds
        if stop_seconds is not None and behaviour.stop_jitter_seconds:
            stop_seconds += self._jitter.uniform(0, behaviour.stop_jitter_seconds)
        if stop_signal(container) == "SIGKILL":
            stop_seconds, timeout_seconds = None, 0.0
        killed = stop_seconds is None or stop_seconds > timeout_seconds
        process = self._processes.setdefault(container.id, Process())
        if process.ended is None:
            process.ended = self._sim.loop.create_future()
        code = EXIT_CODE_KILLED if killed else behaviour.stop_exit_code
        wait_seconds = timeout_seconds if killed or stop_seconds is None else stop_seconds
        timer = self._sim.loop.call_later(wait_seconds, self.exit, container, code, "", "")
        told = False
        try:
            await asyncio.shield(process.ended)
        except CriError:
            told = not killed  # The daemon died, but the process heard of SIGTERM and will end.
            raise
        finally:
            if not told:
                timer.cancel()

    def signal(self, container: Container, number: int) -> None:
        """A signal from inside: SIGKILL and SIGSTOP do not reach process 1, SIGHUP and the like are for reloading."""
        behaviour = container.behaviour
        if number not in ENDING_SIGNALS or behaviour.stop_seconds is None or container.id in self._ending:
            return
        if container.state is ContainerState.RUNNING:
            code = behaviour.stop_exit_code
            timer = self._sim.loop.call_later(behaviour.stop_seconds, self.exit, container, code, "", "")
            self._ending[container.id] = timer

    def exit(self, container: Container, code: int, reason: str, message: str) -> None:
        """It ends now; nothing happens if it has ended before."""
        if container.state is not ContainerState.RUNNING:
            return
        end(container, self._sim.clock, code, reason or ("Completed" if code == 0 else "Error"), message)
        self.forget(container)
        self._tell(container)

    def forget(self, container: Container) -> None:
        """No timer of it may fire any more, and nobody waits for its end."""
        ending = self._ending.pop(container.id, None)
        if ending is not None:
            ending.cancel()
        process = self._processes.pop(container.id, None)
        if process is None:
            return
        for timer in (process.exit_timer, process.oom_timer):
            if timer is not None:
                timer.cancel()
        if process.ended is not None and not process.ended.done():
            process.ended.set_result(None)

    def drop_all(self) -> None:
        """The machine has no power any more."""
        for ending in self._ending.values():
            ending.cancel()
        self._ending.clear()
        for process in self._processes.values():
            for timer in (process.exit_timer, process.oom_timer):
                if timer is not None:
                    timer.cancel()
        self._processes.clear()

    def fail_stops(self, error: CriError) -> None:
        """The daemon died: whoever waits for the end of a container hears that."""
        for process in self._processes.values():
            if process.ended is not None and not process.ended.done():
                process.ended.set_exception(error)
                process.ended.exception()  # Somebody may have stopped waiting; that is fine.
            process.ended = None

    # -- what it uses ---------------------------------------------------------------------------------

    def usage(self, container: Container) -> tuple[int, int]:
        """Thousandths of a core and bytes now; never more than its limits."""
        behaviour = container.behaviour
        now_ns = self._sim.clock.now_ns()
        workload = container.workload
        seconds = (now_ns - container.started_ns) / NANOSECONDS_PER_SECOND
        cpu, memory = workload.usage(seconds) if workload is not None else behaviour.usage_at(seconds)
        if behaviour.request_cpu_milliseconds:
            cpu += round(self._rate(container, now_ns) * behaviour.request_cpu_milliseconds)
        memory += container.requests * behaviour.request_leak_bytes
        cpu_limit, memory_limit = limit_of(container, "cpu"), limit_of(container, "memory")
        return cpu if cpu_limit is None else min(cpu, cpu_limit), (
            memory if memory_limit is None else min(memory, memory_limit)
        )

    def count_request(self, container: Container) -> None:
        """It has answered a request."""
        behaviour, now_ns = container.behaviour, self._sim.clock.now_ns()
        container.requests += 1
        if behaviour.request_cpu_milliseconds:
            second = now_ns // NANOSECONDS_PER_SECOND
            container.request_seconds[second] = container.request_seconds.get(second, 0) + 1
        last = behaviour.exit_after_requests
        if last is not None and container.requests >= last:
            self._sim.loop.call_soon(self._exit_by_itself, container)  # The answer is sent first.
        elif behaviour.request_leak_bytes:
            limit = limit_of(container, "memory")
            if limit is not None and self._memory(container, now_ns) > limit:
                self._sim.loop.call_soon(self._out_of_memory, container)

    def _rate(self, container: Container, now_ns: int) -> float:
        """Requests a second, lately."""
        since = now_ns // NANOSECONDS_PER_SECOND - RATE_SECONDS
        for second in [second for second in container.request_seconds if second < since]:
            del container.request_seconds[second]
        age_seconds = (now_ns - container.started_ns) / NANOSECONDS_PER_SECOND
        return sum(container.request_seconds.values()) / max(1.0, min(RATE_SECONDS, age_seconds))

    def _memory(self, container: Container, now_ns: int) -> int:
        behaviour = container.behaviour
        age_seconds = (now_ns - container.started_ns) / NANOSECONDS_PER_SECOND
        return behaviour.usage_at(age_seconds)[1] + container.requests * behaviour.request_leak_bytes

    def _seconds_until_oom(self, container: Container) -> float | None:
        limit = limit_of(container, "memory")
        return None if limit is None else container.behaviour.seconds_until(limit)

    def _out_of_memory(self, container: Container) -> None:
        self.exit(container, EXIT_CODE_KILLED, OOM_KILLED, "")

    def _exit_by_itself(self, container: Container) -> None:
        behaviour = container.behaviour
        self.exit(container, behaviour.exit_code, behaviour.reason, behaviour.message)


def end(container: Container, clock: Clock, code: int, reason: str, message: str) -> None:
    """Writes down how it ended."""
    container.state = ContainerState.EXITED
    container.finished_at, container.finished_ns = clock.timestamp(), clock.now_ns()
    container.exit_code, container.reason, container.message = code, reason, message


def stop_signal(container: Container) -> str:
    """The signal that asks it to end, if its Pod says another one than its image."""
    spec = container.spec
    return "" if spec is None or spec.lifecycle is None else spec.lifecycle.stop_signal


def limit_of(container: Container, resource: str) -> int | None:
    """The limit of a container: thousandths of a core, or bytes; None: as much as there is."""
    spec = container.spec
    if spec is None or spec.resources is None or not spec.resources.limits:
        return None
    quantity = spec.resources.limits.get(resource)
    if quantity is None:
        return None
    return milli(quantity) if resource == "cpu" else value(quantity)
