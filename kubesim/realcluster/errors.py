"""What can go wrong with a cluster of somebody else, in one sentence for the one who typed the command."""

from __future__ import annotations


class RealClusterError(Exception):
    """It cannot be reached, may not be used, or refuses; the message says which, and what to do."""
