"""What a plugin answers: a code, and reasons in kube-scheduler's words.

The code decides what happens next: an `UNSCHEDULABLE` node might be helped by deleting Pods from it
(preemption tries), an `UNSCHEDULABLE_AND_UNRESOLVABLE` one can not, `SKIP` leaves the plugin out of the rest
of this cycle, `WAIT` (of Permit) holds the Pod back before it is bound.
Upstream: staging/src/k8s.io/kube-scheduler/framework/interface.go.
"""

from __future__ import annotations

from enum import Enum

import msgspec


class Code(Enum):
    """The outcomes of a plugin."""

    SUCCESS = "Success"
    ERROR = "Error"
    UNSCHEDULABLE = "Unschedulable"
    UNSCHEDULABLE_AND_UNRESOLVABLE = "UnschedulableAndUnresolvable"
    PENDING = "Pending"
    SKIP = "Skip"
    WAIT = "Wait"


REJECTIONS = (Code.UNSCHEDULABLE, Code.UNSCHEDULABLE_AND_UNRESOLVABLE, Code.PENDING)


class Status(msgspec.Struct, frozen=True):
    """A code, its reasons and (once the runtime has filled it in) the plugin that said so."""

    code: Code
    reasons: tuple[str, ...] = ()
    plugin: str = ""

    @property
    def is_rejection(self) -> bool:
        """Whether the Pod was refused, as opposed to accepted, skipped or failed."""
        return self.code in REJECTIONS

    @property
    def message(self) -> str:
        """The reasons as one text."""
        return ", ".join(self.reasons)

    def by(self, plugin: str) -> Status:
        """The same answer, signed."""
        return self if self.plugin else Status(self.code, self.reasons, plugin)


SUCCESS = Status(Code.SUCCESS)
SKIP = Status(Code.SKIP)
WAIT = Status(Code.WAIT)


def unschedulable(*reasons: str) -> Status:
    """No, but it could become a yes if Pods left the node."""
    return Status(Code.UNSCHEDULABLE, reasons)


def unresolvable(*reasons: str) -> Status:
    """No, whatever Pods leave the node."""
    return Status(Code.UNSCHEDULABLE_AND_UNRESOLVABLE, reasons)


def failed(reason: str) -> Status:
    """Something went wrong that says nothing about the Pod."""
    return Status(Code.ERROR, (reason,))
