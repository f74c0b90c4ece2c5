"""What can go wrong around a service, in one sentence for the one who typed the command."""

from __future__ import annotations


class ServiceError(Exception):
    """Bad input, or something in the way; the message says what it is and what to do."""
