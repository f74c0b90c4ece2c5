"""What a context of a kubeconfig means."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from kubesim.client.kubeconfig import Access, ExecConfig, Impersonation, KubeconfigError, access_of, load
from tests.client.kubeconfig.conftest import Write


def test_everything_about_a_cluster_and_a_user_is_understood(write: Write, tmp_path: Path) -> None:
    """Teaches: data and files are alike, and a path is relative to the file in which it stands."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/ca.crt").write_bytes(b"CA")
    (tmp_path / "deep/me.key").write_bytes(b"KEY")
    file = write(
        "deep/config",
        cluster={"server": "https://k8s.example/prefix/", "certificate-authority": "ca.crt",
                 "tls-server-name": "kubernetes", "proxy-url": "http://proxy:3128"},
        user={"client-certificate-data": base64.b64encode(b"CERT").decode(), "client-key": "me.key",
              "as": "jane", "as-groups": ["a", "b"], "as-uid": "7", "as-user-extra": {"scopes": ["view"]}},
        context={"namespace": "team"},
    )  # fmt: skip
    assert access_of(load(file)) == Access(
        context="main", cluster="c", user="u", server="https://k8s.example/prefix", namespace="team",
        authority=b"CA", tls_server_name="kubernetes", proxy_url="http://proxy:3128", certificate=b"CERT", key=b"KEY",
        impersonation=Impersonation("jane", ("a", "b"), "7", (("scopes", ("view",)),)),
    )  # fmt: skip


def test_what_looks_like_a_number_stays_text(write: Write) -> None:
    """Teaches: a password 0123 has a zero in front."""
    access = access_of(load(write(user={"username": "yes", "password": "0123"})))
    assert (access.username, access.password) == ("yes", "0123")


def test_the_file_of_a_token_wins_over_the_token(write: Write, tmp_path: Path) -> None:
    """Teaches: a token in a file may be renewed while we run, so the file is read later, and again."""
    access = access_of(load(write(user={"token": "old", "tokenFile": "token"})))
    assert (access.token, access.token_file) == ("", tmp_path / "token")


def test_a_program_that_hands_out_credentials(write: Write, tmp_path: Path) -> None:
    """Teaches: a command with a slash is a path, one without is looked for in $PATH."""
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1beta1", "command": "./login", "args": ["--for", "me"],
        "env": [{"name": "A", "value": "1"}], "installHint": "get it", "provideClusterInfo": True,
    }  # fmt: skip
    access = access_of(load(write(user={"exec": plugin})))
    assert access.exec == ExecConfig(
        "client.authentication.k8s.io/v1beta1", str(tmp_path / "login"), ("--for", "me"), (("A", "1"),), "get it",
        provide_cluster_info=True, interactive_mode="IfAvailable",
    )  # fmt: skip


def test_a_context_that_is_not_there_is_refused_with_those_that_are(write: Write) -> None:
    """Teaches: no such context."""
    with pytest.raises(KubeconfigError, match=r'^there is no context "minikube" in .*/config; there is main$'):
        access_of(load(write()), "minikube")


def test_without_a_current_context_one_must_be_named(write: Write) -> None:
    """Teaches: nobody guesses which cluster is meant."""
    with pytest.raises(KubeconfigError, match=r"has no current context; name one with --context; there is main$"):
        access_of(load(write(**{"current-context": ""})))


V1 = "client.authentication.k8s.io/v1"


@pytest.mark.parametrize(
    ("cluster", "user", "words"),
    [
        ({"server": ""}, {}, "is no URL of an apiserver"),
        ({"server": "ftp://a"}, {}, "is no URL of an apiserver"),
        ({"certificate-authority": "no.crt"}, {}, r"unable to read certificate-authority no.crt \(No such file"),
        ({"certificate-authority-data": "%"}, {}, "certificate-authority-data is not base64"),
        ({"certificate-authority-data": "Q0E=", "insecure-skip-tls-verify": True}, {}, "with the insecure flag is not"),
        ({"proxy-url": "socks5://a"}, {}, "proxy-url 'socks5://a' must begin with http:// or https://"),
        ({}, {"token": "a", "username": "b"}, r"more than one authentication method found; found \[token basicAuth\]"),
        ({}, {"client-certificate-data": "Q0E="}, "a client certificate and its key must both be given"),
        ({}, {"auth-provider": {"name": "gcp"}}, "auth-provider is gone since Kubernetes 1.26; use an exec plugin"),
        ({}, {"as-groups": ["a"]}, "without impersonating a user"),
        ({}, {"exec": {"apiVersion": "v1", "command": "a"}}, "exec.apiVersion 'v1' must be client.authentication"),
        ({}, {"exec": {"apiVersion": V1, "command": "a"}}, "exec.interactiveMode must be Never, IfAvailable, Always"),
        ({}, {"exec": {"apiVersion": V1}}, "exec.command must be given"),
        ({}, {"exec": [1]}, "exec must be a mapping"),
    ],
)
def test_what_contradicts_itself_is_refused(
    cluster: dict[str, Any], user: dict[str, Any], words: str, write: Write
) -> None:
    """Teaches: each refusal names the entry, the file and what is wrong."""
    with pytest.raises(KubeconfigError, match=words):
        access_of(load(write(cluster=cluster, user=user)))


@pytest.mark.parametrize("missing", ["cluster", "user"])
def test_a_context_that_names_what_is_not_there_is_refused(missing: str, write: Write) -> None:
    """Teaches: entries refer to each other by name."""
    with pytest.raises(KubeconfigError, match=rf'^context "main" names the {missing} "gone", which .* does not have$'):
        access_of(load(write(context={missing: "gone"})))
