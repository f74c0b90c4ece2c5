"""A step that sends packets: from a Pod, a node or outside to a Service, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from kubesim.cluster import SimCluster
from kubesim.scenario.model import Model
from kubesim.waiting import NotReachedError

if TYPE_CHECKING:
    from kubesim.explain.packet import PacketTrace


class PacketStep(Model):
    """Connections that are made one after the other, in no time; they leave nothing behind."""

    from_: str = Field(alias="from", description="A Pod (NAME or NAMESPACE/NAME), a node, or `outside`.")
    to: str = Field(description="A Service, pod/NAME, a node, a name or an address, with :PORT where it matters.")
    namespace: str = Field("default", description="Of Pods and Services without one.")
    times: int = Field(1, ge=1, le=1000, description="How many connections.")
    answered: int | None = Field(None, ge=0, description="So many of them must be answered; absent: any number.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.answered is not None and self.answered > self.times:
            raise ValueError(f"no more than {self.times} can be answered")
        return self


async def send(cluster: SimCluster, step: PacketStep) -> str:
    """Sends them and says what became of them.

    NotReachedError if fewer or more were answered than wanted, ValueError if there is no such sender or target.
    """
    from kubesim.explain.packet import trace_packet  # Most scenarios send none.

    traces = [await trace_packet(cluster, step.from_, step.to, step.namespace) for _ in range(step.times)]
    said = f"{step.from_} → {step.to}: {summary(traces)}"
    answered = sum(trace.arrived for trace in traces)
    if step.answered is not None and answered != step.answered:
        raise NotReachedError(f"{said}; {step.answered} of {step.times} should have been answered, not {answered}")
    return said


def summary(traces: list[PacketTrace]) -> str:
    """One verdict, or how often each was given."""
    counts: dict[str, int] = {}
    for trace in traces:
        counts[trace.verdict] = counts.get(trace.verdict, 0) + 1
    if len(traces) == 1:
        return traces[0].verdict
    return "; ".join(f"{count} times {verdict}" for verdict, count in sorted(counts.items(), key=lambda each: -each[1]))
