"""The way to an extender over HTTP: one POST of JSON for every question.

Sockets live in real time, so the time-out is in real seconds, whatever the speed of the clock. A virtual run has no
time for a socket at all, and says so. Upstream: `send` in pkg/scheduler/extender.go.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import tempfile
from pathlib import Path
from typing import Any

import aiohttp

from kubesim.scheduler.extender_config import ExtenderConfig, ExtenderError
from kubesim.sim.loop import Mode, SimLoop
from kubesim.sim.wall_timers import WallTimers

NO_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


async def send(config: ExtenderConfig, verb: str, arguments: dict[str, Any]) -> Any:
    """What the extender answers; ExtenderError in the words of Go's HTTP client."""
    url = f"{config.url_prefix.rstrip('/')}/{verb}"
    loop = asyncio.get_running_loop()
    if isinstance(loop, SimLoop) and loop.mode is Mode.VIRTUAL:
        raise ExtenderError(f'Post "{url}": no socket answers in virtual time')
    timers = WallTimers(loop)
    request = loop.create_task(_post(config, url, arguments))
    timer = timers.call_later(config.timeout_seconds, request.cancel)
    try:
        status, body = await request
    except asyncio.CancelledError:
        if not request.cancelled() or (task := asyncio.current_task()) is None or task.cancelling():
            raise
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        raise ExtenderError(f'Post "{url}": {why}') from None
    except aiohttp.ClientConnectorError as error:
        address = f"{error.host}:{error.port}"
        why = "connection refused" if isinstance(error.os_error, ConnectionRefusedError) else str(error.os_error)
        raise ExtenderError(f'Post "{url}": dial tcp {address}: connect: {why}') from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ExtenderError(f'Post "{url}": {error}') from None
    finally:
        timer.cancel()
        request.cancel()
        timers.stop()
    if status != 200:
        raise ExtenderError(f"failed {verb} with extender at URL {url}, code {status}")
    try:
        return json.loads(body)
    except ValueError as error:
        raise ExtenderError(f'extender "{config.url_prefix}" gave a malformed answer to {verb}: {error}') from None


async def _post(config: ExtenderConfig, url: str, arguments: dict[str, Any]) -> tuple[int, bytes]:
    connector = aiohttp.TCPConnector(force_close=True, happy_eyeballs_delay=None, ssl=_tls(config))
    body = json.dumps(arguments).encode()
    headers = {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession(connector=connector, timeout=NO_TIMEOUT) as session,
        session.post(url, data=body, headers=headers, server_hostname=config.tls.get("serverName") or None) as response,
    ):
        return response.status, await response.read()


def _tls(config: ExtenderConfig) -> ssl.SSLContext | bool:
    """Whom to trust, and who we are. Without a certificate authority nobody is checked, as upstream."""
    tls = config.tls
    if not config.enable_https and not tls:
        return True
    authority = tls.get("caFile") or tls.get("caData")
    context = ssl.create_default_context()
    if tls.get("insecure") or (config.enable_https and not authority):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if tls.get("caData"):
        context.load_verify_locations(cadata=base64.b64decode(tls["caData"]).decode())
    elif tls.get("caFile"):
        context.load_verify_locations(tls["caFile"])
    if tls.get("certData") and tls.get("keyData"):
        with tempfile.TemporaryDirectory() as folder:  # Python loads a key from files only.
            certificate, key = Path(folder, "tls.crt"), Path(folder, "tls.key")
            certificate.write_bytes(base64.b64decode(tls["certData"]))
            key.write_bytes(base64.b64decode(tls["keyData"]))
            context.load_cert_chain(certificate, key)
    elif tls.get("certFile"):
        context.load_cert_chain(tls["certFile"], tls.get("keyFile") or None)
    return context
