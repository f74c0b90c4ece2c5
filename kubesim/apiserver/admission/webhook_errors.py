"""What goes wrong when a webhook is called: it could not be asked, or its answer is none.

Whether the request then fails is the webhook's failurePolicy. Upstream: ErrCallingWebhook and
ErrWebhookRejection in k8s.io/apiserver/pkg/util/webhook/error.go.
"""

from __future__ import annotations


class CallError(Exception):
    """The webhook could not be asked. `is_transport`: the URL belongs in front of the text."""

    def __init__(self, text: str, *, is_transport: bool = True) -> None:
        super().__init__(text)
        self.text = text
        self.is_transport = is_transport


class InvalidAnswerError(Exception):
    """The webhook answered, but not what it was asked."""
