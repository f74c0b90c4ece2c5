"""What can be wrong with a kubeconfig, in one sentence for the one who typed the command."""

from __future__ import annotations


class KubeconfigError(Exception):
    """The message says which file, which entry, and what to do."""
