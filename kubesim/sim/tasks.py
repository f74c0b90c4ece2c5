"""Tasks in order: what `asyncio.TaskGroup` does, without its sets.

asyncio keeps tasks in a set, so the order in which a group's tasks are cancelled depends on where they lie
in memory. A run must not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import TracebackType, coroutine
from typing import Any, Self

from kubesim.sim.network import LIFE


@coroutine
def next_turn() -> Generator[None, None, None]:
    """Lets everybody who is ready go first, as `asyncio.sleep(0)` does at three times the price."""
    yield


class Tasks:
    """A group of named background tasks that end together, cancelled in order of creation.

    A task that fails is a bug of ours: the loop's exception handler hears of it at once, and
    `kubesim.sim.run` ends the run with that error.

    Tasks belong to the process that made the group, whoever causes one: what a timer of a kubelet that has crashed
    wakes in its successor is the successor's work, and is not lost with the dead one's messages.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._life = LIFE.get()
        self._tasks: dict[asyncio.Task[Any], None] = {}  # A dict keeps the order of insertion.

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Starts `work` as a task called `GROUP/name`."""
        create = asyncio.get_running_loop().create_task
        if self._life is None or LIFE.get() is self._life:
            task = create(work, name=f"{self.name}/{name}")
        else:
            token = LIFE.set(self._life)
            try:
                task = create(work, name=f"{self.name}/{name}")
            finally:
                LIFE.reset(token)
        self._tasks[task] = None
        task.add_done_callback(self._ended)
        return task

    def cancel(self) -> None:
        """Asks all tasks to end, in order of creation; does not wait."""
        for task in list(self._tasks):
            task.cancel()

    async def stop(self) -> None:
        """Cancels all tasks and waits until each has ended."""
        self.cancel()
        while self._tasks:
            task = next(iter(self._tasks))
            await asyncio.wait((task,))  # Unlike awaiting the task, raises only what is meant for us.
            self._tasks.pop(task, None)

    def __len__(self) -> int:
        return len(self._tasks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            message = f"task {task.get_name()} failed"
            task.get_loop().call_exception_handler({"message": message, "exception": error, "task": task})
