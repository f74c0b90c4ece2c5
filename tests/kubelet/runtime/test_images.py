"""The images of one node, and the addresses of its Pods."""

from __future__ import annotations

import asyncio

import pytest

from kubesim.kubelet.runtime.cri import Image
from kubesim.kubelet.runtime.images import ImageStore
from kubesim.kubelet.runtime.layers import Manifest, library_manifest
from kubesim.kubelet.runtime.pod_network import PodNetwork
from kubesim.kubelet.runtime.registry import Refusal, Registries
from kubesim.sim import Simulation


def described(manifest: Manifest) -> Image:
    return Image(manifest.name, manifest.digest, manifest.size_bytes)


def store(sim: Simulation, registries: Registries | None = None) -> ImageStore:
    return ImageStore(sim.clock, registries or Registries(), described)


async def test_an_image_that_nobody_knows_is_there_within_a_third_of_a_second(sim: Simulation) -> None:
    """Teaches: an image that no registry fault names exists and is small."""
    images = store(sim)
    pulled = await images.pull("example.com/team/unheard-of:1")
    assert (pulled.name, pulled.size_bytes) == ("example.com/team/unheard-of:1", 10_000_000)
    assert sim.clock.now() == pytest.approx(0.15 + 10 / 80)


async def test_layers_that_are_there_are_not_fetched_again(sim: Simulation) -> None:
    """Teaches: two images on one base share its layer, in transfer and on the disk."""
    images = store(sim)
    await images.pull("nginx:1.27")
    began = sim.clock.now()
    await images.pull("redis:7")
    assert sim.clock.now() - began == pytest.approx(0.15 + (45 - 28) / 80)
    assert images.used_bytes() == (72 + 45 - 28) * 1_000_000
    images.remove("nginx:1.27")
    assert images.used_bytes() == 45_000_000
    assert images.get("nginx:1.27") is None


async def test_a_present_image_costs_one_look_at_the_registry(sim: Simulation) -> None:
    """Teaches: with pull policy Always the digest is compared, and nothing is fetched."""
    images = store(sim)
    await images.pull("nginx:1.27")
    began = sim.clock.now()
    await images.pull("nginx:1.27")
    assert sim.clock.now() - began == pytest.approx(0.15)


async def test_a_tag_that_was_pushed_again_is_another_image(sim: Simulation) -> None:
    """Teaches: a tag is a name that moves; a digest stays."""
    registries = Registries()
    images = store(sim, registries)
    first = registries.publish("example.com/app:1")
    await images.pull("example.com/app:1")
    second = registries.publish("example.com/app:1")
    assert first.digest != second.digest
    assert images.manifest("example.com/app:1") == first
    began = sim.clock.now()
    await images.pull("example.com/app:1")
    assert images.manifest("example.com/app:1") == second
    assert sim.clock.now() - began == pytest.approx(0.15 + 2 / 80)  # Only what is new.
    assert images.manifest(f"example.com/app@{second.digest}") == second


async def test_a_registry_that_dies_during_a_pull_ends_it(sim: Simulation) -> None:
    """Teaches: a big image needs its registry for a while."""
    registries = Registries()
    images = store(sim, registries)
    pull = asyncio.ensure_future(images.pull("mysql:9"))
    await asyncio.sleep(1)
    registries.down("docker.io")
    with pytest.raises(Refusal, match="refused"):
        await pull
    assert images.get("mysql:9") is None


async def test_a_slow_registry_takes_its_time(sim: Simulation) -> None:
    """Teaches: a pull takes as long as its bytes."""
    registries = Registries()
    registries.slow("docker.io", 1_000_000)
    await store(sim, registries).pull("nginx:1.27")
    assert sim.clock.now() == pytest.approx(72.15)


def test_every_node_agrees_on_a_digest() -> None:
    """Teaches: a digest names content; two nodes that pulled one tag have the same image."""
    assert library_manifest("nginx") == library_manifest("docker.io/library/nginx:latest")
    assert library_manifest("nginx:1").digest != library_manifest("nginx:2").digest
    assert library_manifest(f"nginx@sha256:{'a' * 64}").digest.endswith("a" * 64)


def test_an_alpine_variant_is_smaller() -> None:
    """Teaches: the same program on another base."""
    assert library_manifest("nginx:1.27-alpine").size_bytes < library_manifest("nginx:1.27").size_bytes / 2


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
