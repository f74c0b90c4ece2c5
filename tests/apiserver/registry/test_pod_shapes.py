"""What is remembered of Pods of one template, and that it changes nothing but the work."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubesim.api.resources import PODS
from kubesim.api.schema import Schema
from kubesim.api.stored import Object
from kubesim.api.wire import ClientCertificate, Request
from kubesim.apiserver.authn import User
from kubesim.apiserver.context import RequestContext
from kubesim.apiserver.decoding import Decoder
from kubesim.apiserver.managed_fields.tracking import FieldTracker
from kubesim.apiserver.memo import Memo
from kubesim.apiserver.registry.pod import PodStrategy
from kubesim.sim import Simulation, run

SCHEMA = Schema.load()


def container(**fields: Any) -> Object:
    return {"name": "c", "image": "nginx", **fields}


def mounted(suffix: str) -> Object:
    """A Pod with the volume that the server mounts, or one that looks like it."""
    name = f"kube-api-access-{suffix}"
    mount = {"name": name, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True}
    return {"containers": [container(volumeMounts=[mount])], "volumes": [{"name": name, "emptyDir": {}}]}


SPECS = (
    {"containers": [container()]},
    {"containers": [container(resources={"requests": {"cpu": "1"}})]},
    {"containers": [container(resources={"limits": {"cpu": "1", "memory": "1Gi"}})]},
    {"containers": [container(resources={"limits": {"memory": "500m"}})]},  # A warning.
    {"containers": [container(name="Wrong Name")]},
    {"containers": []},
    {"containers": [container()], "unknown": 1},  # A field that nobody knows.
    {"containers": [container()], "nodeName": "node-1"},
    mounted("abcde"),
    mounted("fghij"),
    mounted("A_$de"),
    {"containers": [container()], "volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}]},
)
PODS_MADE = st.lists(
    st.tuples(
        st.sampled_from(SPECS),
        st.sampled_from(["web-1", "web-2", "dotted.name"]),
        st.sampled_from([None, {"scheduler.alpha.kubernetes.io/critical-pod": ""}]),
    ),
    min_size=2,
    max_size=8,
)


def context(sim: Simulation, body: Object) -> RequestContext:
    credential = ClientCertificate("kubernetes-admin", ("system:masters",))
    request = Request("create", PODS, "default", "", "", body, credential=credential, user_agent="kubectl")
    return RequestContext(sim, request, User("kubernetes-admin"))


class Way:
    """The parts of a Pod's creation that remember something."""

    def __init__(self) -> None:
        self.decoder = Decoder(PODS, SCHEMA)
        self.tracker = FieldTracker(PODS, lambda: SCHEMA.node(PODS))
        self.strategy = PodStrategy(PODS)

    def go(self, sim: Simulation, body: Object) -> tuple[Any, ...]:
        """All that comes of one Pod."""
        asked = context(sim, body)
        pod = self.decoder.decode(body, asked)
        pod["metadata"] = dict(pod["metadata"])
        self.tracker.created(asked, pod)
        self.strategy.prepare_for_create(pod)
        problems = self.strategy.validate(pod)
        return pod, list(pod), asked.warnings, problems, list(self.strategy.warnings_on_create(pod))


@settings(deadline=None, max_examples=60)
@given(made=PODS_MADE)
def test_what_is_remembered_is_what_would_be_found(made: list[tuple[Object, str, Object | None]]) -> None:
    """Teaches: a memory may save work, and nothing else may come of it."""

    async def main() -> None:
        sim, remembering = Simulation(), Way()
        for spec, name, notes in made:
            metadata = {"name": name, "labels": {"app": name}} | ({"annotations": notes} if notes else {})
            body = {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec}
            assert remembering.go(sim, body) == Way().go(sim, body)

    run(main)


async def test_pods_of_one_template_share_their_spec(sim: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: a thousand Pods of a Deployment differ in their names; their spec is read and checked once."""
    way = Way()
    looked: list[str] = []
    problems = way.strategy._problems
    monkeypatch.setattr(way.strategy, "_problems", lambda spec, name: looked.append(name) or problems(spec, name))
    bodies = [{"metadata": {"name": f"web-{n}"}, "spec": {"containers": [container()]}} for n in range(3)]
    pods = [way.go(sim, body)[0] for body in bodies]
    assert pods[0]["spec"] is pods[1]["spec"] is pods[2]["spec"]
    assert looked == ["web-0"]


async def test_a_wrong_spec_is_looked_at_every_time(sim: Simulation) -> None:
    """Teaches: only what is in order is remembered, for a refusal names the object."""
    way = Way()
    body = {"metadata": {"name": "web"}, "spec": {"containers": [container(name="Wrong")]}}
    first, second = (way.go(sim, body)[3] for _ in range(2))
    assert first == second
    assert first


def test_a_memo_forgets_the_oldest() -> None:
    """Teaches: what may grow for ever has to have an end."""
    memo: Memo[str, int] = Memo(2)
    for number, key in enumerate("abca"):
        memo.put(key, number)
    assert (memo.get("b"), memo.get("c"), memo.get("a"), len(memo)) == (None, 2, 3, 2)
    assert "c" in memo
    assert "b" not in memo
