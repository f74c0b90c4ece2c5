"""A hostile client, as a program of its own: random requests to a served cluster whose clock is paused.

`python http_fuzz.py KUBECONFIG SEED REQUESTS` prints one line of JSON: how many requests got which code, and every
answer that should not be: a 5xx, a refusal that is no Status, a refused write that stored something, a late answer.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import yaml

SECONDS_MAX = 10.0
JSON = "application/json"
PATCHES = (
    "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)  # fmt: skip
TYPES = (
    JSON, JSON, JSON, "application/yaml", "application/vnd.kubernetes.protobuf", "application/cbor", "text/plain", "",
    "application/json; charset=latin-1", "multipart/form-data", *PATCHES,
)  # fmt: skip
ACCEPTS = (
    "", "*/*", JSON, "application/yaml", "application/vnd.kubernetes.protobuf", "text/html", ";;;",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json", "application/json;as=Nothing",
)  # fmt: skip
# What a real server, too, answers with a 5xx.
THEIR_OWN = (
    "unable to find api field in struct",
    "Too large resource version", "unknown patch type", "resourceVersion should not be set", "etcdserver: request is",
    "does not contain declared merge key", "failed to create typed patch object", "failed to convert new object",
    "strconv.ParseUint", "without impersonating a user", "no relationship found between node",
)  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 2**64, 0.5, -0.0, 1e300, "", " ", "x", "-", ".", "..", "/",
    "a/b", "\x00", "é", "\u2028", "A" * 300, "a" * 70000, "1", "-1", "1Gi", "1e9999", "Infinity",
    "2024-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "kubernetes.io/x", "$patch", "replace", "${x}", [], [[]], [None],
    {}, {"": ""}, {"a": None}, {"$patch": "delete"}, {"$setElementOrder/x": ["a"]}, {"a": {"b": {"c": []}}},
    ["a", "a"], [{"name": "x"}] * 2, {"matchLabels": {"a": "b"}}, "100%", "-5%", "0x10", "1m1s", "10.0.0.1", "::1",
    "10.0.0.0/33", "TCP", "nan",
)  # fmt: skip
BODIES = (
    b"", b"{}", b"[]", b"null", b'"x"', b"{", b"\xff\xfe", b"k8s\x00\x0a\x00", b"a: [b", b"---\n", b"&a [*a]",
    b"!!python/object:os.system x", b"\x1f\x8b\x08", b"0" * 5000, b"- " * 500,
)  # fmt: skip
ENDS = ("", "", "", "/", "//", "/%2e%2e", "/%ff", "/x/y/z")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
DELETE_OPTIONS = (
    "kind", "apiVersion", "gracePeriodSeconds", "propagationPolicy", "preconditions", "orphanDependents",
)  # fmt: skip
STREAMS = ("exec", "attach", "portforward", "proxy", "log")
QUERIES = (
    "limit", "continue", "resourceVersion", "resourceVersionMatch", "labelSelector", "fieldSelector",
    "timeoutSeconds", "allowWatchBookmarks", "sendInitialEvents", "dryRun", "fieldManager", "fieldValidation",
    "force", "pretty", "gracePeriodSeconds", "propagationPolicy", "orphanDependents", "includeObject", "verbose",
    "exclude", "hash", "tailLines", "sinceSeconds", "sinceTime", "limitBytes", "container", "follow", "previous",
    "command", "stdin",
)  # fmt: skip
VALUES = (
    "", "0", "1", "-1", "true", "false", "All", "abc", "99999999999999999999", "Exact", "NotOlderThan", "a=b",
    "a in (b,c)", "!a", "a,,b", "a in (", "metadata.name=x", "spec.nodeName!=y", "spec.nope=1", "a==b==c", "\\",
    "Strict", "Ignore", "Orphan", "Foreground", "Background", "None", "Metadata", "Object", "é", "\x00", "a" * 3000,
    "kube%ctl", "2024-01-01", base64.urlsafe_b64encode(b'{"v":"meta.k8s.io/v1","rv":1,"start":"../x"}').decode(),
    base64.urlsafe_b64encode(b'{"v":"meta.k8s.io/v1","rv":-1,"start":"x"}').decode(),
)  # fmt: skip


class Client:
    """Asks one server over one connection at a time."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.port = int(cluster["server"].rpartition(":")[2])
        self.context = ssl.create_default_context(cafile=certificate(cluster, "certificate-authority", kubeconfig))
        self.context.load_cert_chain(
            certificate(user, "client-certificate", kubeconfig), certificate(user, "client-key", kubeconfig)
        )
        self._connection: http.client.HTTPSConnection | None = None

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        """Code and body of the answer."""
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, context=self.context, timeout=SECONDS_MAX
            )
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            answer = response.read()
            if response.will_close:
                self.close()
        except Exception:
            self.close()
            raise
        return response.status, answer

    def close(self) -> None:
        """The next request has a new connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def get(self, path: str) -> Any:
        """An answer that must be good."""
        code, body = self.ask("GET", path, None, {})
        assert code == 200, f"{path}: {code} {body!r}"
        return json.loads(body)

    def revision(self) -> str:
        """Of the whole store."""
        found: str = self.get("/api/v1/namespaces/kube-node-lease/configmaps?limit=1")["metadata"]["resourceVersion"]
        return found


class Fuzz:
    """Makes requests out of chance and what the server says about itself."""

    def __init__(self, client: Client, chance: Random) -> None:
        self.client = client
        self.chance = chance
        self.codes: dict[str, int] = {}
        self.wrong: list[str] = []
        self.resources = self._discover()
        self.objects = self._corpus()

    def one(self) -> None:
        """One request."""
        method, path, body, headers = self._request()
        writes = method not in ("GET", "HEAD")
        before = self.client.revision() if writes else ""
        started = time.monotonic()
        try:
            code, answer = self.client.ask(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self._note("no answer", method, path, body, headers, repr(error).encode())
            return
        self.codes[str(code)] = self.codes.get(str(code), 0) + 1
        if time.monotonic() - started > SECONDS_MAX / 2:
            self._note("late", method, path, body, headers, answer)
        text = answer.decode(errors="replace")
        if code >= 500 and not any(words in text for words in THEIR_OWN):
            self._note(f"{code}", method, path, body, headers, answer)
        if code >= 400 and writes and self._has_stored(before, method, path, body, headers):
            self._note(f"{code}, yet something was stored", method, path, body, headers, answer)

    def _has_stored(self, before: str, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bool:
        """Controllers may still have been at work, so a suspicion is tried again."""
        for _ in range(3):
            if self.client.revision() == before:
                return False
            time.sleep(0.3)
            before = self.client.revision()
            self.client.ask(method, path, body, headers)
        return self.client.revision() != before

    def _note(self, what: str, method: str, path: str, body: bytes | None, headers: Any, answer: bytes) -> None:
        self.wrong.append(f"{what}: {method} {path[:300]} {headers} {(body or b'')[:600]!r} -> {answer[:300]!r}")

    # -- what there is --------------------------------------------------------------------------------

    def _discover(self) -> list[tuple[str, dict[str, Any]]]:
        paths = ["/api/v1"]
        for group in self.client.get("/apis")["groups"]:
            paths += [f"/apis/{version['groupVersion']}" for version in group["versions"]]
        return [(path, resource) for path in paths for resource in self.client.get(path)["resources"]]

    def _corpus(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Objects to change a little: (path of the collection, name, object)."""
        found = []
        for path, resource in self.resources:
            if "/" in resource["name"] or "list" not in resource["verbs"]:
                continue
            code, answer = self.client.ask("GET", f"{path}/{resource['name']}?limit=4", None, {})
            for item in json.loads(answer)["items"] if code == 200 else ():
                namespace = item["metadata"].get("namespace")
                scope = f"/namespaces/{namespace}" if namespace else ""
                obj = {"apiVersion": path.split("/", 2)[2], "kind": resource["kind"], **item}
                found.append((f"{path}{quote(scope)}/{resource['name']}", quote(item["metadata"]["name"]), obj))
        return found

    # -- requests -------------------------------------------------------------------------------------

    def _request(self) -> tuple[str, str, bytes | None, dict[str, str]]:
        chance = self.chance
        kind: Callable[[], tuple[str, str, bytes | None, dict[str, str]]] = chance.choice(
            (self._create, self._create, self._replace, self._patch, self._patch, self._read, self._delete, self._any)
        )
        method, path, body, headers = kind()
        if chance.random() < 0.3:
            path += self._query("&" if "?" in path else "?")
        if chance.random() < 0.1:
            headers["Accept"] = chance.choice(ACCEPTS)
        return method, path, body, headers

    def _create(self) -> tuple[str, str, bytes | None, dict[str, str]]:
        path, name, obj = self.chance.choice(self.objects)
        made = self._mutated(_without_server_fields(obj))
        if isinstance(made.get("metadata"), dict) and self.chance.random() < 0.8:
            made["metadata"]["name"] = f"{name}-{self.chance.randrange(10**6)}"
        return "POST", path, self._encoded(made), {"Content-Type": JSON}

    def _replace(self) -> tuple[str, str, bytes | None, dict[str, str]]:
        path, name, obj = self.chance.choice(self.objects)
        suffix = self.chance.choice(("", "", "", "/status", "/scale", "/finalize", "/approval", "/ephemeralcontainers"))
        return "PUT", f"{path}/{name}{suffix}?dryRun=All", self._encoded(self._mutated(obj)), {"Content-Type": JSON}

    def _patch(self) -> tuple[str, str, bytes | None, dict[str, str]]:
        chance = self.chance
        path, name, obj = chance.choice(self.objects)
        media = chance.choice(PATCHES)
        body: Any = self._mutated(obj)
        if media == PATCHES[0]:
            body = [self._operation(obj) for _ in range(chance.randrange(4))]
        elif media == PATCHES[3]:
            path_suffix = "?fieldManager=fuzz&force=true&dryRun=All"
            body.get("metadata") and isinstance(body["metadata"], dict) and body["metadata"].pop("managedFields", None)
            return "PATCH", f"{path}/{name}{path_suffix}", self._encoded(body), {"Content-Type": media}
        elif chance.random() < 0.5:
            key = chance.choice(list(obj))
            body = {key: body.get(key)}
        suffix = chance.choice(("", "", "/status", "/scale", "/resize"))
        return "PATCH", f"{path}/{name}{suffix}?dryRun=All", self._encoded(body), {"Content-Type": media}

    def _operation(self, obj: Any) -> Any:
        chance = self.chance
        operation = {
            "op": chance.choice(("add", "remove", "replace", "test", "copy", "move", "nope")),
            "path": "".join("/" + token for token in self._path(obj)),
            "from": "".join("/" + token for token in self._path(obj)),
            "value": self._odd(),
        }
        if chance.random() < 0.2:
            operation[chance.choice(list(operation))] = chance.choice(ODD)
        if chance.random() < 0.1:
            del operation[chance.choice(list(operation))]
        return operation

    def _path(self, obj: Any) -> list[str]:
        path: list[str] = []
        while isinstance(obj, dict | list) and obj and self.chance.random() < 0.8:
            key = self.chance.choice(list(obj)) if isinstance(obj, dict) else self.chance.randrange(len(obj))
            path.append(str(key).replace("~", "~0").replace("/", "~1"))
            obj = obj[key]
        if self.chance.random() < 0.3:
            path.append(self.chance.choice(("-", "0", "-1", "99", "x", "", "~", "é")))
        return path

    def _read(self) -> tuple[str, str, bytes | None, dict[str, str]]:
        path, name, _ = self.chance.choice(self.objects)
        rest = self.chance.choice(("", "", f"/{name}", "/nope", f"/{name}/status", f"/{name}/scale", f"/{name}/log"))
        watch = self.chance.random() < 0.05
        return "GET", path + rest + ("?watch=1&timeoutSeconds=1" if watch else ""), None, {}

    def _delete(self) -> tuple[str, str, bytes | None, dict[str, str]]:
        path, name, _ = self.chance.choice(self.objects)
        options = {key: self._odd() for key in DELETE_OPTIONS if self.chance.random() < 0.4}
        body = self._encoded(options) if self.chance.random() < 0.7 else None
        return "DELETE", f"{path}/{name}?dryRun=All", body, {"Content-Type": JSON}

    def _any(self) -> tuple[str, str, bytes | None, dict[str, str]]:
        chance = self.chance
        path, resource = chance.choice(self.resources)
        plural, _, part = resource["name"].partition("/")
        scope = "/namespaces/default" if resource["namespaced"] and chance.random() < 0.9 else ""
        name = chance.choice(("", "/x", "/x", "/" + quote(str(chance.choice(ODD))[:200], safe="")))
        pieces = [path, scope, f"/{plural}", name, f"/{part}" if part else "", chance.choice(ENDS)]
        method = chance.choice(METHODS)
        if method == "GET" and part in STREAMS:
            method = "POST"
        if method == "DELETE":
            pieces.append("?dryRun=All")
        body = chance.choice(BODIES)
        return method, "".join(pieces), body, {"Content-Type": chance.choice(TYPES)}

    def _query(self, separator: str) -> str:
        names = self.chance.sample(QUERIES, self.chance.randrange(1, 4))
        return separator + "&".join(f"{name}={quote(self.chance.choice(VALUES))}" for name in names)

    # -- bodies ---------------------------------------------------------------------------------------

    def _mutated(self, obj: Any) -> Any:
        """A copy in which a few things are odd."""
        made = json.loads(json.dumps(obj))
        for _ in range(self.chance.choice((0, 1, 1, 1, 2, 4))):
            self._spoil(made)
        return made

    def _spoil(self, made: Any) -> None:
        chance, container = self.chance, made
        while True:
            keys = list(container) if isinstance(container, dict) else list(range(len(container)))
            inner = [key for key in keys if isinstance(container[key], dict | list) and container[key]]
            if not inner or chance.random() < 0.25:
                break
            container = container[chance.choice(inner)]
        action = chance.random()
        if not keys or action < 0.2:
            value = self._odd()
            if isinstance(container, dict):
                container[chance.choice(("x", "name", "$patch", "", "status", "spec", "kind", "a/b"))] = value
            else:
                container.append(value)
        elif action < 0.4:
            del container[chance.choice(keys)]
        else:
            container[chance.choice(keys)] = self._odd()

    def _odd(self) -> Any:
        return json.loads(json.dumps(self.chance.choice(ODD)))

    def _encoded(self, body: Any) -> bytes:
        encoded = json.dumps(body).encode()
        if self.chance.random() < 0.03:
            position = self.chance.randrange(len(encoded) + 1)
            return encoded[:position] + self.chance.randbytes(3) + encoded[position:]
        return encoded


def _without_server_fields(obj: dict[str, Any]) -> dict[str, Any]:
    dropped = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "selfLink")
    metadata = {key: value for key, value in obj["metadata"].items() if key not in dropped}
    return {**obj, "metadata": metadata}


def certificate(entry: dict[str, str], name: str, kubeconfig: Path) -> str:
    """The file with what a kubeconfig says of a certificate or key."""
    if name in entry:
        return entry[name]
    path = kubeconfig.with_name(f"fuzz-{name}")
    path.write_bytes(base64.b64decode(entry[f"{name}-data"]))
    return str(path)


def main(kubeconfig: str, seed: str, requests: str) -> None:
    """Runs, and reports."""
    fuzz = Fuzz(Client(Path(kubeconfig)), Random(int(seed)))
    for _ in range(int(requests)):
        fuzz.one()
    print(json.dumps({"codes": fuzz.codes, "wrong": fuzz.wrong}))


if __name__ == "__main__":
    main(*sys.argv[1:4])
