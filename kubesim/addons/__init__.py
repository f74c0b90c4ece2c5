"""Addons: what a cluster can have besides Kubernetes itself, and the programs that do their work.

A program of an addon knows the cluster through a client only, as everybody else; `catalogue` puts it in place.
"""

from kubesim.addons.catalogue import ADDONS, Addon, Addons

__all__ = ["ADDONS", "Addon", "Addons"]
