"""Preemption: which Pods of lower priority leave which node so that a Pod fits, and how they are asked to."""
