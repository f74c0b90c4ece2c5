"""metrics-server writes quantities as Kubernetes does."""

from __future__ import annotations

import pytest

from kubesim.metrics_server.server import bytes_quantity, nanocores_quantity


@pytest.mark.parametrize(
    ("nanocores", "quantity"),
    [(0, "0"), (7, "7n"), (1500, "1500n"), (2000, "2u"), (250_000_000, "250m"), (2_000_000_000, "2")],
)
def test_the_shortest_quantity_is_told(nanocores: int, quantity: str) -> None:
    """Teaches: thousandths, millionths and billionths of a core."""
    assert nanocores_quantity(nanocores) == quantity


@pytest.mark.parametrize(
    ("memory", "quantity"), [(0, "0"), (1000, "1000"), (2048, "2Ki"), (5 << 20, "5Mi"), (1536 << 20, "1536Mi")]
)
def test_memory_is_told_in_binary_units(memory: int, quantity: str) -> None:
    """Teaches: a quantity is written without a fraction."""
    assert bytes_quantity(memory) == quantity
