"""Everything that is no resource: discovery, OpenAPI, health, version, metrics."""

from __future__ import annotations

from aiohttp import web

from kubesim.api.errors import MethodNotSupportedError
from kubesim.api.stored import Object
from kubesim.apiserver.auth.service_account_tokens import ISSUER
from kubesim.apiserver.http.answers import encode
from kubesim.apiserver.http.api import JSON_TYPE, Answer, queries
from kubesim.apiserver.http.discovery import Discovery
from kubesim.apiserver.http.health import CHECKS, health
from kubesim.apiserver.http.metrics import CONTENT_TYPE, Metrics
from kubesim.apiserver.http.negotiation import DISCOVERY, GROUP_DISCOVERY, negotiate
from kubesim.apiserver.http.openapi import OpenApi, version_2_protobuf
from kubesim.apiserver.http.paths import UNKNOWN_METHOD
from kubesim.apiserver.http.version import version_info
from kubesim.apiserver.server import ApiServer

TEXT = "text/plain; charset=utf-8"
AGGREGATED_TYPE = f"application/json;g={DISCOVERY};v=v2;as={GROUP_DISCOVERY}"
OPENAPI = "/openapi/v3"
OPENAPI_2_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


class Pages:
    """The pages of one front."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self.metrics = Metrics(server)
        self.bind("")

    def bind(self, address: str) -> None:
        """Says where the front can be reached, which discovery repeats."""
        self._address = address
        self._discovery = Discovery(address, self._server.catalogue)
        self._openapi = OpenApi(self._server.schema, self._discovery, self._server.catalogue)

    def answer(self, http: web.BaseRequest) -> Answer | None:
        """The page at a path; None if there is none."""
        if http.method not in ("GET", "HEAD"):
            raise MethodNotSupportedError(UNKNOWN_METHOD)
        path = http.path.rstrip("/") or "/"
        first = path.split("/")[1]
        if first in CHECKS:
            code, text = health(path, queries(http), self._fails)
            return Answer(text.encode(), code, TEXT, headers={"X-Content-Type-Options": "nosniff"})
        if path == "/version":
            return _json(version_info())
        if path == "/.well-known/openid-configuration":
            return _json(self._issuer())
        if path == "/openid/v1/jwks":
            keys = {"keys": self._server.tokens.signer.public_keys()}
            return Answer(encode(keys), 200, "application/jwk-set+json")
        if path == "/metrics":
            return Answer(self.metrics.text(), 200, CONTENT_TYPE)
        if path == "/openapi/v2":
            if "proto-openapi" in http.headers.get("Accept", ""):
                return Answer(version_2_protobuf(), 200, OPENAPI_2_TYPE)
            return Answer(self._openapi.version_2(), 200, JSON_TYPE)
        if path == OPENAPI or path.startswith(f"{OPENAPI}/"):
            return self._openapi_page(http, path[len(OPENAPI) + 1 :])
        if path == "/":
            return _json({"paths": self._paths()})
        return self._discovery_page(http, path)

    def _discovery_page(self, http: web.BaseRequest, path: str) -> Answer | None:
        parts = path.strip("/").split("/")
        if path in ("/api", "/apis"):
            form = negotiate(http.headers.get("Accept", ""), DISCOVERY, (GROUP_DISCOVERY,))
            if form.as_ and form.version == "v2":
                return Answer(encode(self._discovery.aggregated(core=path == "/api")), 200, AGGREGATED_TYPE)
            return _json(self._discovery.versions() if path == "/api" else self._discovery.group_list())
        document: Object | None = None
        if parts[0] == "api" and len(parts) == 2:
            document = self._discovery.resource_list("", parts[1])
        elif parts[0] == "apis" and len(parts) == 2:
            document = self._discovery.group(parts[1])
        elif parts[0] == "apis" and len(parts) == 3:
            document = self._discovery.resource_list(parts[1], parts[2])
        return None if document is None else _json(document)

    def _openapi_page(self, http: web.BaseRequest, path: str) -> Answer:
        if not path:
            return _json(self._openapi.index())
        body = self._openapi.document(path)
        etag = f'"{self._openapi.hash(path)}"'
        headers = {"Etag": etag, "Vary": "Accept"}
        if "hash" in http.rel_url.query:
            headers["Cache-Control"] = "public, immutable"
        if http.headers.get("If-None-Match") == etag:
            return Answer(b"", 304, JSON_TYPE, headers=headers)
        return Answer(body, 200, JSON_TYPE, headers=headers)

    def _issuer(self) -> Object:
        """What others need to verify tokens of service accounts (OpenID Connect discovery)."""
        return {
            "issuer": ISSUER,
            "jwks_uri": f"https://{self._address}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self._server.tokens.signer.algorithm],
        }

    def _paths(self) -> list[str]:
        groups = [path for name, versions in self._discovery.groups()
                  for path in (f"/apis/{name}", *(f"/apis/{name}/{version}" for version in versions))]  # fmt: skip
        return sorted(
            ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/metrics", OPENAPI, "/readyz", "/version", *groups]
        )

    def _fails(self, check: str) -> bool:
        """A server that has no watch cache for anything has not started."""
        return check == "informer-sync" and not self._server.registries


def _json(obj: Object) -> Answer:
    return Answer(encode(obj))
