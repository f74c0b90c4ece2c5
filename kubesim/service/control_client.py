"""Talks to a running service's control endpoint, as its administrator.

Plain `http.client`: a command that asks one question imports nothing that takes longer than the answer.
"""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any

from kubesim.service.errors import ServiceError
from kubesim.service.profile import Profile

ANSWER_SECONDS_MAX = 60.0
PREFIX = "/kubesim/v1/"


def ask(
    profile: Profile, method: str, path: str, body: dict[str, object] | None = None, *, patient: bool = False
) -> dict[str, Any]:
    """One question to the service of a profile; ServiceError if it refuses, or if none runs.

    `patient`: the answer may take however long it takes.
    """
    if profile.pid() is None:
        raise ServiceError(f'profile "{profile.name}" is not running; `kubesim start -p {profile.name}` starts it')
    folder = profile.folder
    try:
        context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        context.load_cert_chain(folder / "admin.crt", folder / "admin.key")
        port = profile.settings().port
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=None if patient else ANSWER_SECONDS_MAX, context=context
        )
        try:
            content = json.dumps(body or {}) if method != "GET" else None
            connection.request(method, PREFIX + path, content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ServiceError(
            f'the service of profile "{profile.name}" does not answer ({error}); `kubesim logs -p {profile.name}` '
            "may say why"
        ) from None
    if response.status >= 400:
        raise ServiceError(str(answer.get("message", f"the service answered {response.status}")))
    return answer
