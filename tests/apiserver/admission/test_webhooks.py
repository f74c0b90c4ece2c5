"""Admission webhooks, in virtual time: an endpoint of the simulated network answers for each."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from kubesim.api.errors import ApiError, BadRequestError, InternalError
from kubesim.api.resources import CONFIG_MAPS, MUTATING_WEBHOOKS, SERVICES, VALIDATING_WEBHOOKS
from kubesim.api.stored import Object
from kubesim.sim import Simulation

RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}
Answer = Callable[[Object], Object | Awaitable[Object]]


def listen(sim: Simulation, name: str, answer: Answer) -> list[Object]:
    """Makes a webhook answer at `https://NAME/`; the requests that it gets."""
    heard: list[Object] = []

    async def handle(review: Object) -> Object:
        heard.append(review["request"])
        response = answer(review["request"])
        if isinstance(response, Awaitable):
            response = await response
        response = {"uid": review["request"]["uid"], "allowed": True, **response}
        return {"kind": "AdmissionReview", "apiVersion": review["apiVersion"], "response": response}

    sim.network.attach(f"webhook/{name}", "elsewhere", handle)
    return heard


def patch(*operations: Object) -> Object:
    return {"patchType": "JSONPatch", "patch": base64.b64encode(orjson.dumps(operations)).decode()}


def hook(name: str, **more: Any) -> Object:
    config = {"url": f"https://{name}/check"}
    return {"name": name, "rules": [RULE], "clientConfig": config, "sideEffects": "None",
            "admissionReviewVersions": ["v1"], **more}  # fmt: skip


async def configure(api: Any, resource: Any, *hooks: Object, name: str = "c") -> None:
    await api.create(resource, {"metadata": {"name": name}, "webhooks": list(hooks)})


async def refusal(call: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await call
    return caught.value


def config(name: str = "x", **data: str) -> Object:
    return {"metadata": {"name": name}, "data": data}


async def test_a_webhook_denies_in_its_own_words(sim: Simulation, boot: Any) -> None:
    """Teaches: code and reason are the webhook's; the words say whose they are."""
    async with boot(sim) as api:
        denial = {"allowed": False, "status": {"message": "not today", "code": 418}}
        heard = listen(sim, "a.b.c", lambda request: denial if request["name"] == "bad" else {})
        await configure(api, VALIDATING_WEBHOOKS, hook("a.b.c"))
        error = await refusal(api.create(CONFIG_MAPS, config("bad")))
        assert (str(error), error.code) == ('admission webhook "a.b.c" denied the request: not today', 418)
        await api.create(CONFIG_MAPS, {"metadata": {"name": "good"}})
        assert heard[-1]["object"]["metadata"]["uid"]  # It sees what will be stored.
        await api.patch(CONFIG_MAPS, "good", {"data": {"k": "v"}})
        assert (heard[-1]["operation"], "data" in heard[-1]["oldObject"]) == ("UPDATE", False)
        await api.delete(CONFIG_MAPS, "good")
        assert (heard[-1]["operation"], heard[-1]["object"]) == ("DELETE", None)


async def test_webhooks_change_new_and_old_objects(sim: Simulation, boot: Any) -> None:
    """Teaches: a change is computed again with the webhook's answer, and only then written."""
    async with boot(sim) as api:
        operations = patch({"op": "add", "path": "/metadata/labels", "value": {"seen": "yes"}})
        heard = listen(sim, "a.b.c", lambda _request: {**operations, "warnings": ["labelled"]})
        await configure(api, MUTATING_WEBHOOKS, hook("a.b.c"))
        made = await api.call("create", CONFIG_MAPS, "", config(k="1"))
        assert made.stored.object["metadata"]["labels"] == {"seen": "yes"}
        assert made.warnings == ("labelled",)
        changed = await api.patch(CONFIG_MAPS, "x", {"data": {"k": "2"}, "metadata": {"labels": None}})
        assert changed.object["metadata"]["labels"] == {"seen": "yes"}
        assert changed.object["data"] == {"k": "2"}
        assert len(heard) == 2


async def test_an_answer_about_an_old_object_is_no_answer(sim: Simulation, boot: Any) -> None:
    """Teaches: who loses the race computes again, and asks again."""
    async with boot(sim) as api:
        await api.create(CONFIG_MAPS, config(k="1"))

        async def think(request: Object) -> Object:
            await asyncio.sleep(2)
            return patch({"op": "add", "path": "/data/seen", "value": request["object"]["data"]["k"]})

        heard = listen(sim, "a.b.c", think)
        rule = {**RULE, "operations": ["UPDATE"]}
        await configure(api, MUTATING_WEBHOOKS, hook("a.b.c", rules=[rule]))
        slow = asyncio.create_task(api.patch(CONFIG_MAPS, "x", {"data": {"slow": "yes"}}))
        await asyncio.sleep(1)
        quick = asyncio.create_task(api.patch(CONFIG_MAPS, "x", {"data": {"k": "2"}}))
        await slow
        await quick
        data = (await api.get(CONFIG_MAPS, "x")).object["data"]
        assert data == {"k": "2", "slow": "yes", "seen": "2"}
        assert len(heard) == 3


async def test_a_webhook_that_hangs_fails_after_its_timeout(sim: Simulation, boot: Any) -> None:
    """Teaches: Fail refuses what cannot be asked, Ignore lets it pass; others go on meanwhile."""
    async with boot(sim) as api:

        async def hang(_request: Object) -> Object:
            await asyncio.sleep(100)
            return {}

        listen(sim, "a.b.c", hang)
        await configure(api, VALIDATING_WEBHOOKS, hook("a.b.c", timeoutSeconds=3))
        before = sim.clock.now()
        error = await refusal(api.create(CONFIG_MAPS, config()))
        assert sim.clock.now() - before == 3
        assert isinstance(error, InternalError)
        why = 'failed to call webhook: Post "https://a.b.c/check?timeout=3s": context deadline exceeded'
        assert error.message == f'Internal error occurred: failed calling webhook "a.b.c": {why}'
        await api.delete(VALIDATING_WEBHOOKS, "c")
        await configure(api, VALIDATING_WEBHOOKS, hook("a.b.c", timeoutSeconds=3, failurePolicy="Ignore"))
        await api.create(CONFIG_MAPS, config())


async def test_a_service_that_is_not_there(sim: Simulation, boot: Any) -> None:
    """Teaches: the commonest way to lock oneself out of a cluster."""
    async with boot(sim) as api:
        service = {"service": {"name": "guard", "namespace": "default"}}
        await configure(api, VALIDATING_WEBHOOKS, hook("a.b.c", clientConfig=service))
        error = await refusal(api.create(CONFIG_MAPS, config()))
        called = 'failed calling webhook "a.b.c": failed to call webhook: '
        post = 'Post "https://guard.default.svc:443/?timeout=10s": service "guard" not found'
        assert error.message == f"Internal error occurred: {called}{post}"
        await api.create(SERVICES, {"metadata": {"name": "guard"}, "spec": {"ports": [{"port": 443}]}})
        error = await refusal(api.create(CONFIG_MAPS, config()))
        assert error.message.endswith('no endpoints available for service "guard"')
        listen(sim, "guard.default.svc", lambda _request: {})
        await api.create(CONFIG_MAPS, config())


async def test_webhooks_are_asked_again_if_needed(sim: Simulation, boot: Any) -> None:
    """Teaches: IfNeeded sees what later webhooks did; Never does not."""
    async with boot(sim) as api:
        first = listen(sim, "first.b.c", lambda _request: {})
        second = listen(sim, "second.b.c", lambda _request: patch({"op": "add", "path": "/data/late", "value": "1"}))
        hooks = hook("first.b.c", reinvocationPolicy="IfNeeded"), hook("second.b.c")
        await configure(api, MUTATING_WEBHOOKS, *hooks)
        await api.create(CONFIG_MAPS, config(k="v"))
        assert [request["object"]["data"] for request in first] == [{"k": "v"}, {"k": "v", "late": "1"}]
        assert len(second) == 1


async def test_a_dry_run_asks_only_the_harmless(sim: Simulation, boot: Any) -> None:
    """Teaches: matchConditions and selectors spare a webhook what does not concern it."""
    async with boot(sim) as api:
        heard = listen(sim, "a.b.c", lambda _request: {})
        condition = {"name": "only", "expression": "object.metadata.name == 'asked'"}
        await configure(api, VALIDATING_WEBHOOKS, hook("a.b.c", matchConditions=[condition]))
        await api.create(CONFIG_MAPS, config("other"))
        await api.create(CONFIG_MAPS, config("asked"), dry_run=True)
        assert [request["dryRun"] for request in heard] == [True]


INVALID: list[tuple[Object, str]] = [
    ({"name": "short"}, 'webhooks[0].name: Invalid value: "short": should be a domain with at least three segments'),
    ({"sideEffects": None}, "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun"),
    ({"sideEffects": "Some"}, 'Unsupported value: "Some": supported values: "None", "NoneOnDryRun"'),
    ({"admissionReviewVersions": []}, "admissionReviewVersions: Required value: must specify one of v1, v1beta1"),
    ({"timeoutSeconds": 31}, "Invalid value: 31: the timeout value must be between 1 and 30 seconds"),
    ({"clientConfig": {}}, "clientConfig: Required value: exactly one of url or service is required"),
    (
        {"clientConfig": {"url": "http://a.b"}},
        "clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: "
        "https://host[/path]",
    ),
    (
        {"rules": [{**RULE, "resources": ["*", "pods"]}]},
        "if '*' is present, must not specify other resources without subresources",
    ),
]


@pytest.mark.parametrize(("change", "text"), INVALID, ids=[text[:40] for _, text in INVALID])
async def test_a_configuration_that_makes_no_sense_is_refused(
    sim: Simulation, boot: Any, change: Object, text: str
) -> None:
    """Teaches: what would lock everybody out is refused as far as it can be seen."""
    async with boot(sim) as api:
        made = {name: value for name, value in {**hook("a.b.c"), **change}.items() if value is not None}
        error = await refusal(configure(api, VALIDATING_WEBHOOKS, made))
        assert not isinstance(error, BadRequestError)
        assert text in error.message
