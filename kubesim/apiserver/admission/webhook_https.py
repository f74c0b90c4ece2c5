"""HTTPS to the world outside of a served cluster, for webhooks.

Sockets live in wall time: the simulated clock may run fast or stand still. So each call has a thread of its own that
waits in real seconds and hands its result to the loop; a webhook that hangs holds up nobody else. Errors come in the
words of Go's net package.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import socket
import ssl
import threading
from urllib.parse import urlsplit

from kubesim.apiserver.admission.webhook_errors import CallError
from kubesim.sim.wall_timers import wall_time

ANSWER_BYTES_MAX = 8 * 1024 * 1024
DEFAULT_PORT = 443
HTTP_OK = 200
_CHUNK = 65536


async def post(loop: asyncio.AbstractEventLoop, url: str, body: bytes, ca_bundle: str | None, seconds: float) -> bytes:
    """The body of the answer; CallError if there is none within real seconds."""
    done: asyncio.Future[bytes] = loop.create_future()

    def settle(result: bytes | CallError) -> None:
        if done.done():
            return
        if isinstance(result, CallError):
            done.set_exception(result)
        else:
            done.set_result(result)

    def work() -> None:
        try:
            result: bytes | CallError = _post(url, body, ca_bundle, wall_time() + seconds)
        except CallError as error:
            result = error
        try:
            loop.call_soon_threadsafe(settle, result)
        except RuntimeError:
            return  # The loop is closed: nobody is left to tell.

    threading.Thread(target=work, name="webhook", daemon=True).start()
    return await done


def _post(url: str, body: bytes, ca_bundle: str | None, deadline: float) -> bytes:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORT
    context = ssl.create_default_context(cadata=base64.b64decode(ca_bundle).decode() if ca_bundle else None)
    connection = http.client.HTTPSConnection(host, port, timeout=_left(deadline), context=context)
    try:
        connection.request("POST", f"{parts.path}?{parts.query}", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return _body(answer, connection, deadline)
    except ssl.SSLCertVerificationError as error:
        raise CallError(_certificate_words(error)) from None
    except ssl.SSLError as error:
        raise CallError(f"tls: {(error.reason or 'handshake failure').lower().replace('_', ' ')}") from None
    except TimeoutError:
        raise CallError("context deadline exceeded") from None
    except socket.gaierror:
        raise CallError(f"dial tcp: lookup {host}: no such host") from None
    except ConnectionRefusedError:
        raise CallError(f"dial tcp {host}:{port}: connect: connection refused") from None
    except (OSError, http.client.HTTPException) as error:
        raise CallError("EOF" if isinstance(error, http.client.RemoteDisconnected) else str(error)) from None
    finally:
        connection.close()


def _left(deadline: float) -> float:
    left = deadline - wall_time()
    if left <= 0:
        raise TimeoutError
    return left


def _body(answer: http.client.HTTPResponse, connection: http.client.HTTPSConnection, deadline: float) -> bytes:
    """Read in pieces, so that one that drips does not outlast the deadline."""
    gathered = b""
    while len(gathered) < ANSWER_BYTES_MAX:
        if connection.sock is not None:
            connection.sock.settimeout(_left(deadline))
        piece = answer.read1(_CHUNK)
        if not piece:
            break
        gathered += piece
    if answer.status != HTTP_OK:
        raise CallError(_status_words(answer.status, gathered), is_transport=False)
    return gathered


def _status_words(status: int, body: bytes) -> str:
    """What client-go makes of an HTTP status."""
    words = {
        401: "the server has asked for the client to provide credentials",
        403: "forbidden: unknown",
        404: "the server could not find the requested resource",
        405: "the server does not allow this method on the requested resource",
        413: "Request entity too large: ",
    }
    if status in words:
        return words[status]
    text = body.decode(errors="replace").strip()
    if status == 400:
        return "the server rejected our request for an unknown reason"
    return f"an error on the server ({text!r}) has prevented the request from succeeding".replace("'", '"')


def _certificate_words(error: ssl.SSLCertVerificationError) -> str:
    reason = error.verify_message or ""
    words = "x509: certificate signed by unknown authority"
    if "expired" in reason:
        words = "x509: certificate has expired or is not yet valid"
    elif "mismatch" in reason or "not valid for" in reason:
        words = f"x509: certificate is not valid for the requested name: {reason}"
    return f"tls: failed to verify certificate: {words}"
