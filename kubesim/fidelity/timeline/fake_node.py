"""A Node without a machine: this object is its kubelet, and its Pods end as the recorded scenario says.

The recordings of Jobs use such nodes, since a hollow kubelet's containers never end by themselves. A rule says for
Pods with certain labels after how many seconds they run, when they end, in which phase and with which exit code,
and for how many Pods it holds. The statuses are those that the recorder wrote.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kubesim.api.errors import ApiError
from kubesim.api.resources import LEASES, NODES, PODS
from kubesim.api.stored import Object
from kubesim.client.client import Client
from kubesim.recording import Change
from kubesim.sim import Clock, Tasks

CAPACITY = {"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi"}
LEASE_NAMESPACE = "kube-node-lease"
HEARTBEAT_SECONDS = 10.0
END_SECONDS = 0.3  # After the deletion of a Pod, and again until it is gone.
KILLED = 143
READY = "KubeletReady", "kubelet is posting ready status"
HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", *READY),
)
DEFAULT_RULE: Object = {"run_after": 0.3, "end_after": None}


class FakeNode:
    """One such node. Give `heard` every change of a Pod, and run `run`."""

    def __init__(self, client: Client, clock: Clock, name: str, tasks: Tasks) -> None:
        self.name = name
        self.rules: list[dict[str, Any]] = []
        self._client = client
        self._clock = clock
        self._tasks = tasks
        self._lives: dict[str, asyncio.Event] = {}  # By uid: set once the Pod is to go.

    async def register(self) -> None:
        """Creates the Node and its Lease."""
        labels = {"fake": self.name, "kubernetes.io/hostname": self.name, "kubernetes.io/os": "linux"}
        taint = {"key": "fake", "value": self.name, "effect": "NoSchedule"}
        status = {"capacity": CAPACITY, "allocatable": CAPACITY, "conditions": self._conditions()}
        metadata = {"name": self.name, "labels": labels}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": [taint]}, "status": status}
        await self._client.create(NODES, node)
        spec = {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": self._clock.micro_timestamp()}
        lease = {
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": self.name, "namespace": LEASE_NAMESPACE}, "spec": spec,
        }  # fmt: skip
        await self._client.create(LEASES, lease)
        self._tasks.spawn(self._beat(), self.name)

    def heard(self, change: Change) -> None:
        """A Pod changed: it may be new here, or have to go."""
        pod = change.object
        if change.kind != "Pod" or (pod.get("spec") or {}).get("nodeName") != self.name:
            return
        uid = pod["metadata"]["uid"]
        if uid not in self._lives and change.verb != "DELETED":
            self._lives[uid] = asyncio.Event()
            self._tasks.spawn(self._live(pod, self._rule_for(pod), self._lives[uid]), pod["metadata"]["name"])
        if "deletionTimestamp" in pod["metadata"]:
            self._lives[uid].set()

    def _rule_for(self, pod: Object) -> Object:
        labels = pod["metadata"].get("labels") or {}
        for rule in self.rules:
            matches = all(labels.get(name) == value for name, value in (rule.get("match") or {}).items())
            if matches and rule.get("times", 1) > 0:
                if "times" in rule:
                    rule["times"] -= 1
                return rule
        return DEFAULT_RULE

    async def _live(self, pod: Object, rule: Object, leaving: asyncio.Event) -> None:
        """Runs, ends by itself or when deleted, and goes when deleted."""
        phase, code = rule.get("phase", "Succeeded"), rule.get("exit_code")
        run_after, end_after = rule.get("run_after", 0.3), rule.get("end_after")
        ended = False
        if await self._unless(leaving, run_after):
            await self._report(pod, "Running", 0)
            if await self._unless(leaving, None if end_after is None else end_after - run_after):
                await self._report(pod, phase, code if code is not None else int(phase != "Succeeded"))
                ended = True
        await leaving.wait()
        if not ended:
            await asyncio.sleep(END_SECONDS)
            await self._report(pod, "Failed", KILLED)
        await asyncio.sleep(END_SECONDS)
        metadata = pod["metadata"]
        try:
            await self._client.delete(
                PODS, metadata["name"], metadata["namespace"], grace_period_seconds=0, uid=metadata["uid"]
            )
        except ApiError:
            return  # Somebody else was quicker.

    async def _unless(self, leaving: asyncio.Event, seconds: float | None) -> bool:
        """Waits; says whether the time passed before the Pod had to go."""
        try:
            await asyncio.wait_for(leaving.wait(), seconds)
        except TimeoutError:
            return True
        return False

    async def _report(self, pod: Object, phase: str, code: int) -> None:
        metadata, now = pod["metadata"], self._clock.timestamp()
        running = phase == "Running"
        ended = {"exitCode": code, "reason": "Error" if code else "Completed", "startedAt": now, "finishedAt": now}
        state = {"running": {"startedAt": now}} if running else {"terminated": ended}
        reason = {} if running else {"reason": "PodCompleted" if phase == "Succeeded" else "PodFailed"}
        is_ready = str(running)
        conditions = [
            {"type": "PodReadyToStartContainers", "status": is_ready},
            {"type": "Initialized", "status": "True", **({"reason": "PodCompleted"} if phase == "Succeeded" else {})},
            {"type": "Ready", "status": is_ready, **reason},
            {"type": "ContainersReady", "status": is_ready, **reason},
        ]
        containers = [
            {"name": each["name"], "image": each["image"], "imageID": "", "ready": running, "started": running,
             "restartCount": 0, "state": state}
            for each in pod["spec"]["containers"]
        ]  # fmt: skip
        status = {
            "phase": phase, "startTime": now, "podIP": "10.9.9.9", "podIPs": [{"ip": "10.9.9.9"}],
            "hostIP": "192.0.2.9", "conditions": [{**each, "lastTransitionTime": now} for each in conditions],
            "containerStatuses": containers,
        }  # fmt: skip
        try:
            await self._client.patch(
                PODS, metadata["name"], {"status": status}, metadata["namespace"], subresource="status"
            )
        except ApiError:
            return  # The Pod is gone.

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            renewed = {"spec": {"renewTime": self._clock.micro_timestamp()}}
            await self._client.merge_patch(LEASES, self.name, renewed, LEASE_NAMESPACE)

    def _conditions(self) -> list[Object]:
        now = self._clock.timestamp()
        return [
            {"type": type_, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": now,
             "lastTransitionTime": now}
            for type_, status, reason, message in HEALTHY
        ]  # fmt: skip
