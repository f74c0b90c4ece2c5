"""The work queue against a plain model, in random orders of operations."""

from __future__ import annotations

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kubesim.client import WorkQueue
from kubesim.sim import CAUSES, SimLoop, Simulation, because

KEYS = st.sampled_from("abcd")
MILLISECONDS = st.integers(0, 50)
NS_PER_MS = 1_000_000


class WorkQueueMachine(RuleBasedStateMachine):
    """The model: an ordered list of keys that wait, those worked on, those added meanwhile, those delayed."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = SimLoop()
        self.sim = self.loop.run_until_complete(self._simulation())
        self.queue: WorkQueue[str] = WorkQueue(self.sim, "machine")
        self.waiting: list[str] = []
        self.processing: set[str] = set()
        self.again: list[str] = []  # Added while being processed.
        self.delayed: dict[str, tuple[int, int]] = {}  # Key → (ready at ns, order of arming).
        self.causes: dict[str, set[int]] = {}
        self.delayed_causes: dict[str, set[int]] = {}
        self.serial = 0

    async def _simulation(self) -> Simulation:
        return Simulation()

    def teardown(self) -> None:
        self.loop.close()

    def model_add(self, key: str, causes: set[int]) -> None:
        self.causes.setdefault(key, set()).update(causes)
        if key in self.processing:
            if key not in self.again:
                self.again.append(key)
        elif key not in self.waiting:
            self.waiting.append(key)

    @rule(key=KEYS)
    def add(self, key: str) -> None:
        self.serial += 1
        with because(self.serial):
            self.queue.add(key)
        self.model_add(key, {self.serial})

    @rule(key=KEYS, milliseconds=MILLISECONDS)
    def add_after(self, key: str, milliseconds: int) -> None:
        self.serial += 1
        with because(self.serial):
            self.queue.add_after(key, milliseconds / 1000)
        if milliseconds == 0:
            self.model_add(key, {self.serial})
            return
        ready_at = self.loop.now_ns + milliseconds * NS_PER_MS
        self.delayed_causes.setdefault(key, set()).add(self.serial)
        if key not in self.delayed or ready_at < self.delayed[key][0]:
            self.delayed[key] = (ready_at, self.serial)

    @precondition(lambda self: self.waiting)
    @rule()
    def get(self) -> None:
        async def get() -> tuple[str, set[object]]:
            return await self.queue.get(), set(CAUSES.get())

        key, causes = self.loop.run_until_complete(get())
        assert key == self.waiting.pop(0)
        assert key not in self.processing, "handed to two workers at once"
        expected = self.causes.pop(key)
        assert causes == expected or (len(causes) == 16 and causes < expected)
        self.processing.add(key)

    @precondition(lambda self: self.processing)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.processing)))
        self.queue.done(key)
        self.processing.remove(key)
        if key in self.again:
            self.again.remove(key)
            self.waiting.append(key)

    @rule(milliseconds=MILLISECONDS)
    def let_time_pass(self, milliseconds: int) -> None:
        async def sleep() -> None:
            await asyncio.sleep(milliseconds / 1000)

        self.loop.run_until_complete(sleep())
        ripe = sorted((when, key) for key, when in self.delayed.items() if when[0] <= self.loop.now_ns)
        for _, key in ripe:
            del self.delayed[key]
            self.model_add(key, self.delayed_causes.pop(key))

    @invariant()
    def as_many_wait_as_in_the_model(self) -> None:
        assert len(self.queue) == len(self.waiting)


WorkQueueMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestWorkQueue = WorkQueueMachine.TestCase
