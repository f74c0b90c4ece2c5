"""The drivers for clusters that minikube, kind, k3d and `kubesim start` made, in their documented commands.

A crash and a stop look the same from outside once the machine is silent; where a program has but one way to switch a
node off, both are that. minikube's containers (driver docker) bear the names of its nodes, as kind's and k3d's do.
A container that was cut off from its network may come back with another address.
Upstream: `minikube node`, `minikube ssh`; `docker pause`, `docker stop`, `docker network`.
"""

from __future__ import annotations

from kubesim.realcluster.drivers.driver import KUBELET, LINK, NODE, Templates

_SSH = "minikube ssh -p {profile} -n {node} -- sudo systemctl"

MINIKUBE: Templates = {
    (NODE, "crash"): ("minikube node stop {node} -p {profile}",),
    (NODE, "stop"): ("minikube node stop {node} -p {profile}",),
    (NODE, "restart"): ("minikube node start {node} -p {profile}",),
    (NODE, "add"): ("minikube node add -p {profile}",),
    (NODE, "delete"): ("minikube node delete {node} -p {profile}",),
    (NODE, "pause"): ("docker pause {node}",),
    (NODE, "resume"): ("docker unpause {node}",),
    (KUBELET, "crash"): (f"{_SSH} stop kubelet",),
    (KUBELET, "stop"): (f"{_SSH} stop kubelet",),
    (KUBELET, "restart"): (f"{_SSH} start kubelet",),
}

CONTAINERS: Templates = {
    (NODE, "crash"): ("docker stop --time 0 {node}",),
    (NODE, "stop"): ("docker stop {node}",),
    (NODE, "restart"): ("docker start {node}",),
    (NODE, "pause"): ("docker pause {node}",),
    (NODE, "resume"): ("docker unpause {node}",),
    (LINK, "partition"): ("docker network disconnect {network} {node}",),
    (LINK, "repair"): ("docker network connect {network} {node}",),
}

KUBESIM: Templates = {
    (NODE, "crash"): ("{python} -m kubesim.cli.main node stop {node} -p {profile} --data-dir {home}",),
    (NODE, "stop"): ("{python} -m kubesim.cli.main node stop {node} -p {profile} --data-dir {home}",),
    (NODE, "restart"): ("{python} -m kubesim.cli.main node start {node} -p {profile} --data-dir {home}",),
}
