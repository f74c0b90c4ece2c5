"""Which PodDisruptionBudgets there may be."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import InvalidError
from kubesim.api.resources import POD_DISRUPTION_BUDGETS
from kubesim.api.stored import Object
from kubesim.sim import Simulation


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"minAvailable": -1}, "spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"),
        ({"maxUnavailable": "150%"}, 'spec.maxUnavailable: Invalid value: "150%": must not be greater than 100%'),
        ({"maxUnavailable": "some"}, 'spec.maxUnavailable: Invalid value: "some": a valid percent string must be'),
        ({"minAvailable": 1, "maxUnavailable": 1}, "minAvailable and maxUnavailable cannot be both set"),
        (
            {"minAvailable": 1, "unhealthyPodEvictionPolicy": "Never"},
            'spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", '
            '"IfHealthyBudget"',
        ),
    ],
)
async def test_a_budget_is_a_number_or_a_share(sim: Simulation, boot: Any, spec: Object, problem: str) -> None:
    """Teaches: either bound may be a number or a percentage, and only one of them may be given."""
    async with boot(sim) as api:
        with pytest.raises(InvalidError) as refused:
            await api.create(POD_DISRUPTION_BUDGETS, {"metadata": {"name": "b"}, "spec": spec})
        assert problem in str(refused.value)
