"""Gives aggregated ClusterRoles the rules of all ClusterRoles that their selectors choose.

So a new kind of resource can be added to what `view`, `edit` and `admin` may do by a ClusterRole with a label.
Upstream: pkg/controller/clusterroleaggregation.
"""

from __future__ import annotations

from kubesim.api.resources import CLUSTER_ROLES
from kubesim.api.selectors import label_selector
from kubesim.api.stored import Object, Stored
from kubesim.controllers.controller import Controller, ControllerContext


class ClusterRoleAggregationController(Controller):
    """The queue holds names of ClusterRoles with an aggregationRule."""

    name = "clusterrole-aggregation-controller"

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(context)
        self._roles = self.informers.of(CLUSTER_ROLES)
        self._roles.add_handler(
            on_add=self._changed, on_update=lambda _old, new: self._changed(new), on_delete=self._changed
        )

    async def reconcile(self, key: str) -> None:
        """Writes the rules if they are not what they should be."""
        role = self._roles.get(key)
        if role is None or not selectors_of(role.object):
            return
        rules = self._rules(role)
        if rules != (role.object.get("rules") or []):
            await self.client.update(CLUSTER_ROLES, {**role.object, "rules": rules})

    def _rules(self, role: Stored) -> list[Object]:
        rules: list[Object] = []
        for selector in selectors_of(role.object):
            matches = label_selector(selector)
            for other in sorted(self._roles.list(), key=lambda stored: stored.name):
                if other.name != role.name and matches.matches(other.object["metadata"].get("labels") or {}):
                    rules += [rule for rule in other.object.get("rules") or () if rule not in rules]
        return rules

    def _changed(self, _role: Stored) -> None:
        """Any role may be a part of any aggregated one, which are few."""
        for role in self._roles.list():
            if selectors_of(role.object):
                self.enqueue(role)


def selectors_of(role: Object) -> list[Object]:
    """Which ClusterRoles an aggregated one takes its rules from."""
    rule: Object = role.get("aggregationRule") or {}
    return rule.get("clusterRoleSelectors") or []
