"""What a client without credentials hears from the apiserver's own port: pages that everybody may see, or 403.

Programs in Pods reach it through the Service default/kubernetes. Upstream: the role system:public-info-viewer, and the
handlers of k8s.io/apiserver. Left out: requests with a token (kubectl and client libraries speak to the real front).
"""

from __future__ import annotations

import json

from kubesim.api.traffic import HttpCall

PUBLIC = ("/healthz", "/livez", "/readyz")
VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.2", "platform": "linux/amd64"}
PLAIN_TEXT, JSON = "text/plain; charset=utf-8", "application/json"


def answer(call: HttpCall) -> tuple[int, dict[str, str], bytes]:
    """Code, headers and body."""
    if not call.tls:
        return 400, {"Content-Type": PLAIN_TEXT}, b"Client sent an HTTP request to an HTTPS server.\n"
    path = call.path.partition("?")[0]
    if path in PUBLIC:
        return 200, {"Content-Type": PLAIN_TEXT}, b"ok"
    if path == "/version":
        return 200, {"Content-Type": JSON}, json.dumps(VERSION, indent=2).encode()
    message = f'forbidden: User "system:anonymous" cannot get path "{path}"'
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
              "reason": "Forbidden", "details": {}, "code": 403}  # fmt: skip
    return 403, {"Content-Type": JSON}, json.dumps(status, indent=2).encode()
