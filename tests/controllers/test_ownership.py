"""Who belongs to whom."""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import ForbiddenError
from kubesim.api.resources import REPLICA_SETS
from kubesim.api.selectors import equality_selector
from kubesim.api.stored import Stored
from kubesim.client.informer import Informer
from kubesim.controllers.ownership import is_namespace_terminating, owner_in, plan_claims

WEB = equality_selector({"app": "web"})


def thing(name: str, app: str = "web", **metadata: Any) -> Stored:
    return Stored(
        1, {"metadata": {"name": name, "namespace": "default", "uid": name, "labels": {"app": app}, **metadata}}
    )


def test_matching_orphans_are_adopted_and_strangers_released() -> None:
    """Teaches: to take a Pod out of service for a look, change its label; the set makes another."""
    mine, strayed, orphan, foreign = thing("a"), thing("b", "debug"), thing("c"), thing("d", "db")
    claims = plan_claims(thing("owner"), WEB, [mine, strayed], [orphan, foreign])
    assert (claims.keep, claims.adopt, claims.release) == ([mine], [orphan], [strayed])


def test_nobody_adopts_what_is_being_deleted() -> None:
    """Teaches: an orphan on its way out is no replica."""
    leaving = thing("c", deletionTimestamp="2024-01-13T09:00:00Z")
    assert plan_claims(thing("owner"), WEB, (), [leaving]).adopt == []


def test_an_owner_that_is_being_deleted_neither_adopts_nor_releases() -> None:
    """Teaches: `kubectl delete --cascade=orphan` would be undone otherwise."""
    owner = thing("owner", deletionTimestamp="2024-01-13T09:00:00Z")
    claims = plan_claims(owner, WEB, [thing("a"), thing("b", "debug")], [thing("c")])
    assert ([one.name for one in claims.keep], claims.adopt, claims.release) == (["a"], (), ())


async def test_a_reference_is_followed_only_to_the_very_same_object() -> None:
    """Teaches: a new ReplicaSet of an old name is another one; the uid tells."""
    informer = Informer(REPLICA_SETS)
    informer.replace([thing("web")], 1)
    reference = {"kind": "ReplicaSet", "name": "web", "uid": "web"}
    assert owner_in(informer, "default", reference) is informer.get("default/web")
    assert owner_in(informer, "default", {**reference, "uid": "older"}) is None
    assert owner_in(informer, "default", {**reference, "kind": "Job"}) is None
    assert owner_in(informer, "default", None) is None


def test_a_terminating_namespace_is_told_from_other_refusals() -> None:
    """Teaches: creating in a namespace that is being deleted can never succeed, so nobody is told about it."""
    refused = ForbiddenError("no", {"causes": [{"reason": "NamespaceTerminating"}]})
    assert is_namespace_terminating(refused)
    assert not is_namespace_terminating(ForbiddenError("exceeded quota"))
    assert not is_namespace_terminating(ValueError())
