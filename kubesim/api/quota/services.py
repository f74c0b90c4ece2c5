"""What a Service takes: itself, its node ports, a load balancer. Upstream: evaluator/core/services.go."""

from __future__ import annotations

from kubesim.api.quota.amounts import ONE, ZERO, Amounts, count
from kubesim.api.quota.evaluator import Evaluator
from kubesim.api.resources import SERVICES
from kubesim.api.stored import Object

NODE_PORTS, LOAD_BALANCERS = "services.nodeports", "services.loadbalancers"


class ServiceEvaluator(Evaluator):
    """Counts node ports and load balancers apart: they cost."""

    charges_updates = True

    def __init__(self) -> None:
        super().__init__(SERVICES)
        self.names = (self.count_name, "services", NODE_PORTS, LOAD_BALANCERS)

    def usage(self, obj: Object, now: float) -> Amounts:  # noqa: ARG002
        """A load balancer has node ports too, unless it is told not to."""
        spec = obj.get("spec") or {}
        ports = spec.get("ports") or []
        used = {self.count_name: ONE, "services": ONE, NODE_PORTS: ZERO, LOAD_BALANCERS: ZERO}
        kind = spec.get("type")
        if kind == "NodePort":
            used[NODE_PORTS] = count(len(ports))
        elif kind == "LoadBalancer":
            if spec.get("allocateLoadBalancerNodePorts") is False:
                ports = [port for port in ports if port.get("nodePort")]
            used[NODE_PORTS], used[LOAD_BALANCERS] = count(len(ports)), ONE
        return used
