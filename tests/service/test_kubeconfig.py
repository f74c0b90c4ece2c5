"""A guest in somebody else's file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from kubesim.service import ServiceError, kubeconfig
from kubesim.service.kubeconfig import Access

THEIRS = """\
apiVersion: v1
kind: Config
preferences: {colors: true}
current-context: work
clusters:
- name: work
  cluster:
    insecure-skip-tls-verify: true
    server: https://work.example:6443
users:
- name: work
  user:
    username: yes
    password: 0123
    exec: {apiVersion: client.authentication.k8s.io/v1, command: login, args: [--until, 2024-01-01T00:00:00Z, 1e3]}
contexts:
- {name: work, context: {cluster: work, user: work}}
unknown: {kept: ~}
"""


def access(name: str = "lesson", *, owner: str = "/profiles/lesson", port: int = 1) -> Access:
    return Access(name, owner, f"https://127.0.0.1:{port}", b"authority", b"certificate", b"key")


def raw(path: Path) -> dict[str, object]:
    """What is in the file, every scalar as its letters."""
    loaded = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    assert isinstance(loaded, dict)
    return loaded


def test_the_file_is_the_one_that_kubectl_would_change(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: --kubeconfig, else the first of $KUBECONFIG, else ~/.kube/config."""
    assert kubeconfig.target(None) == home / ".kube" / "config"
    monkeypatch.setenv("KUBECONFIG", ":/a/first:/b/second")
    assert kubeconfig.target(None) == Path("/a/first")
    assert kubeconfig.target(Path("/given")) == Path("/given")


def test_a_new_file_holds_our_context_and_only_its_owner_reads_it(home: Path) -> None:
    """Teaches: a kubeconfig holds a key."""
    path = home / ".kube" / "config"
    kubeconfig.merge(path, access())
    written = raw(path)
    assert written["current-context"] == "lesson"
    assert written["kind"] == "Config"
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(path.parent)) == ["config"]  # Neither a lock nor a half-written file is left.


def test_what_others_wrote_keeps_its_letters(tmp_path: Path) -> None:
    """Teaches: a password 0123 is no number, `yes` is no boolean, a date is no date."""
    path = tmp_path / "config"
    path.write_text(THEIRS)
    before = raw(path)
    kubeconfig.merge(path, access())
    merged = raw(path)
    assert "password: 0123\n" in path.read_text()
    for section in ("clusters", "users", "contexts"):
        assert merged[section][:1] == before[section]  # type: ignore[index]
        assert len(merged[section]) == 2  # type: ignore[arg-type]
    assert merged["unknown"] == before["unknown"]
    assert merged["current-context"] == "lesson"
    assert kubeconfig.remove(path, "lesson", "/profiles/lesson")
    assert raw(path) == {**before, "current-context": ""}


def test_starting_again_replaces_our_entries(tmp_path: Path) -> None:
    """Teaches: merging is done by name, so it can be done twice."""
    path = tmp_path / "config"
    kubeconfig.merge(path, access(port=1))
    kubeconfig.merge(path, access(port=2))
    kubeconfig.merge(path, access("other", owner="/profiles/other", port=3))
    servers = [entry["cluster"]["server"] for entry in raw(path)["clusters"]]  # type: ignore[attr-defined]
    assert servers == ["https://127.0.0.1:2", "https://127.0.0.1:3"]


def test_an_entry_of_our_name_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """Teaches: a name proves nothing; our entries carry a mark."""
    path = tmp_path / "config"
    path.write_text(THEIRS)
    with pytest.raises(ServiceError, match='already has "work" among its clusters, and it is not ours'):
        kubeconfig.merge(path, access("work"))
    assert path.read_text() == THEIRS
    assert not kubeconfig.remove(path, "work", "/profiles/work")
    assert path.read_text() == THEIRS


def test_only_the_profile_that_wrote_an_entry_removes_it(tmp_path: Path) -> None:
    """Teaches: two homes may have profiles of one name."""
    path = tmp_path / "config"
    kubeconfig.merge(path, access(owner="/other-home/lesson"))
    assert not kubeconfig.remove(path, "lesson", "/profiles/lesson")
    assert raw(path)["current-context"] == "lesson"


def test_a_current_context_that_is_not_ours_stays(tmp_path: Path) -> None:
    """Teaches: removing takes back only what is ours."""
    path = tmp_path / "config"
    path.write_text(THEIRS)
    kubeconfig.merge(path, access())
    path.write_text(path.read_text().replace("current-context: lesson", "current-context: work"))
    kubeconfig.remove(path, "lesson", "/profiles/lesson")
    assert raw(path)["current-context"] == "work"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("kind: Config\nclusters: ]", "line 2 is not valid YAML"),
        ("- a list", "is not a kubeconfig"),
        ("clusters: {a: b}", "is not a kubeconfig"),
        ("\x00", "is not valid YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_and_kept(tmp_path: Path, content: str, words: str) -> None:
    """Teaches: what one does not understand one does not overwrite."""
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(ServiceError, match=words):
        kubeconfig.check(path, "lesson")
    assert path.read_text() == content


@pytest.mark.parametrize(
    "content", ["", "# nothing\n", "clusters: null\nusers: []\ncontexts: ~\n", '{"kind": "Config"}']
)
def test_an_empty_file_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    """Teaches: kubectl writes `clusters: null` into an empty kubeconfig."""
    path = tmp_path / "config"
    path.write_text(content)
    kubeconfig.merge(path, access())
    assert [entry["name"] for entry in raw(path)["contexts"]] == ["lesson"]  # type: ignore[attr-defined]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """Teaches: a file that is replaced is replaced where it is."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text(THEIRS)
    link.symlink_to(real)
    kubeconfig.merge(link, access())
    assert link.is_symlink()
    assert raw(real)["current-context"] == "lesson"


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    """Teaches: whether a file can be written is asked before a cluster is started."""
    with pytest.raises(ServiceError, match="cannot be"):
        kubeconfig.check(tmp_path, "lesson")
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceError, match="cannot be"):
        kubeconfig.check(tmp_path / "file" / "config", "lesson")


def test_a_lock_of_another_program_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: kubectl and we agree on who may write."""
    monkeypatch.setattr(kubeconfig, "LOCK_TRIES", 1)
    monkeypatch.setattr(kubeconfig, "LOCK_RETRY_SECONDS", 0)
    path = tmp_path / "config"
    (tmp_path / "config.lock").write_text("")
    with pytest.raises(ServiceError, match=r"config\.lock says that a program is changing the kubeconfig"):
        kubeconfig.merge(path, access())
    assert (tmp_path / "config.lock").exists()
    assert not path.exists()
