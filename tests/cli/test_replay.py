"""`kubesim replay` and `kubesim record`: what is refused before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Call

KUBECONFIG = """\
current-context: kind-a
clusters:
- {name: a, cluster: {server: "https://127.0.0.1:1"}}
- {name: b, cluster: {server: "https://127.0.0.1:1"}}
users:
- {name: u, user: {}}
- {name: old, user: {client-certificate-data: CERT, client-key-data: KEY}}
contexts:
- {name: kind-a, context: {cluster: a, user: u}}
- {name: kind-old, context: {cluster: a, user: old}}
- {name: production, context: {cluster: b, user: u}}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("replay", "node-failure", "--context", "nope"), 'there is no context "nope" in '),
        (("replay", "node-failure", "--context", "production"), "--allow-context production"),
        (("replay", "node-failure"), 'context "kind-a" (https://127.0.0.1:1) cannot be reached: dial 127.0.0.1:1'),
        (("replay", "no-such-scenario"), 'no scenario is called "no-such-scenario"'),
        (("replay",), "name a scenario"),
        (("replay", "node-failure", "--driver", "vagrant"), 'there is no driver "vagrant"'),
        (("replay", "drain", "--trace", "/no/folder/x"), "cannot write the trace"),
        (("replay", "--clean-up"), "cannot be reached"),
        (("record", "-o", "/tmp/x"), "say either --scenario FILE_OR_NAME or --attach"),
        (("record", "--attach", "--scenario", "drain", "-o", "/tmp/x"), "say either --scenario"),
        (("record", "--scenario", "drain", "-n", "a", "-o", "/tmp/x"), "go with --attach"),
        (("record", "--attach", "--for", "soon", "-o", "/tmp/x"), '"soon" is no duration; write 90s or 5m'),
        (("record", "--attach", "-o", "/no/folder/x"), "cannot write the trace"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: tuple[str, ...], words: str, call: Call, file: str
) -> None:
    """Teaches: what cannot be done is said at once, and nothing was done."""
    code, _, err = call(*arguments, "--kubeconfig", file)
    assert code == 2
    assert words in err
    assert err.count("\n") == 1


def test_a_scenario_that_is_not_for_real_clusters_must_be_forced(call: Call, file: str, tmp_path: Path) -> None:
    """Teaches: replayable is the author's word that it makes sense."""
    scenario = tmp_path / "mine.yaml"
    spec = "{title: T, until: 1s, steps: [{say: hello}]}"
    scenario.write_text(f"{{apiVersion: kubesim.dev/v1alpha1, kind: Scenario, metadata: {{name: mine}}, spec: {spec}}}")
    code, _, err = call("replay", str(scenario), "--kubeconfig", file)
    assert code == 2
    assert "is not marked replayable; --force plays it on a real cluster all the same" in err
    code, _, err = call("replay", str(scenario), "--force", "--kubeconfig", file)
    assert (code, "cannot be reached" in err) == (2, True)


def test_an_expired_certificate_is_named(call: Call, file: str) -> None:
    """Teaches: the server would only hang up; the date says why."""
    import base64
    from datetime import timedelta

    from tests.client.http.test_tls import pair

    certificate, key = (base64.b64encode(part).decode() for part in pair(-timedelta(days=2), -timedelta(days=1)))
    path = Path(file)
    path.write_text(path.read_text().replace("CERT", certificate).replace("KEY", key))
    code, _, err = call("replay", "drain", "--context", "kind-old", "--kubeconfig", file)
    assert code == 2
    assert 'the client certificate of user "old" (context "kind-old") has expired on ' in err
