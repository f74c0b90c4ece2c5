"""Tasks in order: what `asyncio.TaskGroup` does, without its sets.

asyncio keeps tasks in a set, so the order in which a group's tasks are cancelled depends on where they lie
in memory. A run must not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any


class Tasks:
    """A group of named background tasks that end together, cancelled in order of creation.

    A task that fails is a bug of ours: `on_failure` (default: remembered and raised by `stop`) hears of it.
    """

    def __init__(self, name: str, on_failure: Callable[[BaseException], None] | None = None) -> None:
        self.name = name
        self._tasks: dict[asyncio.Task[Any], None] = {}  # A dict keeps the order of insertion.
        self._failures: list[BaseException] = []
        self._on_failure = on_failure or self._failures.append

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Starts `work` as a task called `GROUP/name`."""
        task = asyncio.get_running_loop().create_task(work, name=f"{self.name}/{name}")
        self._tasks[task] = None
        task.add_done_callback(self._ended)
        return task

    def cancel(self) -> None:
        """Asks all tasks to end, in order of creation; does not wait."""
        for task in list(self._tasks):
            task.cancel()

    async def stop(self) -> None:
        """Cancels all tasks, waits until each has ended, and raises the first failure if there was one."""
        self.cancel()
        while self._tasks:
            task = next(iter(self._tasks))
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                if not task.done():
                    raise
            except Exception:
                pass  # `_ended` has kept it.
            self._tasks.pop(task, None)
        if self._failures:
            raise self._failures[0]

    def __len__(self) -> int:
        return len(self._tasks)

    async def __aenter__(self) -> Tasks:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(error)
