"""Topics and payloads: pure functions from what happened to what is published. docs/mqtt.md is their description.

kubesim/CLUSTER/bridge                     retained: whether the cluster is on the bus; the last will
kubesim/CLUSTER/clock                      retained
kubesim/CLUSTER/nodes/NAME/status          retained; empty once it is gone
kubesim/CLUSTER/pods/NAMESPACE/NAME/status retained; empty once it is gone
kubesim/CLUSTER/components/NAME/status     retained
kubesim/CLUSTER/trace/KIND                 every line of the trace
kubesim/CLUSTER/cmd/WHAT                   what comes in
kubesim/CLUSTER/answers/ID                 what came of it
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from kubesim.api.meta import controller_of
from kubesim.api.resources import NODES, PODS
from kubesim.recording import Change, condition
from kubesim.sim import Host

SCHEMA = 1
ROOT = "kubesim"
# Quality of service: 0 at most once, 1 at least once.
QOS_STATE = 1
QOS_TRACE = 1
QOS_CLOCK = 0  # The next one follows within a second.
UNSAFE = re.compile(r"[/+#\0]")

Fields = dict[str, Any]


class Message(NamedTuple):
    """One publication."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class Topics:
    """The topics of one cluster."""

    def __init__(self, prefix: str, cluster: str) -> None:
        self.cluster = cluster
        self.base = f"{prefix}{ROOT}/{cluster}/"
        self.bridge = f"{self.base}bridge"
        self.clock = f"{self.base}clock"
        self.commands = f"{self.base}cmd/+"
        self.states = tuple(f"{self.base}{kind}/#" for kind in ("nodes", "pods", "components"))

    def trace(self, line: bytes, number: int) -> Message:
        """A line of a recording, with the schema's version and a serial number in front of its own keys."""
        payload = b'{"schema":%d,"serial":%d,' % (SCHEMA, number) + line[1:].rstrip(b"\n")
        return Message(f"{self.base}trace/{heading(line)}", payload, QOS_TRACE, False)

    def state(self, change: Change) -> Message | None:
        """The state of a Node or a Pod after a change; None for other kinds."""
        if change.resource is NODES:
            topic, fields = f"{self.base}nodes/{change.new.name}/status", node_state
        elif change.resource is PODS:
            topic, fields = f"{self.base}pods/{change.new.namespace}/{change.new.name}/status", pod_state
        else:
            return None
        if change.verb == "DELETED":
            return Message(topic, b"", QOS_STATE, True)
        return Message(topic, encoded(fields(change.object)), QOS_STATE, True)

    def component(self, name: str, host: Host) -> Message:
        """Whether a process of the cluster runs."""
        process = host.processes[name]
        fields = {"name": name, "host": host.name, "state": process.state.value}
        topic = f"{self.base}components/{UNSAFE.sub('.', name)}/status"
        return Message(topic, encoded(fields), QOS_STATE, True)

    def answer(self, id_: str, fields: Fields) -> Message:
        """What came of a command."""
        return Message(f"{self.base}answers/{UNSAFE.sub('_', id_)[:64]}", encoded({"id": id_, **fields}), 1, False)

    def command(self, topic: str) -> str:
        """`fault` of `kubesim/CLUSTER/cmd/fault`."""
        return topic.removeprefix(f"{self.base}cmd/")


def heading(line: bytes) -> str:
    """What a line of a recording is about: the kind of its object, or `step`, `record` …"""
    fields: Fields = orjson.loads(line)
    if "kind" in fields:
        return str(fields["kind"])
    return next(key for key in fields if key != "t")


def node_state(obj: Fields) -> Fields:
    """What a lamp or a screen wants to know of a Node."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    ready = condition(obj, "Ready")
    return {
        "name": obj["metadata"]["name"],
        "ready": ready.get("status", "Unknown"),
        "reason": ready.get("reason", ""),
        "since": ready.get("lastTransitionTime", ""),
        "schedulable": not spec.get("unschedulable", False),
        "taints": [f"{taint['key']}:{taint['effect']}" for taint in spec.get("taints") or ()],
        "addresses": [entry["address"] for entry in status.get("addresses") or ()],
    }


def pod_state(obj: Fields) -> Fields:
    """What a screen wants to know of a Pod."""
    spec, status, owner = obj.get("spec") or {}, obj.get("status") or {}, controller_of(obj)
    containers = status.get("containerStatuses") or ()
    waits = [state["reason"] for each in containers if (state := (each.get("state") or {}).get("waiting"))]
    return {
        "name": obj["metadata"]["name"],
        "namespace": obj["metadata"]["namespace"],
        "phase": status.get("phase", ""),
        "ready": condition(obj, "Ready").get("status") == "True",
        "node": spec.get("nodeName", ""),
        "ip": status.get("podIP", ""),
        "reason": status.get("reason") or next(iter(waits), ""),
        "restarts": sum(each.get("restartCount", 0) for each in containers),
        "terminating": "deletionTimestamp" in obj["metadata"],
        "owner": f"{owner['kind']}/{owner['name']}" if owner else "",
    }


def encoded(fields: Fields) -> bytes:
    """The bytes of a payload; every one carries the version of its schema."""
    return orjson.dumps({"schema": SCHEMA, **fields})
