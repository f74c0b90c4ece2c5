"""What makes a question senseless, in one sentence."""

from __future__ import annotations


class WhatIfError(Exception):
    """There is no such node or workload, or the file holds nothing that could be placed."""
