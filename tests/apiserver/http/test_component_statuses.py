"""Is the rest of the control plane well?"""

from __future__ import annotations

from typing import Any

STATUSES = "/api/v1/componentstatuses"


def test_component_statuses_are_made_up_for_every_question(served: Any) -> None:
    """Teaches: `kubectl get cs`: etcd answers; nobody holds the scheduler's Lease."""

    async def test(http: Any) -> None:
        found = {item["metadata"]["name"]: item["conditions"][0] for item in (await http.get(STATUSES))["items"]}
        assert found["etcd-0"] == {"type": "Healthy", "status": "True", "message": "ok"}
        assert found["scheduler"]["status"] == "False"
        assert found["scheduler"]["message"].endswith("dial tcp 127.0.0.1:10259: connect: connection refused")
        assert (await http.get(f"{STATUSES}/etcd-0"))["kind"] == "ComponentStatus"
        code, answer = await http.call("GET", f"{STATUSES}/nosuch")
        assert (code, answer["message"]) == (404, 'componentstatus "nosuch" not found')
        lease = {
            "metadata": {"name": "kube-scheduler"},
            "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15, "acquireTime": "2024-01-01T00:00:00.000000Z",
                     "renewTime": f"{http.sim.clock.timestamp()[:-1]}.000000Z"},
        }  # fmt: skip
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
        assert (await http.call("POST", path, lease))[0] == 201
        assert (await http.get(f"{STATUSES}/scheduler"))["conditions"][0]["message"] == "ok"

    served(test)
