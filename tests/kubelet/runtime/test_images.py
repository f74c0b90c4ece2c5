"""Images and the registries that have them, or not."""

from __future__ import annotations

import pytest

from kubesim.kubelet.runtime.cri import CriError
from kubesim.kubelet.runtime.images import ImageStore, describe, is_missing
from kubesim.kubelet.runtime.pod_network import PodNetwork


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
    assert all(is_missing(image, [missing]) for image in gone)
    assert not any(is_missing(image, [missing]) for image in there)


async def test_a_missing_image_fails_in_containerds_words() -> None:
    """Teaches: the error in the event is the runtime's, passed on."""
    store = ImageStore(missing=["nginx:no-such-tag"])
    name = "docker.io/library/nginx:no-such-tag"
    with pytest.raises(CriError) as caught:
        await store.pull("nginx:no-such-tag")
    assert str(caught.value) == (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{name}": '
        f'failed to resolve reference "{name}": {name}: not found'
    )


def test_every_node_agrees_on_a_digest() -> None:
    """Teaches: a digest names content; two nodes that pulled one tag have the same image."""
    assert describe("nginx") == describe("docker.io/library/nginx:latest")
    assert describe("nginx:1").ref != describe("nginx:2").ref
    assert describe(f"nginx@sha256:{'a' * 64}").ref.endswith("a" * 64)


def test_a_full_network_is_a_bug_of_ours() -> None:
    """Teaches: max-pods is below the number of addresses of a /24 for a reason."""
    network = PodNetwork("10.0.0.0/29")
    assert [network.allocate() for _ in range(5)] == [f"10.0.0.{number}" for number in range(2, 7)]
    with pytest.raises(AssertionError):
        network.allocate()
    network.release("10.0.0.4")
    assert network.allocate() == "10.0.0.4"


def test_a_wide_network_counts_past_one_byte() -> None:
    """Teaches: a /16 has room for more than 254 Pods."""
    network = PodNetwork("10.8.0.0/16")
    assert [network.allocate() for _ in range(256)][-1] == "10.8.1.1"
