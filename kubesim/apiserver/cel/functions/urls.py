"""url() and the parts of a URL. Upstream: k8s.io/apiserver/pkg/cel/library/urls.go."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.functions.overload import Implementation
from kubesim.apiserver.cel.values import Opaque

KIND = "kubernetes.URL"


def _parse(text: str) -> Opaque:
    """An absolute URI or an absolute path, as Go's url.ParseRequestURI takes it."""
    try:
        parts = urlsplit(text)
        _ = parts.port
        if text and (parts.scheme or text.startswith("/")) and not any(sign <= " " for sign in text):
            return Opaque(KIND, parts)
    except ValueError:
        pass
    why = "empty url" if not text else "invalid URI for request"
    raise EvaluationError(f'URL parse error during conversion from string: parse "{text}": {why}')


def _is_url(text: str) -> bool:
    try:
        _parse(text)
    except EvaluationError:
        return False
    return True


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _hostname(parts: SplitResult) -> str:
    host = _host(parts)
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _of(part: Any) -> Implementation:
    return lambda url: part(url.value)


FUNCTIONS: tuple[tuple[str, Implementation], ...] = (
    ("url(string): kubernetes.URL", _parse),
    ("isURL(string): bool", _is_url),
    ("kubernetes.URL::getScheme(): string", _of(lambda parts: parts.scheme)),
    ("kubernetes.URL::getHost(): string", _of(_host)),
    ("kubernetes.URL::getHostname(): string", _of(_hostname)),
    ("kubernetes.URL::getPort(): string", _of(lambda parts: "" if parts.port is None else str(parts.port))),
    ("kubernetes.URL::getEscapedPath(): string", _of(lambda parts: quote(parts.path, safe="/%:@!$&'()*+,;=~"))),
    (
        "kubernetes.URL::getQuery(): map(string, list(string))",
        _of(lambda parts: parse_qs(parts.query, keep_blank_values=True)),
    ),
)
