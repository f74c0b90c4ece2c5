"""The Kubernetes API over HTTP: what kubectl, helm and every client library talk to.

An adapter in front of `ApiServer`, as the in-process transport is: it parses paths, queries and bodies into
`kubesim.api.wire.Request` and writes answers as JSON. A virtual run never imports it (nor aiohttp).
"""

from kubesim.apiserver.http.front import HttpFront

__all__ = ["HttpFront"]
