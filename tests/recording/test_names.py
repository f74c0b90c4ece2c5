"""Names that chance made become placeholders."""

from __future__ import annotations

from typing import Any

from kubesim.recording import Names


def owned(kind: str, name: str, owner_kind: str, owner: str, generate: str = "") -> dict[str, Any]:
    reference = {"kind": owner_kind, "name": owner, "controller": True, "uid": "u"}
    metadata = {"name": name, "ownerReferences": [reference]} | ({"generateName": generate} if generate else {})
    return {"kind": kind, "metadata": metadata}


def test_a_pod_of_a_replica_set_is_numbered_within_it() -> None:
    """Teaches: web-7887448d46-9b5gw is only the first Pod of the first ReplicaSet of web."""
    names = Names()
    assert names.see("ReplicaSet", owned("ReplicaSet", "web-7887448d46", "Deployment", "web")) == "web-<rs1>"
    pod = owned("Pod", "web-7887448d46-9b5gw", "ReplicaSet", "web-7887448d46", "web-7887448d46-")
    assert names.see("Pod", pod) == "web-<rs1>-<p1>"
    names.finish()
    assert names.text("Created pod: web-7887448d46-9b5gw") == "Created pod: web-<rs1>-<p1>"
    assert names.text("hash 7887448d46 again") == "hash <rs1> again"


def test_a_name_that_somebody_chose_stays() -> None:
    """Teaches: a StatefulSet's Pods have names that mean something."""
    names = Names()
    assert names.see("Pod", owned("Pod", "db-0", "StatefulSet", "db", "db-")) == "db-0"
    assert names.see("Pod", {"metadata": {"name": "bare"}}) == "bare"


def test_uids_addresses_and_dates_in_messages_are_replaced() -> None:
    """Teaches: two runs differ in these and in nothing that matters."""
    names = Names()
    names.finish()
    text = "pod 0b1de3c4-0000-4000-8000-000000000000 at 10.244.1.5 since 2026-11-22T19:02:58Z"
    assert names.text(text) == "pod <uid> at <ip> since <time>"
