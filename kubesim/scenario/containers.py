"""What containers do, as a scenario file says it, and the same in the runtime's own terms."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from kubesim.api.quantity import milli, value
from kubesim.kubelet import Behaviour
from kubesim.kubelet.runtime.model import Answer, Dependency, LogLine, Usage
from kubesim.scenario.model import Model
from kubesim.scenario.values import Quantity, Seconds


class UsagePoint(Model):
    """What a container uses from some time on."""

    after: Seconds = Field(description="Since the container began.")
    cpu: Quantity = Field("10m", description="CPU, as a quantity.")
    memory: Quantity | None = Field(None, description="Memory, as a quantity; absent: as before all points.")
    ramp: bool = Field(False, description="It got there evenly from the point before, not in a step.")


class HttpAnswer(Model):
    """What a container answers to HTTP requests."""

    path: str = Field("/", description="Requests whose path begins so; the longest match counts.")
    code: int = Field(200, ge=100, le=599, description="The status code.")
    body: str = Field("", description="The body.")
    content_type: str = Field("text/plain; charset=utf-8", description="Its type.")
    after: Seconds = Field(0, description="From when on, since the container began.")
    until: Seconds | None = Field(None, description="Until when; absent: to the end.")
    port: int | None = Field(None, description="At which port; absent: at every one.")
    every: int = Field(1, ge=1, description="Only every so many-th request: an error now and then.")


class OutputLine(Model):
    """A line that a container prints."""

    text: str = Field(description="The line.")
    after: Seconds = Field(0, description="Since the container began.")
    every: Seconds | None = Field(None, description="Again and again; absent: once.")
    stderr: bool = Field(False, description="On standard error.")
    dated: bool = Field(False, description="strftime's signs in the text are replaced by the virtual date.")


class Needs(Model):
    """A Service that a container depends on."""

    service: str = Field(description="`db` or `db.namespace`.")
    otherwise: Literal["unready", "exit"] = Field("unready", description="What it does while that has no endpoint.")
    patience: Seconds = Field(0, description="For `exit`: how long it tries.")
    exit_code: int = Field(1, ge=0, le=255, description="For `exit`.")


class ContainerBehavior(Model):
    """What the containers of one image do."""

    start_delay: Seconds = Field(0.2, description="From create to running.")
    start_jitter: Seconds = Field(0, description="Up to so much more, by chance.")
    start_error: str = Field("", description="Why its program cannot be started at all.")
    runs_for: Seconds | None = Field(None, description="It exits by itself after this long; absent: never.")
    exit_after_requests: int | None = Field(None, ge=1, description="It exits when it has answered so many requests.")
    exit_code: int = Field(0, ge=0, le=255, description="With which it exits by itself.")
    fails: int | None = Field(None, ge=0, description="Only the first so many starts exit; absent: every one.")
    message: str = Field("", description="The termination message when it exits by itself.")
    ready_after: Seconds = Field(0, description="Readiness probes fail until then.")
    ready_for: Seconds | None = Field(None, description="Readiness probes fail from here on; absent: never.")
    healthy_for: Seconds | None = Field(None, description="Liveness probes fail after this long; absent: never.")
    answer_time: Seconds = Field(0, description="How long it takes to answer.")
    stop_time: Seconds = Field(0.1, description="From SIGTERM to the exit.")
    stop_exit_code: int = Field(0, ge=0, le=255, description="With which it exits after SIGTERM.")
    ignores_sigterm: bool = Field(False, description="It waits for SIGKILL.")
    cpu: Quantity = Field("10m", description="CPU that it uses.")
    memory: Quantity = Field("20Mi", description="Memory that it uses; above its limit it is killed.")
    usage: list[UsagePoint] = Field(default_factory=list, description="How that changes with time.")
    leak: Quantity = Field(0, description="Memory that is lost every second.")
    request_cpu: Seconds = Field(0, description="CPU time that one request costs.")
    request_leak: Quantity = Field(0, description="Memory that is lost with every request.")
    disk: Quantity = Field(0, description="What it writes to the node's disk as it begins.")
    disk_growth: Quantity = Field(0, description="What it writes every second.")
    disk_volume: str = Field("", description="The emptyDir that it writes to; absent: its own layer.")
    forks: float = Field(0, ge=0, description="Processes that it starts every second and that never end.")
    http: list[HttpAnswer] = Field(default_factory=list, description="What it answers; absent: what its image does.")
    log: list[OutputLine] = Field(default_factory=list, description="What it prints; absent: what its image does.")
    needs: list[Needs] = Field(default_factory=list, description="Services that it depends on.")

    @model_validator(mode="after")
    def _in_order(self) -> ContainerBehavior:
        times = [point.after for point in self.usage]
        if times != sorted(set(times)):
            raise ValueError("the points of usage are in order of time, each later than the one before")
        return self


def behaviour(found: ContainerBehavior) -> Behaviour:
    """What a container does, in the runtime's own terms."""
    return Behaviour(
        start_seconds=found.start_delay,
        start_jitter_seconds=found.start_jitter,
        start_error=found.start_error,
        run_seconds=found.runs_for,
        exit_after_requests=found.exit_after_requests,
        exit_code=found.exit_code,
        failures=found.fails,
        message=found.message,
        ready_after_seconds=found.ready_after,
        ready_for_seconds=found.ready_for,
        live_for_seconds=found.healthy_for,
        answer_seconds=found.answer_time,
        stop_seconds=None if found.ignores_sigterm else found.stop_time,
        stop_exit_code=found.stop_exit_code,
        cpu_milli=milli(found.cpu),
        memory_bytes=value(found.memory),
        usage=tuple(
            Usage(point.after, milli(point.cpu), None if point.memory is None else value(point.memory), point.ramp)
            for point in found.usage
        ),
        leak_bytes_per_second=value(found.leak),
        request_cpu_milliseconds=found.request_cpu * 1000,
        request_leak_bytes=value(found.request_leak),
        disk_bytes=value(found.disk),
        disk_bytes_per_second=value(found.disk_growth),
        disk_volume=found.disk_volume,
        processes_per_second=found.forks,
        http=tuple(
            Answer(each.path, each.code, each.body, each.content_type, each.after, each.until, each.port, each.every)
            for each in found.http
        ),
        depends_on=tuple(
            Dependency(each.service, each.otherwise, each.patience, each.exit_code) for each in found.needs
        ),
        log=tuple(
            LogLine(each.text, each.after, each.every, 2 if each.stderr else 1, each.dated) for each in found.log
        ),
    )
