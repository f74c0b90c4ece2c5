"""Credentials from a program: `aws eks get-token`, `gke-gcloud-auth-plugin` and their kin.

The program finds in $KUBERNETES_EXEC_INFO what is asked for, and prints an ExecCredential with a token, a client
certificate, or both. The answer is kept until it expires, or until the apiserver says 401.
Upstream: k8s.io/client-go/plugin/pkg/client/auth/exec/exec.go. Left out: the cache that several clients share.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from datetime import UTC, datetime

import msgspec
import orjson

from kubesim.api.stored import Object
from kubesim.client.kubeconfig.access import Access, ExecConfig
from kubesim.client.kubeconfig.errors import KubeconfigError
from kubesim.sim.clock import UNIX_EPOCH, wall_now

STDERR_SHOWN = 400


class Issued(msgspec.Struct, frozen=True):
    """What the program handed out."""

    token: str = ""
    certificate: bytes = b""
    key: bytes = b""
    expires: datetime | None = None

    def is_fresh(self) -> bool:
        """Whether it still counts."""
        return self.expires is None or wall_now() < self.expires


class ExecPlugin:
    """Asks the program when it must."""

    def __init__(self, config: ExecConfig, access: Access) -> None:
        self._config = config
        self._access = access
        self._issued: Issued | None = None
        self._asking = asyncio.Lock()  # Ten requests at once ask once.

    async def credential(self) -> Issued:
        """What it said last, or says now."""
        async with self._asking:
            if self._issued is None or not self._issued.is_fresh():
                self._issued = await self._ask()
            return self._issued

    def forget(self, refused: Issued) -> None:
        """The apiserver did not accept it: the next request asks again."""
        if self._issued is refused:
            self._issued = None

    async def _ask(self) -> Issued:
        config = self._config
        interactive = config.interactive_mode != "Never" and sys.stdin.isatty()
        if config.interactive_mode == "Always" and not interactive:
            raise KubeconfigError(
                f"exec plugin {config.command} cannot support interactive mode: standard input is not a terminal"
            )
        try:
            process = await asyncio.create_subprocess_exec(
                config.command, *config.args, env=self._environment(interactive=interactive),
                stdin=None if interactive else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            hint = f"; {config.install_hint}" if config.install_hint else ""
            raise KubeconfigError(
                f'user "{self._access.user}": exec plugin: executable {config.command} cannot be run '
                f"({error.strerror}){hint}"
            ) from None
        printed, complaint = await process.communicate()
        if process.returncode:
            said = complaint.decode(errors="replace").strip()[-STDERR_SHOWN:]
            raise KubeconfigError(
                f"getting credentials: exec: executable {config.command} failed with exit code {process.returncode}"
                + (f": {said}" if said else "")
            )
        return parse(printed, config)

    def _environment(self, *, interactive: bool) -> dict[str, str]:
        spec: Object = {"interactive": interactive}
        access = self._access
        if self._config.provide_cluster_info:
            cluster: Object = {"server": access.server, "certificate-authority-data": encoded(access.authority),
                               "tls-server-name": access.tls_server_name, "proxy-url": access.proxy_url,
                               "insecure-skip-tls-verify": access.insecure}  # fmt: skip
            spec["cluster"] = {key: value for key, value in cluster.items() if value}
        info = {"kind": "ExecCredential", "apiVersion": self._config.api_version, "spec": spec}
        return {**os.environ, **dict(self._config.env), "KUBERNETES_EXEC_INFO": orjson.dumps(info).decode()}


def parse(printed: bytes, config: ExecConfig) -> Issued:
    """An ExecCredential."""
    problem = f"exec plugin {config.command}"
    try:
        answer = orjson.loads(printed)
    except orjson.JSONDecodeError:
        raise KubeconfigError(f"{problem}: what it printed is not JSON") from None
    if not isinstance(answer, dict) or answer.get("kind") != "ExecCredential":
        raise KubeconfigError(f"{problem}: what it printed is no ExecCredential")
    if answer.get("apiVersion") != config.api_version:
        raise KubeconfigError(
            f"{problem} is configured to use API version {config.api_version}, "
            f"plugin returned version {answer.get('apiVersion')}"
        )
    status = answer.get("status")
    if not isinstance(status, dict):
        raise KubeconfigError(f"{problem} didn't return a status field")
    certificate, key = status.get("clientCertificateData") or "", status.get("clientKeyData") or ""
    if not status.get("token") and not (certificate and key):
        raise KubeconfigError(f"{problem} didn't return a token or cert/key pair")
    if bool(certificate) != bool(key):
        raise KubeconfigError(f"{problem} returned only certificate or key, not both")
    return Issued(
        str(status.get("token") or ""), certificate.encode(), key.encode(), end_of(status.get("expirationTimestamp"))
    )


def end_of(date: object) -> datetime | None:
    """Until when it counts; None if for ever. A date that nobody understands is over at once."""
    if not date:
        return None
    try:
        moment = datetime.fromisoformat(str(date))
    except ValueError:
        return UNIX_EPOCH
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def encoded(content: bytes) -> str:
    """As a kubeconfig embeds a file; "" for nothing."""
    return base64.b64encode(content).decode() if content else ""
