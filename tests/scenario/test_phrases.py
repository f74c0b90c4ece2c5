"""What one change of one object means to a reader."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.resources import RESOURCES
from kubesim.api.stored import Stored
from kubesim.recording import Change
from kubesim.scenario.phrases import Phrase, phrases

READY = [{"type": "Ready", "status": "True"}]
NOT_READY = [{"type": "Ready", "status": "False"}]


def change(kind: str, old: dict[str, Any] | None, new: dict[str, Any], verb: str = "") -> Change:
    resource = next(row for row in RESOURCES if row.kind == kind)
    made = [
        Stored(number, {"metadata": {"name": "a", "namespace": "default"}, "spec": {}, "status": {}, **obj})
        for number, obj in enumerate((old or {}, new), 1)
    ]
    verb = verb or ("MODIFIED" if old is not None else "ADDED")
    return Change(0, verb, resource, made[0] if old is not None else None, made[1])


def told(found: Change) -> list[str]:
    return [phrase.text for phrase in phrases(found) if not phrase.quiet]


@pytest.mark.parametrize(
    ("kind", "old", "new", "text"),
    [
        ("Pod", {}, {"spec": {"nodeName": "node-1"}}, "is bound to node-1"),
        ("Pod", {}, {"status": {"phase": "Running", "conditions": READY}}, "is Running and ready"),
        ("Pod", {}, {"status": {"phase": "Running"}}, "is Running"),
        (
            "Pod",
            {"status": {"phase": "Running", "conditions": READY}},
            {"status": {"phase": "Running", "conditions": NOT_READY}},
            "is not ready",
        ),
        (
            "Pod",
            {"status": {"phase": "Running", "conditions": READY}},
            {"status": {"phase": "Succeeded", "conditions": NOT_READY}},
            "has ended: Succeeded",
        ),
        ("Deployment", {"spec": {"replicas": 3}}, {"spec": {"replicas": 10}}, "is scaled from 3 to 10"),
        ("Node", {}, {"spec": {"unschedulable": True}}, "is cordoned"),
        ("Node", {}, {"spec": {"taints": [{"key": "a/b", "effect": "NoExecute"}]}}, "gets the taint a/b:NoExecute"),
        ("Node", {"spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}}, {}, "loses the taint a:NoExecute"),
        (
            "Node",
            {},
            {"status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]}},
            "is now Ready=Unknown (NodeStatusUnknown)",
        ),
        ("EndpointSlice", {}, {"endpoints": [{"conditions": {"ready": True}}]}, "now has 1 ready endpoint"),
    ],
)
def test_a_change_in_words(kind: str, old: dict[str, Any], new: dict[str, Any], text: str) -> None:
    """Teaches: the facts of an object are its story, in Kubernetes' own terms."""
    assert told(change(kind, old, new)) == [text]


def test_a_deletion_says_how_long_there_is_to_end_gracefully() -> None:
    """Teaches: deleted is not gone."""
    marked = {
        "metadata": {"name": "a", "namespace": "default", "deletionTimestamp": "t", "deletionGracePeriodSeconds": 30}
    }
    assert told(change("Pod", {}, marked)) == ["is deleted with 30 s to end gracefully"]
    assert told(change("Pod", marked, marked, "DELETED")) == ["is gone"]


def test_a_restart_says_how_the_container_ended() -> None:
    """Teaches: the exit code is the first thing to look for."""
    statuses = [{"name": "app", "restartCount": 1, "lastState": {"terminated": {"exitCode": 1}}}]
    new = {"status": {"containerStatuses": statuses}}
    assert told(change("Pod", {}, new)) == ["has restarted 1 time, after its container app exited with code 1"]
    waiting = {"status": {"containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}}
    assert told(change("Pod", {}, waiting)) == ["waits: CrashLoopBackOff"]


def test_a_new_template_names_its_new_images() -> None:
    """Teaches: a new template is what starts a roll-out."""
    old, new = ({"spec": {"template": {"spec": {"containers": [{"image": image}]}}}} for image in ("a:1", "a:2"))
    assert told(change("Deployment", old, new)) == ["has a new template with a:2"]


def event(reason: str, message: str, count: int = 1, type_: str = "Normal") -> list[Phrase]:
    obj = {
        "involvedObject": {"kind": "Pod", "name": "web-1"},
        "reason": reason,
        "message": message,
        "count": count,
        "type": type_,
    }
    return phrases(change("Event", None, obj))


def test_an_event_is_about_its_object_and_told_once() -> None:
    """Teaches: repetitions are counted in the event, not told again."""
    (phrase,) = event("BackOff", "Back-off restarting", type_="Warning")
    assert (phrase.kind, phrase.name, phrase.text) == ("Pod", "web-1", "BackOff: Back-off restarting")
    assert phrase.warning
    assert event("BackOff", "Back-off restarting", 2, "Warning")[0].quiet
    assert event("BackOff", "Back-off restarting", 2, "Warning")[0].text.endswith("(2 times)")


def test_events_that_repeat_what_the_object_says_are_quiet() -> None:
    """Teaches: one thing, one line; --all tells them all."""
    assert event("NodeNotReady", "Node is not ready", type_="Warning")[0].quiet
    assert event("Scheduled", "Successfully assigned default/web-1 to node-1")[0].quiet


def test_pulls_are_told_short() -> None:
    """Teaches: what was pulled and how long it took."""
    long = 'Successfully pulled image "nginx:1.27" in 1.05s (1.05s including waiting). Image size: 72000000 bytes.'
    assert event("Pulled", long)[0].text == "pulled the image nginx:1.27 in 1.05s"
    present = 'Container image "nginx:1.27" already present on machine and can be accessed by the pod'
    assert event("Pulled", present)[0].text == "has the image nginx:1.27 already"


def test_bookkeeping_is_quiet() -> None:
    """Teaches: leases, service accounts and the kube- namespaces are there for the machinery."""
    assert told(change("Lease", None, {})) == []
    assert told(change("Pod", None, {"metadata": {"name": "a", "namespace": "kube-system"}})) == []
    assert told(change("Pod", None, {})) == ["is created"]
    assert told(change("Deployment", None, {"spec": {"replicas": 1}})) == ["is created with 1 replica wanted"]
