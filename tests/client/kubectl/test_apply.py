"""`kubectl apply`: what the manifest says is set, and what it says no more is removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubesim.api.resources import CONFIG_MAPS
from kubesim.api.stored import Object
from kubesim.client.kubectl import KubectlError, ManifestError, RefusedError
from kubesim.cluster import SimCluster

CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  color: blue
  size: large
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports:
    - name: a
      port: 80
    - name: b
      targetPort: 80
      port: 99999
"""


async def applied(hands: Any, cluster: SimCluster, folder: Path, text: str) -> str:
    cluster.kubectl.folder = folder
    (folder / "object.yaml").write_text(text)
    told: str = await hands(cluster).kubectl("apply -f object.yaml")
    return told


@pytest.mark.cluster(nodes=0)
async def test_the_first_apply_creates_and_the_same_again_changes_nothing(
    cluster: SimCluster, hands: Any, tmp_path: Path
) -> None:
    """Teaches: apply may be repeated without harm."""
    assert await applied(hands, cluster, tmp_path, CONFIG) == "configmap/settings created"
    before = hands(cluster).object("ConfigMap", "settings")["metadata"]["resourceVersion"]
    assert await applied(hands, cluster, tmp_path, CONFIG) == "configmap/settings unchanged"
    assert hands(cluster).object("ConfigMap", "settings")["metadata"]["resourceVersion"] == before


@pytest.mark.cluster(nodes=0)
async def test_a_field_that_the_manifest_says_no_more_is_removed(
    cluster: SimCluster, hands: Any, tmp_path: Path
) -> None:
    """Teaches: the last applied manifest stands in an annotation, so that removals can be told from others' fields."""
    await applied(hands, cluster, tmp_path, CONFIG)
    await hands(cluster).kubectl("""patch configmap settings --type=merge -p '{"data":{"theirs":"kept"}}'""")
    changed = CONFIG.replace("  color: blue\n", "").replace("large", "small")
    assert await applied(hands, cluster, tmp_path, changed) == "configmap/settings configured"
    assert hands(cluster).object("ConfigMap", "settings")["data"] == {"size": "small", "theirs": "kept"}


@pytest.mark.cluster(nodes=0)
async def test_a_refused_object_is_named_with_file_line_and_field(
    cluster: SimCluster, hands: Any, tmp_path: Path
) -> None:
    """Teaches: the apiserver's word, and where to look."""
    with pytest.raises(RefusedError) as caught:
        await applied(hands, cluster, tmp_path, SERVICE)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/object.yaml, line 11: ")
    assert "spec.ports[1].port" in message
    assert "\n" not in message


@pytest.mark.cluster(nodes=0)
@pytest.mark.parametrize(
    ("old", "new", "where"),
    [("99999", "http", "line 6: "), ("port: 99999", "prot: 80", "line 11: "), ("name: web", "name: Web", "line 4: ")],
)
async def test_an_object_that_cannot_be_read_has_a_line_too(
    cluster: SimCluster, hands: Any, tmp_path: Path, old: str, new: str, where: str
) -> None:
    """Teaches: the apiserver checks types, then fields, then values."""
    with pytest.raises(RefusedError) as caught:
        await applied(hands, cluster, tmp_path, SERVICE.replace(old, new))
    assert where in str(caught.value)


@pytest.mark.cluster(nodes=0)
async def test_a_kind_that_nobody_knows_is_refused_in_kubectls_words(
    cluster: SimCluster, hands: Any, tmp_path: Path
) -> None:
    """Teaches: kind and apiVersion belong together."""
    with pytest.raises(KubectlError, match='no matches for kind "ConfigMap" in version "apps/v1"'):
        await applied(hands, cluster, tmp_path, CONFIG.replace("v1", "apps/v1"))


@pytest.mark.cluster(nodes=0)
async def test_a_generated_name_cannot_be_applied(cluster: SimCluster, hands: Any, tmp_path: Path) -> None:
    """Teaches: apply must find again what it made; create need not."""
    generated = CONFIG.replace("name: settings", "generateName: settings-")
    with pytest.raises(KubectlError, match="cannot use generate name with apply"):
        await applied(hands, cluster, tmp_path, generated)
    told = await hands(cluster).kubectl("create -f object.yaml")
    assert told.startswith("configmap/settings-")
    assert told.endswith(" created")


@pytest.mark.cluster(nodes=0)
async def test_a_list_and_a_folder_are_taken_apart(cluster: SimCluster, hands: Any, tmp_path: Path) -> None:
    """Teaches: one command, many objects, in order of name."""
    second = CONFIG.replace("settings", "other")
    (tmp_path / "two.yaml").write_text(f"{CONFIG}---\n{second}")
    cluster.kubectl.folder = tmp_path.parent
    told = await hands(cluster).kubectl(f"apply -f {tmp_path.name}")
    assert told == "configmap/settings created\nconfigmap/other created"
    assert await hands(cluster).kubectl(f"delete -f {tmp_path.name}") == (
        'configmap "settings" deleted\nconfigmap "other" deleted'
    )


@pytest.mark.cluster(nodes=0)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: Pod\nmetadata: {name: a}\n", "line 1: apiVersion is missing"),
        ("apiVersion: v1\nkind: Pod\n", "metadata.name is missing from this Pod"),
        ("- a\n", "expected a Kubernetes object, found list"),
        ("a: [\n", "not valid YAML"),
    ],
)
async def test_what_is_no_manifest_says_where(
    cluster: SimCluster, hands: Any, tmp_path: Path, text: str, words: str
) -> None:
    """Teaches: mistakes in YAML have a line."""
    with pytest.raises(ManifestError, match=words):
        await applied(hands, cluster, tmp_path, text)


async def test_a_second_apply_keeps_the_annotations_of_others(cluster: SimCluster) -> None:
    """Teaches: apply removes what its own last manifest said, not what controllers have written since."""
    manifest: Object = {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}, "data": {"a": "1"},
    }  # fmt: skip
    await cluster.apply(manifest)
    await cluster.client.merge_patch(CONFIG_MAPS, "c", {"metadata": {"annotations": {"theirs": "yes"}}}, "default")
    await cluster.apply({**manifest, "data": {"a": "2"}})
    stored = await cluster.client.get(CONFIG_MAPS, "c", "default")
    assert sorted(stored.object["metadata"]["annotations"]) == [
        "kubectl.kubernetes.io/last-applied-configuration", "theirs",
    ]  # fmt: skip
