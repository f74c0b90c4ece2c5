"""Image registries: what they have, whom they let in, and what is wrong with them today.

Everything exists unless it is named as missing; a tag can be published (with what its container will do) and
deleted. A registry can be private, down, slow, or count pulls and refuse more than so many in a window. Docker Hub
counts by client address, and all nodes of a cluster stand behind one, so the count is the cluster's. Looking a tag
up (HEAD) is never counted; fetching a manifest is, and only a node that lacks the image fetches it.

A refusal is a `Refusal` of some kind; each runtime words it in its own way.
Upstream: the OCI distribution specification; hub.docker.com's pull rate limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from kubesim.kubelet.runtime.layers import Layer, Manifest, library_manifest, published_layers
from kubesim.kubelet.runtime.model import Behaviour
from kubesim.kubelet.runtime.names import DEFAULT_REGISTRY, normalised, repository_of, split_image

NANOSECONDS_PER_SECOND = 1_000_000_000
BYTES_PER_SECOND = 80_000_000
LOOKUP_SECONDS = 0.15
TIMEOUT_SECONDS = 30.0  # How long a runtime waits for a registry that does not answer.
LIMIT_WINDOW_SECONDS = 6 * 3600.0  # Docker Hub's.
DOWN_KINDS = ("refused", "timeout", "no-such-host", "unavailable")


class Credentials(NamedTuple):
    """A user of a registry."""

    username: str
    password: str


class Refusal(Exception):  # noqa: N818 - a registry says no; the runtime makes an error of it
    """Why a registry does not give an image: `kind` is one of the words below.

    no-tag, no-repository, denied (needs credentials), unauthorized (wrong ones), limit, refused, timeout,
    no-such-host, unavailable.
    """

    def __init__(self, kind: str, username: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.username = username  # Of whom the limit is.


class Limit(NamedTuple):
    """At most so many pulls in so long."""

    pulls: int
    window_seconds: float


class Registries:
    """All registries that a cluster can reach. `missing`: registries, repositories or tags that do not exist."""

    def __init__(self, missing: Sequence[str] = ()) -> None:
        self._missing: dict[str, None] = dict.fromkeys(missing)
        self._published: dict[str, Manifest] = {}  # By full name with its tag.
        self._digests: dict[str, Manifest] = {}
        self._private: dict[str, Credentials] = {}  # By registry, repository or a beginning of one.
        self._down: dict[str, str] = {}
        self._speed: dict[str, float] = {}
        self._limits: dict[str, Limit] = {}
        self._pulls: dict[tuple[str, str], list[int]] = {}  # (registry, user) -> when, in virtual nanoseconds.

    # -- what somebody does to them -----------------------------------------------------------------------

    def publish(self, image: str, behaviour: Behaviour | None = None, size_bytes: int = 0) -> Manifest:
        """`docker build` and `docker push`: the tag is there from now on, with a new digest if it was before."""
        name = normalised(image)
        self._missing.pop(image, None)
        before = self._published.get(name)
        version = before.version + 1 if before is not None else 1
        digest = f"sha256:{sha256(f'{name}#{version}'.encode()).hexdigest()}"
        manifest = Manifest(name, digest, published_layers(image, version, size_bytes), behaviour, version)
        self._published[name] = self._digests[f"{repository_of(image)}@{digest}"] = manifest
        return manifest

    def delete(self, image: str) -> None:
        """A tag, a repository or a whole registry's content is gone; nodes that have the image keep it."""
        self._published.pop(normalised(image), None)
        self._missing[image] = None

    def down(self, registry: str, how: str = "refused") -> None:
        """Nobody reaches it: the connection is refused, times out, its name is unknown, or it answers 503."""
        assert how in DOWN_KINDS, "the schema knows the kinds"
        self._down[registry] = how

    def up(self, registry: str) -> None:
        """It works again, at full speed and without a limit."""
        for facts in (self._down, self._speed, self._limits):
            facts.pop(registry, None)

    def slow(self, registry: str, bytes_per_second: float) -> None:
        """It sends no faster than this."""
        self._speed[registry] = bytes_per_second

    def limit(self, registry: str, pulls: int, window_seconds: float = LIMIT_WINDOW_SECONDS) -> None:
        """It gives only so many images in a window to those who are not logged in; what was pulled before counts."""
        self._limits[registry] = Limit(pulls, window_seconds)

    def private(self, name: str, username: str, password: str) -> None:
        """A registry, or repositories of it (`registry.example.com/team`), are for this user only."""
        self._private[name] = Credentials(username, password)

    # -- what nodes ask -----------------------------------------------------------------------------------

    def trouble(self, image: str) -> str:
        """The kind of outage of the image's registry; "" if it can be reached."""
        return self._down.get(split_image(image)[0], "")

    def look_up(self, image: str, credentials: Sequence[Credentials] = ()) -> Manifest:
        """The manifest behind a name, for somebody with these credentials; or a `Refusal`."""
        registry, repository, tag = split_image(image)
        if kind := self.trouble(image):
            raise Refusal(kind)
        wanted = self._needed(f"{registry}/{repository}")
        if wanted is not None and wanted not in credentials:
            raise Refusal("unauthorized" if credentials else "denied")
        name = normalised(image)
        published = self._digests.get(name) if tag.startswith("@") else self._published.get(name)
        if published is not None:
            return published
        if (absence := self._absence(image)) is not None:
            raise Refusal(absence)
        return library_manifest(image)

    def count(self, image: str, credentials: Sequence[Credentials], now_ns: int) -> None:
        """One image is fetched; or a `Refusal` because that were too many."""
        registry = split_image(image)[0]
        limit = self._limits.get(registry)
        user = credentials[0].username if credentials else ""
        times = self._pulls.setdefault((registry, user), [])
        if limit is not None and not user:
            since_ns = now_ns - round(limit.window_seconds * NANOSECONDS_PER_SECOND)
            times[:] = [each for each in times if each > since_ns]
            if len(times) >= limit.pulls:
                raise Refusal("limit", user)
        times.append(now_ns)
        del times[:-1000]

    def seconds_for(self, image: str, layers: Sequence[Layer]) -> float:
        """How long these layers take."""
        speed = self._speed.get(split_image(image)[0], BYTES_PER_SECOND)
        return sum(layer.size_bytes for layer in layers) / speed

    def _needed(self, repository: str) -> Credentials | None:
        """Who may read a repository: by the longest name that covers it. None: everybody."""
        covering = [name for name in self._private if covers(name, repository)]
        return self._private[max(covering, key=len)] if covering else None

    def _absence(self, image: str) -> str | None:
        """Whether a tag or its whole repository is missing."""
        registry, repository = split_image(image)[0], repository_of(image)
        for name in self._missing:
            if ":" in name.rpartition("/")[2]:
                if normalised(name) == normalised(image):
                    return "no-tag"
            elif name == registry or repository_of(name) == repository:
                return "no-repository"
        return None


def covers(name: str, repository: str) -> bool:
    """Whether a registry, a folder of repositories or a repository contains `repository` (all of it, in full)."""
    return repository == name or repository.startswith(f"{name.rstrip('/')}/") or repository == repository_of(name)


def host_of(registry: str) -> str:
    """The host that is asked."""
    return "registry-1.docker.io" if registry == DEFAULT_REGISTRY else registry


def address_of(registry: str) -> str:
    """Where it is: an address of a network that is for documentation."""
    number = sha256(registry.encode()).digest()[0] % 250 + 2
    host, _, port = host_of(registry).partition(":")
    return f"{'127.0.0.1' if host == 'localhost' else f'203.0.113.{number}'}:{port or 443}"


def matching(auths: Mapping[str, Credentials], image: str) -> list[Credentials]:
    """The credentials of a docker config that are for an image, the most exact first."""
    registry, repository, _ = split_image(image)
    found: list[tuple[int, Credentials]] = []
    for key, credentials in auths.items():
        name = key.removeprefix("https://").removeprefix("http://").rstrip("/")
        if name in ("index.docker.io/v1", "index.docker.io", "registry-1.docker.io"):
            name = DEFAULT_REGISTRY
        if _host_matches(name.partition("/")[0], registry) and covers(
            "/".join((registry, *name.split("/")[1:])), f"{registry}/{repository}"
        ):
            found.append((-len(name), credentials))
    return [credentials for _, credentials in sorted(found, key=lambda each: each[0])]


def _host_matches(pattern: str, host: str) -> bool:
    """`*.example.com` stands for one label."""
    wanted, given = pattern.split("."), host.split(".")
    return len(wanted) == len(given) and all(one in ("*", other) for one, other in zip(wanted, given, strict=True))
