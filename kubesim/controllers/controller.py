"""What every controller has in common: a queue of keys, informers that fill it, workers that empty it.

A key that fails comes back later, and later each time (5 ms doubling to 1000 s, as client-go's default).
A controller works from the state in its caches and never from the event that woke it.
Upstream: the run/worker/processNextWorkItem trio in every package of pkg/controller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

import msgspec

from kubesim.api.errors import ApiError, TransportError
from kubesim.api.stored import Object, Stored
from kubesim.api.tokens import Trust
from kubesim.client.client import Client
from kubesim.client.events import EventRecorder
from kubesim.client.informer import Informers
from kubesim.client.workqueue import WorkQueue
from kubesim.sim import Simulation, Tasks

CheckPolicy = Callable[[Object], list[Object]]


class RetryLaterError(Exception):
    """This key cannot be finished now; the message says why. The worker tries again after its back-off."""


class ControllerContext(msgspec.Struct, frozen=True):
    """What the controller manager hands to each controller: shared caches, and a client and recorder of its own."""

    sim: Simulation
    client: Client
    informers: Informers
    recorder: EventRecorder
    trust: Trust  # What tokens and certificates are signed with.
    check_policy: CheckPolicy | None = None  # What is wrong with the expressions of an admission policy.


class Controller:
    """Reconciles one key after another.

    A subclass sets `name`, adds handlers to informers in `__init__`, and implements `reconcile`. Override
    `background` to add periodic loops.
    """

    name: ClassVar[str]  # As in `kube-controller-manager --controllers`.
    service_account: ClassVar[str] = ""  # In whose name it writes: of kube-system; "" means `name`.
    event_source: ClassVar[str] = ""  # The component that its events name; "" means `name`.
    workers: ClassVar[int] = 1
    retries_max: ClassVar[int | None] = None  # After so many failures in a row a key waits for the next event.

    def __init__(self, context: ControllerContext) -> None:
        self.sim = context.sim
        self.client = context.client
        self.informers = context.informers
        self.recorder = context.recorder
        self.trust = context.trust
        self.queue: WorkQueue[str] = WorkQueue(context.sim, self.name)

    async def reconcile(self, key: str) -> None:
        """Brings the world of `key` ("namespace/name", or "name") closer to what is wanted."""
        raise NotImplementedError

    async def run(self) -> None:
        """Works until cancelled; begins once the caches it reads are filled."""
        await self.informers.wait_synced()
        async with Tasks(f"controller/{self.name}") as tasks:
            self.background(tasks)
            for number in range(self.workers - 1):
                tasks.spawn(self._work(), f"worker-{number + 1}")
            await self._work()

    def background(self, tasks: Tasks) -> None:
        """Starts loops beside the workers; none by default."""

    def enqueue(self, stored: Stored) -> None:
        """Puts an object's key into the queue: an informer handler."""
        self.queue.add(stored.key)

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            await asyncio.sleep(0)  # A reconcile that waits for nothing must not keep everybody else waiting.
            try:
                await self.reconcile(key)
            except (ApiError, TransportError, RetryLaterError) as error:
                self._failed(key, error)
            else:
                self.queue.forget(key)
            finally:
                self.queue.done(key)

    def _failed(self, key: str, error: Exception) -> None:
        self.sim.trace.emit("reconcile_failed", controller=self.name, key=key, error=str(error))
        if self.retries_max is not None and self.queue.requeues(key) >= self.retries_max:
            self.queue.forget(key)
        else:
            self.queue.add_rate_limited(key)
