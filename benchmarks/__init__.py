"""Measures the budgets of the design: `python -m benchmarks [NAME…]`."""
