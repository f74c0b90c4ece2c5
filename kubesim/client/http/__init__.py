"""The way to an apiserver in another process: HTTP/1.1 with JSON, the credentials of a kubeconfig, TLS.

Needs aiohttp, which takes longer to import than a whole virtual run: only those who go out import this.
Upstream: k8s.io/client-go/rest.
"""

from kubesim.client.http.transport import HttpTransport

__all__ = ["HttpTransport"]
