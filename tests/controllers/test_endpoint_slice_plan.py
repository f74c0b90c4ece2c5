"""Tests of kubesim.controllers.endpoint_slice_plan."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kubesim.controllers.endpoint_slice_plan import (
    ENDPOINTS_PER_SLICE_MAX,
    Endpoints,
    KnownSlice,
    SlicePlan,
    new_slice,
    plan_slices,
)
from kubesim.controllers.endpoints import EndpointKey, Group

HTTP = Group("IPv4", (("http", "TCP", 80, ""),))
ALT = Group("IPv4", (("http", "TCP", 81, ""),))
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default", "uid": "u", "labels": {"team": "a"}},
    "spec": {"clusterIP": "10.96.0.1"},
}


def wanted(*numbers: int, ready: bool = True) -> Endpoints:
    return {
        EndpointKey((f"10.0.{n // 250}.{n % 250}",), f"web-{n}"): {
            "addresses": [f"10.0.{n // 250}.{n % 250}"],
            "conditions": {"ready": ready},
            "targetRef": {"kind": "Pod", "name": f"web-{n}"},
        }
        for n in numbers
    }


def existing(name: str, endpoints: Endpoints, group: Group = HTTP, service: dict[str, Any] = SERVICE) -> KnownSlice:
    obj = new_slice(service, group, list(endpoints.values()))
    return KnownSlice(obj | {"metadata": obj["metadata"] | {"name": name, "resourceVersion": "1"}})


def apply(plan: SlicePlan, slices: list[KnownSlice]) -> list[KnownSlice]:
    """The slices after the plan was carried out."""
    by_name = {known.name: known for known in slices}
    for doomed in plan.delete:
        del by_name[doomed.name]
    for obj in plan.update:
        by_name[obj["metadata"]["name"]] = KnownSlice(obj)
    for obj in plan.create:
        name = f"new-{len(by_name)}"
        by_name[name] = KnownSlice(obj | {"metadata": obj["metadata"] | {"name": name}})
    return list(by_name.values())


def names(obj: dict[str, Any]) -> list[str]:
    return [entry["targetRef"]["name"] for entry in obj["endpoints"] or ()]


def test_a_service_without_endpoints_has_a_placeholder() -> None:
    """Teaches: an empty slice says "nobody", which is not the same as "nobody knows"; its lists are null."""
    plan = plan_slices(SERVICE, ["IPv4"], [], {})
    (placeholder,) = plan.create
    assert placeholder["endpoints"] is None
    assert placeholder["ports"] is None
    assert placeholder["metadata"]["generateName"] == "web-"
    assert placeholder["metadata"]["labels"] == {
        "team": "a",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    assert not any(plan_slices(SERVICE, ["IPv4"], [existing("web-a", {}, Group("IPv4", ()))], {}))


def test_the_placeholder_becomes_the_first_real_slice() -> None:
    """Teaches: a deletion and a creation are made one update, so that readers never see nothing."""
    placeholder = existing("web-a", {}, Group("IPv4", ()))
    plan = plan_slices(SERVICE, ["IPv4"], [placeholder], {HTTP: wanted(1)})
    assert (plan.create, plan.delete) == ([], [])
    (update,) = plan.update
    assert update["metadata"]["name"] == "web-a"
    assert "resourceVersion" not in update["metadata"]
    assert update["ports"] == [{"name": "http", "protocol": "TCP", "port": 80}]
    assert names(update) == ["web-1"]


def test_the_last_endpoint_leaves_a_placeholder_behind() -> None:
    """Teaches: and back again."""
    plan = plan_slices(SERVICE, ["IPv4"], [existing("web-a", wanted(1))], {})
    (update,) = plan.update
    assert (update["metadata"]["name"], update["endpoints"], update["ports"]) == ("web-a", None, None)
    assert (plan.create, plan.delete) == ([], [])


def test_endpoints_stay_where_they_are_and_keep_their_order() -> None:
    """Teaches: a change of one endpoint is a change of one place."""
    slices = [existing("web-a", wanted(1, 2, 3))]
    plan = plan_slices(SERVICE, ["IPv4"], slices, {HTTP: wanted(3, 1) | wanted(2, ready=False)})
    (update,) = plan.update
    assert names(update) == ["web-1", "web-2", "web-3"]
    assert [entry["conditions"]["ready"] for entry in update["endpoints"]] == [True, False, True]
    assert update["metadata"]["resourceVersion"] == "1"


def test_nothing_changed_means_nothing_is_written() -> None:
    """Teaches: every write is sent to every node."""
    assert not any(plan_slices(SERVICE, ["IPv4"], [existing("web-a", wanted(1, 2))], {HTTP: wanted(2, 1)}))


def test_a_full_slice_is_followed_by_another() -> None:
    """Teaches: at most 100 endpoints in a slice."""
    plan = plan_slices(SERVICE, ["IPv4"], [], {HTTP: wanted(*range(250))})
    assert [len(obj["endpoints"]) for obj in plan.create] == [100, 100, 50]


def test_new_endpoints_fill_a_slice_that_changes_anyway() -> None:
    """Teaches: one write instead of two."""
    slices = [existing("web-a", wanted(*range(98))), existing("web-b", wanted(200, 201))]
    left = {HTTP: wanted(*range(98), 200, 300)}
    (update,) = plan_slices(SERVICE, ["IPv4"], slices, left).update
    assert names(update) == ["web-200", "web-300"]


def test_else_they_go_where_they_just_fit() -> None:
    """Teaches: the slice that becomes fullest is taken, and one only if it has room for all of them."""
    slices = [existing("web-a", wanted(*range(99))), existing("web-b", wanted(*range(100, 150)))]
    more = {HTTP: wanted(*range(99), *range(100, 150), 300, 301)}
    (update,) = plan_slices(SERVICE, ["IPv4"], slices, more).update
    assert update["metadata"]["name"] == "web-b"
    one_more = {HTTP: wanted(*range(99), *range(100, 150), 300)}
    (update,) = plan_slices(SERVICE, ["IPv4"], slices, one_more).update
    assert update["metadata"]["name"] == "web-a"


def test_endpoints_with_other_ports_have_other_slices() -> None:
    """Teaches: ports are said once per slice."""
    plan = plan_slices(SERVICE, ["IPv4"], [existing("web-a", wanted(1))], {HTTP: wanted(1), ALT: wanted(2)})
    assert [obj["ports"][0]["port"] for obj in plan.create] == [81]
    assert plan.update == []


def test_slices_of_an_earlier_service_of_the_same_name_are_not_taken_over() -> None:
    """Teaches: owners are told apart by uid."""
    old = existing("web-old", wanted(1), service=SERVICE | {"metadata": SERVICE["metadata"] | {"uid": "older"}})
    plan = plan_slices(SERVICE, ["IPv4"], [old], {HTTP: wanted(1)})
    assert [known.name for known in plan.delete] == ["web-old"]
    assert len(plan.create) == 1


def test_slices_of_a_kind_of_address_that_is_no_more_are_deleted() -> None:
    """Teaches: an addressType never changes."""
    six = existing("web-6", {}, Group("IPv6", ()))
    plan = plan_slices(SERVICE, ["IPv4"], [existing("web-a", wanted(1)), six], {HTTP: wanted(1)})
    assert ([known.name for known in plan.delete], plan.create, plan.update) == (["web-6"], [], [])


def test_slices_carry_the_labels_of_their_service() -> None:
    """Teaches: they follow when those change; a headless Service has a mark."""
    changed = SERVICE | {"metadata": SERVICE["metadata"] | {"labels": {"team": "b"}}, "spec": {"clusterIP": "None"}}
    (update,) = plan_slices(changed, ["IPv4"], [existing("web-a", wanted(1))], {HTTP: wanted(1)}).update
    labels = update["metadata"]["labels"]
    assert labels["team"] == "b"
    assert labels["service.kubernetes.io/headless"] == ""


def test_with_touched_only_those_endpoints_are_compared() -> None:
    """Teaches: the cost of a Pod's change does not grow with its Service."""
    slices = [existing("web-a", wanted(1, 2)), existing("web-b", wanted(3))]
    now = {HTTP: wanted(1, 2, ready=False) | wanted(4)}
    (one, two) = wanted(1, 2)
    assert not any(plan_slices(SERVICE, ["IPv4"], slices, now, touched={}))
    (update,) = plan_slices(SERVICE, ["IPv4"], slices, now, touched={two: None}).update
    assert [entry["conditions"]["ready"] for entry in update["endpoints"]] == [True, False]
    (gone,) = wanted(3)
    (new,) = wanted(4)
    plan = plan_slices(SERVICE, ["IPv4"], slices, now, touched={gone: None, new: None})
    assert [known.name for known in plan.delete] == ["web-b"]
    assert [names(obj) for obj in plan.update] == [["web-1", "web-2", "web-4"]]
    assert one in slices[0].endpoints


SETS = st.sets(st.integers(0, 230), max_size=230)


@settings(max_examples=60, deadline=None)
@given(st.lists(SETS, min_size=1, max_size=4))
def test_whatever_happens_the_slices_hold_exactly_what_is_wanted(steps: list[set[int]]) -> None:
    """Teaches: each wanted endpoint in one slice, no slice too full, and a second look finds nothing to do."""
    slices: list[KnownSlice] = []
    before: set[int] = set()
    for step in steps:
        now = {HTTP: wanted(*sorted(step))} if step else {}
        touched = wanted(*sorted(step ^ before)) if slices else None
        slices = apply(plan_slices(SERVICE, ["IPv4"], slices, now, touched), slices)
        held = [name for known in slices for name in names(known.object)]
        assert sorted(held) == sorted(f"web-{n}" for n in step)
        assert all(len(known.endpoints) <= ENDPOINTS_PER_SLICE_MAX for known in slices)
        assert not any(plan_slices(SERVICE, ["IPv4"], slices, now))
        before = step
