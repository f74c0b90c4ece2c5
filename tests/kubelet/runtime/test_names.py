"""Image names: what `nginx` is short for."""

from __future__ import annotations

import pytest

from kubesim.kubelet.runtime.names import default_pull_policy, is_valid_image, normalised, repository_of, split_image


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("bitnami/redis", "docker.io/bitnami/redis:latest"),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("localhost/app:2", "localhost/app:2"),
        (f"nginx@sha256:{'a' * 64}", f"docker.io/library/nginx@sha256:{'a' * 64}"),
    ],
)
def test_a_short_name_stands_for_a_full_one(image: str, full: str) -> None:
    """Teaches: registry, repository and tag all have defaults."""
    assert normalised(image) == full


def test_a_name_has_registry_repository_and_tag() -> None:
    """Teaches: the first part is a registry only if it looks like a host."""
    assert split_image("quay.io/team/app:v1") == ("quay.io", "team/app", ":v1")
    assert repository_of("team/app:v1") == "docker.io/team/app"


@pytest.mark.parametrize("image", ["bad image", "Nginx", "nginx:", "", "a//b", "nginx:v1:v2"])
def test_what_is_no_reference_is_refused(image: str) -> None:
    """Teaches: InvalidImageName comes before anybody asks a registry."""
    assert not is_valid_image(image)


def test_valid_references_are_accepted() -> None:
    """Teaches: ports, nested paths and digests are fine."""
    for image in ("nginx", "localhost:5000/a/b:v1", "ghcr.io/a/b-c_d.e:1.2-rc1", f"a@sha256:{'0' * 64}"):
        assert is_valid_image(image)


def test_latest_is_always_pulled() -> None:
    """Teaches: why `:latest` pulls at every start and a fixed tag does not."""
    assert default_pull_policy("nginx") == "Always"
    assert default_pull_policy("nginx:1.27") == "IfNotPresent"
