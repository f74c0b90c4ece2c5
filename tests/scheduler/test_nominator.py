"""Promises of nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.scheduler.nominator import Nominator
from kubesim.scheduler.pod_info import PodInfo

Make = Callable[..., PodInfo]


def promised(info: Make, name: str, node: str, **kwargs: Any) -> PodInfo:
    pod = info(name, **kwargs)
    stored = type(pod.stored)(2, {**pod.stored.object, "status": {"phase": "Pending", "nominatedNodeName": node}})
    return pod.renewed(stored)


def test_a_pod_makes_way_for_its_equals_and_betters_but_not_for_itself(info: Make) -> None:
    """Teaches: the place of a Pod that waits for its victims is not given to the next one of the same priority."""
    nominator, waiting = Nominator(), info("waiting", priority=10)
    nominator.nominate(waiting, "node-1")
    assert nominator.rivals(info("low", priority=0), "node-1") == [waiting]
    assert nominator.rivals(info("equal", priority=10), "node-1") == [waiting]
    assert nominator.rivals(info("high", priority=11), "node-1") == []
    assert nominator.rivals(waiting, "node-1") == []
    assert nominator.rivals(info("low"), "node-2") == []


def test_a_promise_survives_an_update_that_does_not_know_of_it_yet(info: Make) -> None:
    """Teaches: between the decision and its way back through the watch another update may arrive."""
    nominator, pod = Nominator(), info("web")
    nominator.nominate(pod, "node-1")
    nominator.update(pod, info("web", labels={"a": "b"}))
    assert nominator.node_of("uid-web") == "node-1"
    nominator.update(promised(info, "web", "node-1"), info("web"))
    assert nominator.node_of("uid-web") == ""
    assert len(nominator) == 0


def test_a_new_scheduler_reads_promises_from_status(info: Make) -> None:
    """Teaches: what must survive a restart is in the API, not in memory."""
    nominator = Nominator()
    nominator.read(promised(info, "web", "node-2"))
    assert [pod.name for pod in nominator.on("node-2")] == ["web"]
    nominator.forget("uid-web")
    assert nominator.on("node-2") == ()
