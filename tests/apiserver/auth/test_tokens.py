"""Tokens of service accounts: what they say, for how long, and what ends them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubesim.api.errors import ApiError, BadRequestError, ForbiddenError, InvalidError, NotFoundError, UnauthorizedError
from kubesim.api.resources import PODS, SECRETS, SERVICE_ACCOUNTS
from kubesim.api.stored import Object
from kubesim.api.tokens import KeyedSigner, legacy_claims, make_token, parse_token
from kubesim.api.wire import BearerToken
from kubesim.apiserver.auth.service_account_tokens import ISSUER
from kubesim.apiserver.authn import User
from kubesim.sim import Simulation


async def token(api: Any, account: str = "default", **spec: Any) -> Object:
    body = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": spec}
    response = await api.call("create", SERVICE_ACCOUNTS, account, body, subresource="token")
    answer: Object = response.status
    return answer


def who(api: Any, answer: Object) -> User:
    user: User = api.server.authenticate(BearerToken(answer["status"]["token"]))
    return user


async def test_a_token_says_whose_it_is_and_for_how_long(sim: Simulation, boot: Any) -> None:
    """Teaches: the claims of a bound token; anybody can read them, only the cluster can sign them."""
    async with boot(sim) as api:
        await api.account()
        answer = await token(api, expirationSeconds=600)
        parsed = parse_token(answer["status"]["token"])
        assert parsed is not None
        claims = parsed.claims
        assert (claims["iss"], claims["aud"], claims["exp"] - claims["iat"]) == (ISSUER, [ISSUER], 600)
        assert claims["sub"] == "system:serviceaccount:default:default"
        assert claims["kubernetes.io"]["serviceaccount"]["name"] == "default"
        user = who(api, answer)
        assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated")
        assert user.extra == (("authentication.kubernetes.io/credential-id", (f"JTI={claims['jti']}",)),)


async def test_a_token_ends_at_its_time_on_the_cluster_s_clock(sim: Simulation, boot: Any) -> None:
    """Teaches: nobody revokes a token; it ends."""
    async with boot(sim) as api:
        await api.account()
        answer = await token(api, expirationSeconds=600)
        await asyncio.sleep(599)
        who(api, answer)
        await asyncio.sleep(1)
        with pytest.raises(UnauthorizedError, match=r"^Unauthorized$"):
            who(api, answer)


async def test_a_token_ends_with_its_account_and_with_its_pod(sim: Simulation, boot: Any) -> None:
    """Teaches: bound tokens: when the Pod is gone its token opens nothing any more."""
    async with boot(sim) as api:
        await api.account()
        await api.pod("web")
        reference = {"kind": "Pod", "apiVersion": "v1", "name": "web"}
        bound, free = await token(api, boundObjectRef=reference), await token(api)
        assert ("authentication.kubernetes.io/pod-name", ("web",)) in who(api, bound).extra
        await api.call("delete", PODS, "web", {"gracePeriodSeconds": 0})
        with pytest.raises(UnauthorizedError):
            who(api, bound)
        who(api, free)
        await api.call("delete", SERVICE_ACCOUNTS, "default")
        await api.account()  # Of the same name, but another one.
        with pytest.raises(UnauthorizedError):
            who(api, free)


async def test_a_token_of_another_audience_or_key_is_refused(sim: Simulation, boot: Any) -> None:
    """Teaches: a token made for somebody else does not open the API, and neither does a forged one."""
    async with boot(sim) as api:
        await api.account()
        answer = await token(api, audiences=["vault"])
        with pytest.raises(UnauthorizedError):
            who(api, answer)
        text = answer["status"]["token"]
        assert api.server.review_token(BearerToken(text), ("vault", "other"))[1] == ("vault",)
        parsed = parse_token(text)
        assert parsed is not None
        forged = make_token(KeyedSigner(b"guess"), {**parsed.claims, "aud": [ISSUER]})
        with pytest.raises(UnauthorizedError):
            api.server.authenticate(BearerToken(forged))


async def test_a_token_of_one_namespace_does_not_read_another(sim: Simulation, boot: Any) -> None:
    """Teaches: a token is a name and groups; what they may is for roles to say."""
    async with boot(sim) as api:
        await api.account()
        credential = BearerToken((await token(api))["status"]["token"])
        with pytest.raises(ForbiddenError, match=r"system:serviceaccount:default:default"):
            await api.call("list", SECRETS, namespace="kube-system", credential=credential)


@pytest.mark.parametrize(
    ("account", "spec", "kind", "message"),
    [
        ("ghost", {}, NotFoundError, 'serviceaccounts "ghost" not found'),
        ("default", {"expirationSeconds": 60}, InvalidError, 'TokenRequest.authentication.k8s.io "" is invalid: '
         "spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes"),
        ("default", {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "x"}}, NotFoundError,
         'pods "x" not found'),
        ("default", {"boundObjectRef": {"kind": "ConfigMap", "apiVersion": "v1", "name": "x"}}, BadRequestError,
         "cannot bind token to object of type /v1, Kind=ConfigMap"),
    ],
)  # fmt: skip
async def test_requests_that_are_refused(
    sim: Simulation, boot: Any, account: str, spec: Object, kind: type[ApiError], message: str
) -> None:
    """Teaches: what a TokenRequest must respect."""
    async with boot(sim) as api:
        await api.account()
        with pytest.raises(kind) as refusal:
            await token(api, account, **spec)
        assert refusal.value.message == message


@pytest.mark.cluster(nodes=1)
async def test_a_token_secret_is_filled_and_goes_with_its_account(cluster: Any) -> None:
    """Teaches: a Secret of the type is completed by the tokens controller, and lives no longer than the account."""
    await cluster.client.create(SERVICE_ACCOUNTS, {"metadata": {"name": "bot", "namespace": "default"}})
    annotations = {"kubernetes.io/service-account.name": "bot"}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token"}
    for name, account in (("tok", "bot"), ("lost", "nobody")):
        metadata = {"name": name, "namespace": "default", "annotations": {**annotations}}
        metadata["annotations"]["kubernetes.io/service-account.name"] = account
        await cluster.client.create(SECRETS, {**secret, "metadata": metadata})
    await cluster.settle(5)
    found = {stored.name: stored.object for stored in (await cluster.client.list(SECRETS, "default")).items}
    assert sorted(found["tok"]["data"]) == ["ca.crt", "namespace", "token"]
    assert "lost" not in found
    await cluster.client.delete(SERVICE_ACCOUNTS, "bot", "default")
    await cluster.settle(5)
    assert not (await cluster.client.list(SECRETS, "default")).items


def test_a_legacy_token_names_its_secret() -> None:
    """Teaches: such a token does not end by itself, only with its Secret."""
    claims = legacy_claims("a", "tok", "bot", "uid-1")
    assert claims["sub"] == "system:serviceaccount:a:bot"
    assert "exp" not in claims
