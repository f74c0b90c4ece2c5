"""What an apiserver asks a kubelet: the kubelet's own HTTPS API on port 10250, as structured calls.

A call crosses `sim.network` to the endpoint `kubelet/NODE`. The answer is one end of a `Session`; a refusal is a
`KubeletError` with the code and the plain text of the real answer.
Upstream: pkg/kubelet/server/server.go.
"""

from __future__ import annotations

from typing import Any

import msgspec

LOGS, EXEC, ATTACH, PORT_FORWARD = "containerLogs", "exec", "attach", "portForward"
POD_HTTP = "podHTTP"  # Not the kubelet's: a request to a Pod's own address, which its node delivers.


class KubeletCall(msgspec.Struct, frozen=True):
    """One call. `path` is the first part of the URL's path, or the whole of it where no Pod is meant."""

    path: str
    namespace: str = ""
    pod: str = ""
    container: str = ""
    options: dict[str, Any] = {}
    uid: str = ""


class KubeletError(Exception):
    """The kubelet refused."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
