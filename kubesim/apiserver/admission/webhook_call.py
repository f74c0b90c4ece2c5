"""One call of one webhook: an AdmissionReview there, an AdmissionReview back.

Where it goes: an endpoint `webhook/HOST[:PORT]` of the simulated network if there is one, so that a scenario can
have webhooks in virtual time; else, in a cluster that is served, the real host of that name. A reference to a
Service means the host `NAME.NAMESPACE.svc`; without such an endpoint it ends as it does for a Service without
Pods behind it: nothing simulated listens on a cluster address.

Upstream: k8s.io/apiserver/pkg/util/webhook, pkg/admission/plugin/webhook/request.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from kubesim.api.resources import SERVICES
from kubesim.api.stored import Object
from kubesim.apiserver.admission.plugin import Lookup
from kubesim.apiserver.admission.webhook_errors import CallError, InvalidAnswerError
from kubesim.sim import Mode, NetworkError, Simulation

API_SERVER = "apiserver"
TIMEOUT_SECONDS = 10
VERSIONS = ("v1", "v1beta1")
GROUP = "admission.k8s.io"
EXPIRED = "context deadline exceeded"


class Answer(NamedTuple):
    """What a webhook says: `denial` is the Status of a refusal, None if it lets the request pass."""

    denial: Object | None
    patch: list[Any]
    warnings: tuple[str, ...]


async def call(sim: Simulation, lookup: Lookup, hook: Object, request: Object) -> Answer:
    """Asks one webhook. CallError if it cannot be asked, InvalidAnswerError if it talks nonsense."""
    accepted = hook.get("admissionReviewVersions") or VERSIONS[:1]
    version = next((one for one in accepted if one in VERSIONS), VERSIONS[0])
    api_version = f"{GROUP}/{version}"
    review = {"kind": "AdmissionReview", "apiVersion": api_version, "request": request}
    seconds: int = hook.get("timeoutSeconds") or TIMEOUT_SECONDS
    url = _url(hook)
    shown = f'Post "{url}?timeout={seconds}s": '
    try:
        answer = await _send(sim, lookup, hook, url, review, seconds)
    except CallError as error:
        raise CallError(shown + error.text if error.is_transport else error.text) from None
    except NetworkError as error:
        raise CallError(shown + str(error)) from None
    except TimeoutError:
        raise CallError(shown + EXPIRED) from None
    return _read(answer, request["uid"], api_version)


def _url(hook: Object) -> str:
    config: Object = hook.get("clientConfig") or {}
    if config.get("url"):
        parts = urlsplit(config["url"])
        return f"{parts.scheme}://{parts.netloc}{parts.path or '/'}"
    service = config.get("service") or {}
    host = f"{service.get('name')}.{service.get('namespace')}.svc:{service.get('port') or 443}"
    path = service.get("path") or "/"
    return f"https://{host}{path if path.startswith('/') else '/' + path}"


async def _send(sim: Simulation, lookup: Lookup, hook: Object, url: str, review: Object, seconds: int) -> Any:
    netloc = urlsplit(url).netloc
    for name in (f"webhook/{netloc}", f"webhook/{netloc.rpartition(':')[0]}"):
        if sim.network.is_attached(name):
            async with asyncio.timeout(seconds):
                return await sim.network.request(API_SERVER, name, review)
    config: Object = hook.get("clientConfig") or {}
    if service := config.get("service"):
        name = service.get("name")
        if lookup(SERVICES, name, service.get("namespace")) is None:
            raise CallError(f'service "{name}" not found')
        raise CallError(f'no endpoints available for service "{name}"')
    if sim.loop.mode is Mode.VIRTUAL:
        raise CallError(f"dial tcp: lookup {urlsplit(url).hostname}: no such host")
    from kubesim.apiserver.admission.webhook_https import post  # Nothing of a virtual run needs TLS.

    body = await post(sim.loop, f"{url}?timeout={seconds}s", orjson.dumps(review), config.get("caBundle"), seconds)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        words = "couldn't get version/kind; json parse error: invalid character in the answer"
        raise CallError(words, is_transport=False) from None


def _read(review: Any, uid: str, api_version: str) -> Answer:
    response = review.get("response") if isinstance(review, dict) else None
    if not isinstance(response, dict):
        raise InvalidAnswerError("webhook response was absent")
    if review.get("apiVersion") != api_version or review.get("kind") != "AdmissionReview":
        got = f"{review.get('apiVersion') or '/'}, Kind={review.get('kind') or ''}"
        raise InvalidAnswerError(f"expected webhook response of {api_version}, Kind=AdmissionReview, got {got}")
    if response.get("uid") != uid and api_version.endswith("/v1"):
        raise InvalidAnswerError(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    warnings = tuple(one for one in response.get("warnings") or () if isinstance(one, str))
    if response.get("allowed") is not True:
        return Answer(response.get("status") or {}, [], warnings)
    return Answer(None, _patch(response), warnings)


def _patch(response: Object) -> list[Any]:
    patch, kind = response.get("patch"), response.get("patchType")
    if not patch:
        if kind:
            raise InvalidAnswerError("webhook returned response.patchType but not response.patch")
        return []
    if not kind:
        raise InvalidAnswerError("webhook returned response.patch but not response.patchType")
    if kind != "JSONPatch":
        raise InvalidAnswerError(f'invalid value of response.patchType: "{kind}"')
    try:
        operations = orjson.loads(base64.b64decode(patch))
    except (binascii.Error, ValueError, TypeError):
        raise InvalidAnswerError("received undecodable patch in webhook response") from None
    return operations if isinstance(operations, list) else []
