"""Who a client is: the headers and the certificate that go with its requests.

A token in a file is read again every minute, since those of Pods are renewed. One that a program hands out is asked
for again when it is over, or when the apiserver refused it.
Upstream: k8s.io/client-go/transport/{round_trippers,token_source}.go.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

from kubesim.client.http.requests import impersonation_headers
from kubesim.client.kubeconfig import Access, KubeconfigError
from kubesim.client.kubeconfig.exec_plugin import ExecPlugin, Issued
from kubesim.sim.clock import UNIX_EPOCH, wall_now

TOKEN_FILE_SECONDS = 60

Pair = tuple[bytes, bytes]


class Credentials:
    """The credentials of one access."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._plugin = ExecPlugin(access.exec, access) if access.exec is not None else None
        self._issued: Issued | None = None  # What went with the last request.
        self._token = ""
        self._token_until: datetime = UNIX_EPOCH

    async def headers(self) -> list[tuple[str, str]]:
        """What a request says of its sender."""
        headers = impersonation_headers(self._access.impersonation)
        if self._access.username or self._access.password:
            pair = f"{self._access.username}:{self._access.password}".encode()
            return [("Authorization", f"Basic {base64.b64encode(pair).decode()}"), *headers]
        token = await self._bearer()
        return [("Authorization", f"Bearer {token}"), *headers] if token else headers

    async def certificate(self) -> Pair:
        """Certificate and key; empty if there are none."""
        if self._plugin is not None:
            issued = self._issued = await self._plugin.credential()
            if issued.certificate:
                return issued.certificate, issued.key
        return self._access.certificate, self._access.key

    def refused(self) -> bool:
        """The apiserver said 401: whether it is worth to ask anew."""
        if self._plugin is None or self._issued is None:
            return False
        self._plugin.forget(self._issued)
        return True

    async def _bearer(self) -> str:
        if self._plugin is not None:
            self._issued = await self._plugin.credential()
            return self._issued.token
        file = self._access.token_file
        if file is None:
            return self._access.token
        if wall_now() >= self._token_until:
            try:
                self._token = file.read_text().strip()
            except OSError as error:
                if not self._token:
                    raise KubeconfigError(
                        f'user "{self._access.user}": the token file {file} cannot be read ({error.strerror})'
                    ) from None
            self._token_until = wall_now() + timedelta(seconds=TOKEN_FILE_SECONDS)
        return self._token
