"""GET and LIST: selectors, pages, and which revision is shown."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from kubesim.api.errors import BadRequestError, ExpiredError, InvalidError, NotFoundError, ServerTimeoutError
from kubesim.api.resources import CONFIG_MAPS, NODES, PODS, Resource
from kubesim.etcd import Member
from kubesim.sim import Simulation


async def config_maps(api: Any, *names: str, namespace: str = "default") -> None:
    for name in names:
        await api.create(CONFIG_MAPS, {"metadata": {"name": name}}, namespace=namespace)


def names(response: Any) -> list[str]:
    return [item.key for item in response.items]


async def every_page(api: Any, resource: Resource, **options: Any) -> list[list[str]]:
    pages, token = [], ""
    while True:
        page = await api.list(resource, continue_=token, **options)
        pages.append(names(page))
        token = page.continue_
        if not token:
            return pages


async def test_a_list_is_in_the_order_of_etcds_keys(sim: Simulation, boot: Any) -> None:
    """Teaches: by namespace, then by name; and a list sees every write that was finished before."""
    async with boot(sim) as api:
        await config_maps(api, "c", "a", "b")
        await config_maps(api, "z", namespace="kube-system")
        await config_maps(api, "y", namespace="kube-public")
        assert names(await api.list(CONFIG_MAPS)) == [
            "default/a", "default/b", "default/c", "kube-public/y", "kube-system/z",
        ]  # fmt: skip
        assert names(await api.list(CONFIG_MAPS, namespace="kube-public")) == ["kube-public/y"]
        await api.delete(CONFIG_MAPS, "b")
        listed = await api.list(CONFIG_MAPS, namespace="default")
        assert names(listed) == ["default/a", "default/c"]
        assert listed.revision == await api.server.registries["", "configmaps"].storage.revision()


async def test_a_namespace_is_not_a_prefix(sim: Simulation, boot: Any) -> None:
    """Teaches: "a" does not contain what is in "a-b"."""
    async with boot(sim) as api:
        for namespace in ("a", "a-b"):
            await api.create(Resource("", "v1", "Namespace", "namespaces", False), {"metadata": {"name": namespace}})
            await config_maps(api, "x", namespace=namespace)
        assert names(await api.list(CONFIG_MAPS, namespace="a")) == ["a/x"]
        assert names(await api.list(CONFIG_MAPS)) == ["a-b/x", "a/x"]


async def test_label_selectors_choose_objects(sim: Simulation, boot: Any) -> None:
    """Teaches: equality, sets, existence."""
    async with boot(sim) as api:
        for name, labels in (("a", {"app": "web"}), ("b", {"app": "web", "tier": "x"}), ("c", {"app": "db"})):
            await api.pod(name, labels=labels)
        for selector, found in (("app=web", ["a", "b"]), ("app=web,!tier", ["a"]), ("app in (db)", ["c"]),
                                ("tier", ["b"]), ("app!=web", ["c"])):  # fmt: skip
            assert [p.name for p in (await api.list(PODS, label_selector=selector)).items] == found, selector


async def test_field_selectors_know_a_few_fields(sim: Simulation, boot: Any) -> None:
    """Teaches: only fields that a kind declares; anything else is refused."""
    async with boot(sim) as api:
        await api.pod("a", node="n1")
        await api.pod("b", node="n2")
        await api.pod("c")
        for selector, found in (
            ("spec.nodeName=n1", ["a"]),
            ("spec.nodeName=", ["c"]),
            ("spec.nodeName!=n1", ["b", "c"]),
            ("metadata.name=b", ["b"]),
            ("status.phase=Pending,spec.nodeName=n2", ["b"]),
        ):
            assert [p.name for p in (await api.list(PODS, field_selector=selector)).items] == found, selector
        with pytest.raises(BadRequestError) as refusal:
            await api.list(PODS, field_selector="spec.hostname=x")
        assert str(refusal.value) == "field label not supported: spec.hostname"
        with pytest.raises(BadRequestError):
            await api.list(PODS, label_selector="a in b")


async def test_a_long_list_comes_in_pages(sim: Simulation, boot: Any) -> None:
    """Teaches: limit and continue; the server says how many are left when no selector makes it guess."""
    async with boot(sim) as api:
        await config_maps(api, *"edcba")
        first = await api.list(CONFIG_MAPS, limit=2)
        assert (names(first), first.remaining_item_count) == (["default/a", "default/b"], 3)
        second = await api.list(CONFIG_MAPS, limit=2, continue_=first.continue_)
        assert (names(second), second.remaining_item_count) == (["default/c", "default/d"], 1)
        last = await api.list(CONFIG_MAPS, limit=2, continue_=second.continue_)
        assert (names(last), last.remaining_item_count, last.continue_) == (["default/e"], None, "")
        assert first.revision == second.revision == last.revision
        assert (await api.list(CONFIG_MAPS, limit=5)).continue_ == ""


async def test_pages_of_a_selection_are_full(sim: Simulation, boot: Any) -> None:
    """Teaches: the limit counts what matches; whether more will match is not known, so a last page may be empty."""
    async with boot(sim) as api:
        for number in range(9):
            await api.pod(f"p{number}", labels={"odd": str(number % 2)})
        first = await api.list(PODS, limit=3, label_selector="odd=0")
        assert (names(first), first.remaining_item_count) == (["default/p0", "default/p2", "default/p4"], None)
        pages = await every_page(api, PODS, limit=2, namespace="default", label_selector="odd=1")
        assert pages == [["default/p1", "default/p3"], ["default/p5", "default/p7"], []]


async def test_later_pages_show_the_moment_of_the_first(sim: Simulation, boot: Any) -> None:
    """Teaches: the token holds the revision, so a list is consistent however long the client takes."""
    async with boot(sim) as api:
        await config_maps(api, *"abc")
        first = await api.list(CONFIG_MAPS, limit=1)
        token = orjson.loads(base64.urlsafe_b64decode(first.continue_ + "=="))
        assert token == {"v": "meta.k8s.io/v1", "rv": first.revision, "start": "default/a\0"}
        await api.delete(CONFIG_MAPS, "b")
        await config_maps(api, "bb")
        rest = await api.list(CONFIG_MAPS, continue_=first.continue_)
        assert names(rest) == ["default/b", "default/c"]
        assert rest.revision == first.revision


async def test_a_token_can_be_too_old(sim: Simulation, boot: Any) -> None:
    """Teaches: compaction forgets the past; the client has to begin again: 410."""
    etcd = Member(sim)
    async with boot(sim, etcd) as api:
        await config_maps(api, *"abc")
        first = await api.list(CONFIG_MAPS, limit=1)
        await api.patch(CONFIG_MAPS, "b", {"data": {"k": "v"}})
        await etcd.compact(await api.server.registries["", "configmaps"].storage.revision())
        with pytest.raises(ExpiredError) as refusal:
            await api.list(CONFIG_MAPS, limit=1, continue_=first.continue_)
        assert str(refusal.value).startswith(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list"
        )
        assert refusal.value.code == 410
        with pytest.raises(ExpiredError) as refusal:
            await api.list(CONFIG_MAPS, resource_version=str(first.revision), resource_version_match="Exact")
        assert str(refusal.value) == "The resourceVersion for the provided list is too old."


async def test_a_list_can_show_the_past(sim: Simulation, boot: Any) -> None:
    """Teaches: resourceVersionMatch=Exact reads etcd's history."""
    async with boot(sim) as api:
        await config_maps(api, "a")
        then = (await api.get(CONFIG_MAPS, "a")).revision
        await config_maps(api, "b")
        await api.patch(CONFIG_MAPS, "a", {"data": {"k": "v"}})
        past = await api.list(CONFIG_MAPS, resource_version=str(then), resource_version_match="Exact")
        assert (names(past), past.revision) == (["default/a"], then)
        assert "data" not in past.items[0].object
        newer = await api.list(CONFIG_MAPS, resource_version=str(then), resource_version_match="NotOlderThan")
        assert names(newer) == ["default/a", "default/b"]


async def test_the_future_cannot_be_listed(sim: Simulation, boot: Any) -> None:
    """Teaches: the server waits three seconds for it to come, then gives up."""
    async with boot(sim) as api:
        begin = sim.clock.now()
        with pytest.raises(ServerTimeoutError, match=r"^Too large resource version: 1000, current: \d+$"):
            await api.list(CONFIG_MAPS, resource_version="1000")
        assert sim.clock.now() == begin + 3.0
        with pytest.raises(ServerTimeoutError, match=r"^Too large resource version: 1000"):
            await api.list(CONFIG_MAPS, resource_version="1000", resource_version_match="Exact")


async def test_a_revision_to_come_is_waited_for(sim: Simulation, boot: Any) -> None:
    """Teaches: "not older than" what I wrote a moment ago finds it, though the cache lags behind."""
    async with boot(sim) as api:
        made = await api.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
        assert names(await api.list(CONFIG_MAPS, resource_version="0")) == []
        assert names(await api.list(CONFIG_MAPS, resource_version=str(made.revision))) == ["default/a"]


async def test_options_that_make_no_sense_are_refused(sim: Simulation, boot: Any) -> None:
    """Teaches: ListOptions are validated like objects."""
    async with boot(sim) as api:
        with pytest.raises(InvalidError) as refusal:
            await api.list(PODS, resource_version_match="Exact")
        assert str(refusal.value) == (
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
            "resourceVersionMatch is forbidden unless resourceVersion is provided"
        )
        with pytest.raises(InvalidError, match='Unsupported value: "Later"'):
            await api.list(PODS, resource_version="1", resource_version_match="Later")
        with pytest.raises(InvalidError, match='"exact" is forbidden for resourceVersion "0"'):
            await api.list(PODS, resource_version="0", resource_version_match="Exact")
        with pytest.raises(BadRequestError, match=r"^invalid continue token: continue key is not valid"):
            await api.list(PODS, continue_="garbage")
        with pytest.raises(BadRequestError, match="not allowed when using continue"):
            await api.list(PODS, continue_="x", resource_version="3")
        with pytest.raises(BadRequestError, match='parsing "x": invalid syntax'):
            await api.list(PODS, resource_version="x")


async def test_get_asks_etcd_unless_told_that_any_answer_will_do(sim: Simulation, boot: Any) -> None:
    """Teaches: a plain GET sees every finished write; resourceVersion 0 takes what the cache has."""
    async with boot(sim) as api:
        made = await api.node("n1")
        assert (await api.get(NODES, "n1")) is made
        with pytest.raises(NotFoundError, match=r'^nodes "n1" not found$'):
            await api.get(NODES, "n1", resource_version="0")
