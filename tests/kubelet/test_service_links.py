"""The variables that a container finds for Services."""

from __future__ import annotations

from kubesim.kubelet.service_links import service_links, variables

DB = {
    "metadata": {"name": "my-db", "creationTimestamp": "2024-01-13T09:00:05Z"},
    "spec": {"clusterIP": "10.96.0.20", "ports": [{"name": "pg", "port": 5432, "protocol": "TCP"}]},
}


def test_a_service_is_seven_variables_and_one_for_each_name_of_a_port() -> None:
    """Teaches: what programs of the time before DNS found."""
    assert variables(DB) == {
        "MY_DB_SERVICE_HOST": "10.96.0.20",
        "MY_DB_SERVICE_PORT": "5432",
        "MY_DB_SERVICE_PORT_PG": "5432",
        "MY_DB_PORT": "tcp://10.96.0.20:5432",
        "MY_DB_PORT_5432_TCP": "tcp://10.96.0.20:5432",
        "MY_DB_PORT_5432_TCP_PROTO": "tcp",
        "MY_DB_PORT_5432_TCP_PORT": "5432",
        "MY_DB_PORT_5432_TCP_ADDR": "10.96.0.20",
    }


def test_a_service_that_came_later_is_not_seen() -> None:
    """Teaches: the environment is made once, when the container starts; DNS is asked every time."""
    assert "MY_DB_SERVICE_HOST" not in service_links([DB], "2024-01-13T09:00:04Z")
    assert "MY_DB_SERVICE_HOST" in service_links([DB], "2024-01-13T09:00:05Z")
    assert service_links([], "2024-01-13T09:00:04Z")["KUBERNETES_PORT_443_TCP_ADDR"] == "10.96.0.1"


def test_a_headless_service_has_none() -> None:
    """Teaches: there is no address to tell."""
    assert variables({"metadata": {"name": "a"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}}) == {}
