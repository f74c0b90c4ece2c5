"""What can go wrong when a cluster is imported, in one sentence."""

from __future__ import annotations


class ImportingError(Exception):
    """The files hold no cluster, or it cannot be made from what they hold."""
