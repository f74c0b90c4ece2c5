"""What a server stores about itself, where somebody looks."""

from __future__ import annotations

from typing import Any

from kubesim.api.resources import API_SERVICES, CONFIG_MAPS, FLOW_SCHEMAS, PRIORITY_LEVELS, SERVICE_CIDRS
from kubesim.apiserver.http.table import printer_for
from kubesim.sim import Simulation


async def test_a_served_cluster_shows_what_its_server_is(sim: Simulation, boot: Any) -> None:
    """Teaches: every group and version has an APIService, and requests have priorities."""
    async with boot(sim, writes_policy=True) as api:
        services = {stored.name: stored for stored in (await api.list(API_SERVICES)).items}
        assert services["v1."].object["spec"] == {"version": "v1", "groupPriorityMinimum": 18000, "versionPriority": 1}
        row = printer_for(API_SERVICES).cells(services["v2.autoscaling"].object, sim.clock.unix_ns())
        assert row[:3] == ["v2.autoscaling", "Local", "True"]
        schemas = [stored.object for stored in (await api.list(FLOW_SCHEMAS)).items]
        levels = {stored.name for stored in (await api.list(PRIORITY_LEVELS)).items}
        assert {schema["spec"]["priorityLevelConfiguration"]["name"] for schema in schemas} == levels
        assert (await api.get(SERVICE_CIDRS, "kubernetes")).object["spec"] == {"cidrs": ["10.96.0.0/12"]}
        names = {stored.name for stored in (await api.list(CONFIG_MAPS)).items}
        assert "extension-apiserver-authentication" in names


async def test_a_virtual_run_does_without(sim: Simulation, boot: Any) -> None:
    """Teaches: a trace does not begin with fifty objects that nobody asked for."""
    async with boot(sim) as api:
        assert not (await api.list(API_SERVICES)).items
