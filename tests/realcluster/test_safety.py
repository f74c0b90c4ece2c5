"""Which clusters may be used."""

from __future__ import annotations

import pytest

from kubesim.client.kubeconfig import Access
from kubesim.realcluster.errors import RealClusterError
from kubesim.realcluster.safety import check_context, kind_of, run_namespace

NEAR = "https://127.0.0.1:6443"


def access(context: str, server: str = NEAR, **fields: str) -> Access:
    return Access(context, "c", "u", server, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (access("minikube", "https://192.168.49.2:8443"), "minikube"),
        (access("lesson", provider="minikube.sigs.k8s.io"), "minikube"),
        (access("kind-kind"), "kind"),
        (access("k3d-lab", "https://0.0.0.0:6550"), "k3d"),
        (access("docker-desktop", "https://kubernetes.docker.internal:6443"), "docker-desktop"),
        (access("anything", profile="/home/me/.local/state/kubesim/anything"), "kubesim"),
    ],
)
def test_clusters_for_playing_may_be_used(given: Access, kind: str) -> None:
    """Teaches: they are known by the context's name, or by the mark of the program that wrote it."""
    assert kind_of(given) == kind
    check_context(given, ())


@pytest.mark.parametrize("context", ["prod", "gke_shop_europe", "minikube-of-the-boss", "kindergarten"])
def test_every_other_context_must_be_allowed_by_name(context: str) -> None:
    """Teaches: nobody breaks production by a typo."""
    with pytest.raises(RealClusterError, match=rf'^context "{context}" .* --allow-context {context}$'):
        check_context(access(context), ("another",))
    check_context(access(context), (context,))


def test_a_name_for_playing_with_a_server_far_away_is_refused() -> None:
    """Teaches: a name is no proof; an address in the open net says more."""
    with pytest.raises(RealClusterError, match=r"is not on this machine nor in a private network"):
        check_context(access("kind-prod", "https://34.90.1.2:443"), ())
    with pytest.raises(RealClusterError, match=r"is not on this machine nor in a private network"):
        check_context(access("minikube", "https://api.shop.example"), ())


def test_a_run_s_namespace_is_a_dns_label() -> None:
    """Teaches: 63 characters at most, and nothing else contains it."""
    assert run_namespace("node-failure", "a1b2c") == "kubesim-node-failure-a1b2c"
    assert len(run_namespace("x" * 80, "a1b2c")) <= 63
