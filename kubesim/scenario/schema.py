"""What a scenario file may say. The field reference in docs/scenarios.md is generated from these models.

Durations are written like kubectl's: `90`, `90s`, `1m30s`, `2h`, `250ms`. Times count from the moment at
which the cluster has booted.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from kubesim.scenario.containers import ContainerBehavior
from kubesim.scenario.kubelets import KubeletSettings
from kubesim.scenario.model import Model
from kubesim.scenario.packets import PacketStep
from kubesim.scenario.registries import RegistryActions
from kubesim.scenario.values import Lines, Quantity, Seconds

NODE_NAME = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


class Metadata(Model):
    """How the scenario is called: the folder's name without its number."""

    name: str = Field(pattern=NAME, description="The folder's name without NN-, if the folder has a number.")


class Taint(Model):
    """A taint that a node has from the start."""

    key: str = Field(description="`dedicated`, or `example.com/gpu`.")
    value: str = Field("", description="May be empty.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(description="What it does to Pods.")


class NodeSpec(Model):
    """One node of the cluster."""

    name: str = Field(pattern=NODE_NAME, description="Its host name, too.")
    cpu: Quantity = Field("2", description="CPU that Pods may request, as a quantity.")
    memory: Quantity = Field("4Gi", description="Memory that Pods may request, as a quantity.")
    pods: int = Field(110, ge=1, description="How many Pods fit.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels beside those that every node has.")
    taints: list[Taint] = Field(default_factory=list, description="Taints from the start.")
    runtime: Literal["containerd", "docker", "cri-o"] | None = Field(
        None, description="Its container runtime; absent: the cluster's."
    )
    images: list[str] = Field(default_factory=list, description="Images that are on it from the start.")
    disk: Quantity = Field("61255492Ki", description="Its disk, for images and what containers write.")
    resources: dict[str, Quantity] = Field(
        default_factory=dict, description="What else it has: `nvidia.com/gpu: 2`, `hugepages-2Mi: 1Gi`."
    )
    allocatable: dict[str, Quantity] = Field(
        default_factory=dict, description="What Pods may use, where that is less than there is."
    )
    parallel_pulls: int | None = Field(
        1, ge=1, description="How many images it pulls at once; null: any number. A kubelet's default is 1."
    )
    kubelet: KubeletSettings | None = Field(None, description="How its kubelet is configured; absent: the cluster's.")


class ClusterSpec(Model):
    """The cluster that the scenario runs on."""

    nodes: int | list[NodeSpec] = Field(default=3, description="How many (named node-1 …), or a list of nodes.")
    behavior: Literal["plausible", "hollow"] = Field(
        default="plausible",
        description="plausible: images are pulled and containers take time; hollow: everything succeeds at once.",
    )
    scheduler_config: str = Field(
        default="",
        description="A KubeSchedulerConfiguration in the scenario's folder; absent: kube-scheduler's defaults.",
    )
    scheduler_annotations: bool = Field(
        default=False,
        description="Every attempt of the scheduler's is written on its Pod, as kube-scheduler-simulator does.",
    )
    runtime: Literal["containerd", "docker", "cri-o"] = Field(
        default="containerd", description="The container runtime of all nodes that name no other."
    )
    kubelet: KubeletSettings | None = Field(
        default=None, description="How the kubelets of all nodes that say nothing else are configured."
    )
    images: dict[str, ContainerBehavior] = Field(
        default_factory=dict, description="What containers do, by image; other images run until they are stopped."
    )
    registries: RegistryActions = Field(
        default_factory=list, description="How the image registries are from the beginning."
    )
    addons: list[str] = Field(
        default_factory=list, description="Addons that are on from the beginning, as `kubesim addons list` names them."
    )

    @model_validator(mode="after")
    def _some_nodes(self) -> Self:
        if isinstance(self.nodes, int) and not 0 <= self.nodes <= 10_000:
            raise ValueError("nodes is a number from 0 to 10000")
        if isinstance(self.nodes, list):
            names = [node.name for node in self.nodes]
            if len(set(names)) < len(names):
                raise ValueError("two nodes have the same name")
        return self


class Count(Model):
    """How many objects there should be."""

    min: int = Field(0, ge=0, description="At least.")
    max: int | None = Field(None, ge=0, description="At most; absent: any number.")


class Check(Model):
    """Something that holds, or does not, at a moment."""

    get: str = Field(description="KIND/NAME, or KIND for all of them: `deployment/web`, `pods`.")
    namespace: str = Field("default", description="`*` means all.")
    selector: str = Field("", description="A label selector.")
    where: dict[str, Any] = Field(
        default_factory=dict,
        description="Dotted path to value; `[x]` picks a list's element by type, name or key: "
        "`status.conditions[Ready].status: Unknown`. A value may be {atLeast: N}, {atMost: N}, {exists: false}, "
        "{matches: REGEX} or {not: VALUE}.",
    )
    count: int | Count | None = Field(None, description="How many objects match; absent: at least one.")


class Fault(Model):
    """One trouble. Links are named by the two ends, hosts (`node-2`, `control-plane`) or components."""

    crash: str | None = Field(None, description="A host or component dies at once, and tells nobody.")
    stop: str | None = Field(None, description="A host or component ends in good order.")
    restart: str | None = Field(None, description="It starts again.")
    pause: str | None = Field(None, description="It freezes: nothing leaves or reaches it.")
    resume: str | None = Field(None, description="It goes on, and what was said meanwhile arrives.")
    skew: str | None = Field(None, description="The clock of a host is `seconds` ahead (negative: behind).")
    partition: tuple[str, str] | None = Field(None, description="Messages from the first to the second are lost.")
    repair: tuple[str, str] | None = Field(None, description="Every rule between the two ends.")
    hold: tuple[str, str] | None = Field(None, description="Messages wait on the way.")
    release: tuple[str, str] | None = Field(None, description="What was held arrives.")
    slow: tuple[str, str] | None = Field(None, description="Messages take `latency` longer.")
    drop: tuple[str, str] | None = Field(None, description="Messages are lost with `probability`.")
    one_way: bool = Field(False, description="Only from the first to the second.")
    seconds: float = Field(0, description="For `skew`.")
    latency: Seconds = Field(0, description="For `slow`.")
    probability: float = Field(1, ge=0, le=1, description="For `drop`, from 0 to 1.")

    @model_validator(mode="after")
    def _one_verb(self) -> Self:
        if len(self.verbs) != 1:
            raise ValueError(f"a fault has exactly one verb of {', '.join(FAULT_VERBS)}")
        return self

    @property
    def verbs(self) -> list[str]:
        """The verbs that are given: exactly one once validated."""
        return [verb for verb in FAULT_VERBS if getattr(self, verb) is not None]


FAULT_VERBS = (
    "crash", "stop", "restart", "pause", "resume", "skew",
    "partition", "repair", "hold", "release", "slow", "drop",
)  # fmt: skip


class Step(Model):
    """Something that the scenario does, at a time of its own or once something holds."""

    at: Seconds | None = Field(None, description="This long after the start.")
    after: Seconds | None = Field(None, description="This long after the step before.")
    when: Check | None = Field(None, description="As soon as this holds.")
    say: str = Field("", description="What a teacher would say.")
    kubectl: Lines = Field(default_factory=list, description="kubectl commands, without the word kubectl.")
    fault: Fault | None = Field(None, description="What breaks, or is repaired.")
    registry: RegistryActions = Field(default_factory=list, description="What is done to the image registries.")
    packet: PacketStep | None = Field(None, description="Connections that are made, and how many are answered.")
    refused: str = Field("", description="The command must be refused with a message that contains this.")

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if sum(value is not None for value in (self.at, self.after, self.when)) > 1:
            raise ValueError("a step has one of at, after and when")
        if not (self.say or self.kubectl or self.fault or self.registry or self.packet):
            raise ValueError("a step does something: say, kubectl, fault, registry or packet")
        return self


class Expectation(Model):
    """What must come true; the run fails if it does not."""

    eventually: Check | None = Field(None, description="Holds at some moment between `from` and `by`.")
    always: Check | None = Field(None, description="Holds at every moment between `from` and `by`.")
    never: Check | None = Field(None, description="Holds at no moment between `from` and `by`.")
    stays: Check | None = Field(None, description="Comes to hold by `by`, and then holds to the end.")
    from_: Seconds = Field(0, alias="from", description="Nothing counts before.")
    by: Seconds | None = Field(None, description="Absent: the end of the run.")
    say: str = Field("", description="The expectation in words.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len(self.kinds) != 1:
            raise ValueError(f"an expectation has exactly one of {', '.join(EXPECTATIONS)}")
        if self.by is not None and self.by < self.from_:
            raise ValueError("by is before from")
        return self

    @property
    def kinds(self) -> list[str]:
        """Which of the four are given: exactly one once validated."""
        return [kind for kind in EXPECTATIONS if getattr(self, kind) is not None]

    @property
    def check(self) -> Check:
        """The check inside."""
        check = getattr(self, self.kinds[0])
        assert isinstance(check, Check)
        return check


class RatePoint(Model):
    """A point of a curve: so many requests a second at that time."""

    after: Seconds = Field(description="This long after the load began.")
    rate: float = Field(ge=0, le=10_000, description="Requests a second.")


class Traffic(Model):
    """Clients that send requests all the while, and count what becomes of them."""

    name: str = Field(pattern=NAME, description="How it is told of.")
    source: str = Field(
        "outside", alias="from", description="Who sends: `outside`, a node, or `pod/NAME` (`pod/NAMESPACE/NAME`)."
    )
    to: str = Field(min_length=1, description="A name or a URL: `web`, `http://web.shop:8080/cart`, `node-1:30080`.")
    at: Seconds = Field(0, description="When it begins.")
    until: Seconds | None = Field(None, description="When it ends; absent: with the run.")
    rate: float | list[RatePoint] = Field(
        0, description="Requests a second whatever comes back (an open loop), or a curve of them."
    )
    clients: int = Field(0, ge=0, le=1000, description="So many clients instead, each of which awaits its answer.")
    think: Seconds = Field(0.1, description="How long such a client thinks before it asks again.")
    timeout: Seconds = Field(1, description="How long an answer is awaited.")
    answered: Count | None = Field(None, description="How many requests must have been answered in the end.")
    failed: Count | None = Field(None, description="How many may have failed: {max: 0} for none.")

    @model_validator(mode="after")
    def _one_loop(self) -> Self:
        if bool(self.rate) == bool(self.clients):
            raise ValueError("traffic has a rate or a number of clients")
        if isinstance(self.rate, float) and not 0 <= self.rate <= 10_000:
            raise ValueError("a rate is a number from 0 to 10000")
        if self.until is not None and self.until < self.at:
            raise ValueError("until is before at")
        return self

    def rate_at(self, seconds: float) -> float:
        """Requests a second, so long after the beginning: a curve goes straight from point to point."""
        if isinstance(self.rate, float):
            return self.rate
        before = self.rate[0]
        for point in self.rate:
            if seconds < point.after:
                share = (seconds - before.after) / (point.after - before.after) if point.after > before.after else 1.0
                return before.rate + max(0.0, share) * (point.rate - before.rate)
            before = point
        return before.rate


EXPECTATIONS = ("eventually", "always", "never", "stays")


class Spec(Model):
    """The scenario itself."""

    title: str = Field(description="One line, as in a table of contents.")
    about: str = Field("", description="A paragraph or two that are shown before the run.")
    replayable: bool = Field(False, description="Whether it makes sense on a real cluster, too.")
    seed: int = Field(1, description="Chance: the same seed is the same run, to the byte.")
    cluster: ClusterSpec = Field(default_factory=ClusterSpec, description="Absent: three nodes.")
    until: Seconds = Field(description="How long the run lasts.")
    steps: list[Step] = Field(min_length=1, description="What is done, in order of time; at least one step.")
    traffic: list[Traffic] = Field(default_factory=list, description="Requests that are sent all the while.")
    expect: list[Expectation] = Field(default_factory=list, description="What must come true.")


class Scenario(Model):
    """A scenario file."""

    api_version: Literal["kubesim.dev/v1alpha1"] = Field(description="The version of this format.")
    kind: Literal["Scenario"] = Field(description="What this file is.")
    metadata: Metadata = Field(description="Its name.")
    spec: Spec = Field(description="Everything else.")
