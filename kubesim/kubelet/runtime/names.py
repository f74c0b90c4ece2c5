"""Image names, as people write them and as a runtime stores them.

`nginx` means `docker.io/library/nginx:latest`. The kubelet asks for the name as written, with the default tag
appended; containerd expands it. Upstream: github.com/distribution/reference, k8s.io/kubernetes/pkg/util/parsers.
"""

from __future__ import annotations

import re
from functools import lru_cache

DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"
REFERENCE = re.compile(
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]+)?/)?"  # Registry host and port.
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"  # Repository.
    r"(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"  # Tag and digest.
)


@lru_cache(maxsize=4096)
def is_valid_image(image: str) -> bool:
    """Whether `image` is a reference at all; if not, the kubelet says InvalidImageName."""
    return REFERENCE.fullmatch(image) is not None


@lru_cache(maxsize=4096)
def split_image(image: str) -> tuple[str, str, str]:
    """Registry, repository and tag (or digest, with its @) of an image name, with the defaults filled in."""
    name, at, digest = image.partition("@")
    head, slash, rest = name.rpartition("/")
    last, colon, tag = rest.partition(":")
    path = f"{head}{slash}{last}"
    first, _, remainder = path.partition("/")
    if remainder and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        registry, repository = first, remainder
    else:
        registry, repository = DEFAULT_REGISTRY, path if remainder else f"library/{path}"
    if at:
        return registry, repository, f"@{digest}"
    return registry, repository, f":{tag}" if colon else f":{DEFAULT_TAG}"


def normalised(image: str) -> str:
    """The full name: `docker.io/library/nginx:latest`."""
    return "".join(("/".join(split_image(image)[:2]), split_image(image)[2]))


def repository_of(image: str) -> str:
    """Registry and repository, without tag: `docker.io/library/nginx`."""
    return "/".join(split_image(image)[:2])


def short_name(image: str) -> str:
    """The last part of the repository: `nginx`. The library knows images by it, wherever they come from."""
    return repository_of(image).rsplit("/", 1)[-1]


def familiar(image: str) -> str:
    """The name as docker shows it: without docker.io and library/."""
    return normalised(image).removeprefix("docker.io/").removeprefix("library/")


def default_pull_policy(image: str) -> str:
    """What the apiserver fills in for an absent imagePullPolicy: Always for `:latest`, else IfNotPresent."""
    return "Always" if split_image(image)[2] == f":{DEFAULT_TAG}" else "IfNotPresent"
