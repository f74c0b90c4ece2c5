"""What an expression sees while it is evaluated: its variables, and how many steps it may still take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from kubesim.apiserver.cel.errors import CostExceededError


class Budget:
    """Steps, shared by all that is evaluated for one purpose."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps


class Scope:
    """Variables by name."""

    __slots__ = ("budget", "names")

    def __init__(self, names: Mapping[str, Any], budget: Budget) -> None:
        self.names = names
        self.budget = budget

    def step(self, cost: int = 1) -> None:
        """Counts work; CostExceededError when there was too much."""
        budget = self.budget
        budget.left -= cost
        if budget.left < 0:
            raise CostExceededError


Evaluate: TypeAlias = Callable[[Scope], Any]
