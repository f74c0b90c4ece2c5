"""The audit log: one line a request."""

from __future__ import annotations

import aiohttp
import orjson

from kubesim.api.stored import Object
from kubesim.api.wire import ClientCertificate, Credential
from kubesim.apiserver import ApiServer
from kubesim.apiserver.http import HttpFront
from kubesim.etcd import Member
from kubesim.sim import Simulation

ADMIN = ClientCertificate("kubernetes-admin", ("system:masters",))


async def test_every_request_leaves_a_line_with_who_and_what_and_why() -> None:
    """Teaches: who asked, as whom he acted, what came of it, and what the authorizer said."""
    sim, lines = Simulation(7), list[Object]()
    server = ApiServer(sim, Member(sim))
    await server.start()
    sim.loop.pace(1.0)
    credential: list[Credential] = [ADMIN]
    front = HttpFront(server, credentials=lambda _: credential[0], audit=lambda line: lines.append(orjson.loads(line)))
    url = f"http://127.0.0.1:{await front.start()}"
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(None)) as session:
            headers = {"Impersonate-User": "joe", "Impersonate-Uid": "77", "Impersonate-Extra-Scopes": "a"}
            async with session.get(f"{url}/api/v1/namespaces/a/secrets", headers=headers) as answer:
                assert answer.status == 403
            credential[0] = None
            async with session.get(f"{url}/api") as answer:
                assert (await answer.json())["message"] == 'forbidden: User "system:anonymous" cannot get path "/api"'
            async with session.get(f"{url}/version") as answer:
                assert answer.status == 200
    finally:
        await front.stop()
        await server.stop()
    first, second, third = lines
    assert first["user"]["username"] == "kubernetes-admin"
    assert first["impersonatedUser"] == {
        "username": "joe", "uid": "77", "groups": ["system:authenticated"], "extra": {"scopes": ["a"]},
    }  # fmt: skip
    assert first["objectRef"] == {"resource": "secrets", "namespace": "a", "apiVersion": "v1"}
    assert (first["verb"], first["responseStatus"]["code"]) == ("list", 403)
    assert first["annotations"]["authorization.k8s.io/decision"] == "forbid"
    assert second["user"]["username"] == "system:anonymous"
    assert third["annotations"]["authorization.k8s.io/reason"] == (
        'RBAC: allowed by ClusterRoleBinding "system:public-info-viewer" of ClusterRole "system:public-info-viewer" '
        'to Group "system:unauthenticated"'
    )
