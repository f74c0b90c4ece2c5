"""Which kubeconfig files count, and what comes of several."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubesim.client.kubeconfig import KubeconfigError, access_of, load
from tests.client.kubeconfig.conftest import Write


def test_of_several_files_the_first_that_says_something_counts(write: Write, tmp_path: Path) -> None:
    """Teaches: $KUBECONFIG is a list, and an entry of the first file hides those of its name in the others."""
    first = write("a", **{"current-context": ""}, contexts=None)
    second = write("b", cluster={"server": "https://hidden:1"}, user={"token": "hidden"})
    missing = tmp_path / "missing"
    config = load(environment={"KUBECONFIG": f"{missing}:{first}:{second}"})
    access = access_of(config)
    assert config.files == (first, second)
    assert (access.context, access.server, access.token) == ("main", "https://10.0.0.1:6443", "")


def test_without_any_file_the_message_says_where_it_looked(tmp_path: Path) -> None:
    """Teaches: ~/.kube/config is the last place."""
    with pytest.raises(KubeconfigError, match=rf"^there is no kubeconfig \({tmp_path}/.kube/config does not exist\); "):
        load(environment={"HOME": str(tmp_path)})


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    """Teaches: --kubeconfig is stricter than $KUBECONFIG."""
    with pytest.raises(KubeconfigError, match=r"nowhere does not exist$"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "line 2 is not valid YAML"),
        ("- 1", "is not a kubeconfig: a mapping is expected"),
        ("clusters: 1", "clusters must be a list"),
        ("users: [{user: {}}]", "every entry of users must have a name"),
        ("contexts: [{name: a, context: [1]}]", 'context of "a" must be a mapping'),
        ("current-context: [1]", "current-context must be a text"),
    ],
)
def test_what_is_no_kubeconfig_is_refused(text: str, words: str, tmp_path: Path) -> None:
    """Teaches: the message names the file and the place."""
    file = tmp_path / "config"
    file.write_text(text + "\n")
    with pytest.raises(KubeconfigError, match=words) as caught:
        load(file)
    assert str(file) in str(caught.value)


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    """Teaches: what the operating system says is passed on."""
    with pytest.raises(KubeconfigError, match=r"cannot be read \(Is a directory\)"):
        load(tmp_path)
