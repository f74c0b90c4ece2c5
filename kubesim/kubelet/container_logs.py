"""`containerLogs`: which container's log is meant, and the part of it that is asked for.

Upstream: validateContainerLogStatus in pkg/kubelet/kubelet_pods.go, and k8s.io/cri-client/pkg/logs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from kubesim.api.kubelet_call import KubeletError
from kubesim.api.session import STDERR, STDOUT, Session
from kubesim.kubelet.runtime.cri import Container, ContainerRuntime, ContainerState
from kubesim.kubelet.runtime.log import ContainerLog, Entry
from kubesim.sim import Clock
from kubesim.sim.clock import format_seconds, parse_timestamp_ns

NANOSECONDS_PER_SECOND = 1_000_000_000
STREAMS = {"Stdout": STDOUT, "Stderr": STDERR}
BAD_REQUEST = 400

Status = dict[str, Any]
Options = dict[str, Any]


def container_id(pod: str, status: Status, name: str, *, previous: bool) -> str:
    """The id of the container whose log is meant; KubeletError if there is no log to show."""
    fields = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    entries = [entry for field in fields for entry in status.get(field) or () if entry["name"] == name]
    if not entries:
        raise KubeletError(BAD_REQUEST, f'container "{name}" in pod "{pod}" is not available')
    entry = entries[0]
    state = entry.get("state") or {}
    last = (entry.get("lastState") or {}).get("terminated") or {}
    last_id = str(last.get("containerID") or "")
    if previous:
        if not last_id:
            raise KubeletError(BAD_REQUEST, f'previous terminated container "{name}" in pod "{pod}" not found')
        return last_id
    if "running" in state:
        return str(entry["containerID"])
    found = str((state.get("terminated") or {}).get("containerID") or "") or last_id
    if found:
        return found
    if "terminated" in state or last:
        raise KubeletError(BAD_REQUEST, f'container "{name}" in pod "{pod}" is terminated')
    reason = (state.get("waiting") or {}).get("reason", "")
    why = {
        "ErrImagePull": ": image can't be pulled",
        "ImagePullBackOff": ": trying and failing to pull image",
        "": " - no logs yet",
    }.get(reason, f": {reason}")
    raise KubeletError(BAD_REQUEST, f'container "{name}" in pod "{pod}" is waiting to start{why}')


class LogReader:
    """Sends one log, and what comes to it."""

    def __init__(
        self, clock: Clock, runtime: ContainerRuntime, container: Container, read: Callable[[], ContainerLog],
        options: Options,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._runtime = runtime
        self._container = container
        self._read = read
        self._timestamps = bool(options.get("timestamps"))
        self._stream = STREAMS.get(options.get("stream", ""))
        self._since_ns = since_ns(options, clock.unix_ns())
        self._tail: int | None = options.get("tailLines")
        self._left: int | None = options.get("limitBytes")
        self._seen = 0  # How many lines were sent or skipped, rotated ones included.
        self._wake: asyncio.Future[None] | None = None

    async def send(self, session: Session, *, follow: bool) -> None:
        """Sends what is asked for; with `follow` until the container ends or nobody listens any more."""
        session.incoming.listen(lambda frame: self._woken() if frame is None else None)
        log = self._read()
        self._begin(log)
        unsubscribe = self._runtime.subscribe(
            lambda _uid, changed: self._woken() if changed is self._container else None
        )
        log.listeners[self._woken] = None
        try:
            while True:
                self._wake = asyncio.get_running_loop().create_future()
                ended = self._container.state is ContainerState.EXITED
                self._send_new(self._read(), session)
                await session.outgoing.drain()
                if not follow or ended or self._left == 0 or session.incoming.is_closed:
                    return
                await self._sleep(log.next_unix_ns())
        finally:
            unsubscribe()
            log.listeners.pop(self._woken, None)

    def _begin(self, log: ContainerLog) -> None:
        """Skips what is before the tail."""
        self._seen = log.dropped
        if self._tail is not None:
            wanted = [place for place, entry in enumerate(log.entries) if self._stream in (None, entry.stream)]
            skipped = wanted[-self._tail] if 0 < self._tail <= len(wanted) else (0 if self._tail else len(log.entries))
            self._seen += skipped

    def _send_new(self, log: ContainerLog, session: Session) -> None:
        new = log.entries[max(0, self._seen - log.dropped) :]
        self._seen = log.dropped + len(log.entries)
        for data, stream in self._lines(new):
            session.send(stream, data)

    def _lines(self, entries: Iterable[Entry]) -> Iterable[tuple[bytes, int]]:
        for entry in entries:
            if entry.time_ns < self._since_ns or self._stream not in (None, entry.stream) or self._left == 0:
                continue
            data = entry.data
            if self._timestamps:
                seconds, rest = divmod(entry.time_ns, NANOSECONDS_PER_SECOND)
                data = f"{format_seconds(seconds)[:-1]}.{rest:09d}Z ".encode() + data
            if self._left is not None:
                data = data[: self._left]
                self._left -= len(data)
            yield data, entry.stream

    async def _sleep(self, until_unix_ns: int | None) -> None:
        assert self._wake is not None, "made before every look"
        timer = None
        if until_unix_ns is not None:
            seconds = (until_unix_ns - self._clock.unix_ns()) / NANOSECONDS_PER_SECOND
            timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self._woken)
        try:
            await self._wake
        finally:
            if timer is not None:
                timer.cancel()

    def _woken(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


def since_ns(options: Options, now_ns: int) -> int:
    """From when on lines are wanted."""
    if (seconds := options.get("sinceSeconds")) is not None:
        return now_ns - int(seconds) * NANOSECONDS_PER_SECOND
    if moment := options.get("sinceTime"):
        return parse_timestamp_ns(moment)
    return 0
