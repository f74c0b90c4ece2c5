"""Registries: what they have, whom they let in, and what is wrong with them."""

from __future__ import annotations

import pytest

from kubesim.kubelet.runtime.registry import Credentials, Refusal, Registries, matching

USER = Credentials("me", "secret")


def refusal(registries: Registries, image: str, *credentials: Credentials) -> str:
    try:
        registries.look_up(image, credentials)
    except Refusal as refused:
        return refused.kind
    return ""


@pytest.mark.parametrize(
    ("missing", "gone", "there"),
    [
        ("nginx:broken", ["nginx:broken", "docker.io/library/nginx:broken"], ["nginx", "nginx:1.27"]),
        ("nginx", ["nginx", "nginx:1.27"], ["team/nginx", "httpd"]),
        ("registry.corp", ["registry.corp/a:1", "registry.corp/b/c"], ["a:1"]),
        ("docker.io/team/app", ["team/app:v1"], ["team/other"]),
    ],
)
def test_what_is_missing_is_named_by_registry_repository_or_tag(
    missing: str, gone: list[str], there: list[str]
) -> None:
    """Teaches: every image exists unless the scenario says otherwise."""
    registries = Registries([missing])
    assert all(refusal(registries, image) in ("no-tag", "no-repository") for image in gone)
    assert not any(refusal(registries, image) for image in there)


def test_a_private_registry_wants_the_right_password() -> None:
    """Teaches: no credentials and wrong ones are two different answers."""
    registries = Registries()
    registries.private("registry.example.com/team", "me", "secret")
    assert refusal(registries, "registry.example.com/team/app:1") == "denied"
    assert refusal(registries, "registry.example.com/team/app:1", Credentials("me", "x")) == "unauthorized"
    assert refusal(registries, "registry.example.com/team/app:1", USER) == ""
    assert refusal(registries, "registry.example.com/other/app:1") == ""


def test_a_limit_counts_fetches_in_a_window() -> None:
    """Teaches: Docker Hub lets so many pulls through in six hours, and counts those of all nodes together."""
    registries = Registries()
    registries.limit("docker.io", 2, 60)
    for second in (0, 1):
        registries.count("nginx", (), second * 10**9)
    with pytest.raises(Refusal, match="limit"):
        registries.count("httpd", (), 2 * 10**9)
    registries.count("httpd", (USER,), 2 * 10**9)  # Who is logged in is counted apart.
    registries.count("quay.io/app", (), 2 * 10**9)
    registries.count("httpd", (), 61 * 10**9)


@pytest.mark.parametrize("how", ["refused", "timeout", "no-such-host", "unavailable"])
def test_a_registry_can_be_down_in_several_ways(how: str) -> None:
    """Teaches: a registry that is down is seen in the error, not in the image."""
    registries = Registries()
    registries.down("quay.io", how)
    assert refusal(registries, "quay.io/app:1") == how
    assert refusal(registries, "nginx") == ""
    registries.up("quay.io")
    assert refusal(registries, "quay.io/app:1") == ""


def test_a_deleted_tag_is_gone_until_it_is_published() -> None:
    """Teaches: `docker push` brings a tag; without it a Deployment of that tag cannot start anywhere new."""
    registries = Registries()
    registries.delete("example.com/app:1")
    assert refusal(registries, "example.com/app:1") == "no-tag"
    registries.publish("example.com/app:1")
    assert refusal(registries, "example.com/app:1") == ""


@pytest.mark.parametrize(
    ("key", "image", "matches"),
    [
        ("https://index.docker.io/v1/", "nginx", True),
        ("docker.io", "team/app:1", True),
        ("registry.example.com", "registry.example.com/a/b:1", True),
        ("registry.example.com/a", "registry.example.com/a/b:1", True),
        ("registry.example.com/c", "registry.example.com/a/b:1", False),
        ("*.example.com", "registry.example.com/a:1", True),
        ("*.example.com", "example.com/a:1", False),
        ("quay.io", "nginx", False),
    ],
)
def test_a_docker_config_is_matched_by_host_and_path(key: str, image: str, matches: bool) -> None:
    """Teaches: a pull secret is for the registry that it names, and for no other."""
    assert bool(matching({key: USER}, image)) is matches
