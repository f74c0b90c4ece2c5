"""The control endpoint's part about images: what a user does to the registries of a cluster that is served.

What is done here lasts as long as the service: a cluster that is stopped and started finds its registries in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubesim.api.errors import BadRequestError
from kubesim.cluster import SimCluster


def change_registry(cluster: SimCluster, body: Mapping[str, Any]) -> dict[str, Any]:
    """One change, with the fields that a scenario has for it: {"publish": "example.com/app:2"}."""
    from pydantic import ValidationError

    from kubesim.scenario.registries import RegistryAction, act

    try:
        action = RegistryAction.model_validate(dict(body))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        words = str(first["msg"]).removeprefix("Value error, ")
        raise BadRequestError(f"{where}: {words}" if where else words) from None
    return {"done": act(cluster.registries, action)}
