"""Eviction by pressure: what a kubelet does when its node runs out of memory, disk or processes."""

from kubesim.kubelet.eviction.manager import EvictionManager

__all__ = ["EvictionManager"]
