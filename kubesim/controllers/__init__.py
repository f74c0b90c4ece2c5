"""The controllers of kube-controller-manager, each in a file of its own, and the manager that runs them.

`ALL_CONTROLLERS` is the one list of what runs.
Upstream: pkg/controller, and cmd/kube-controller-manager/app/controllermanager.go for the list.
"""

from kubesim.controllers.controller import Controller, ControllerContext
from kubesim.controllers.manager import ALL_CONTROLLERS, ALLOCATING_CONTROLLERS, ControllerManager

__all__ = ["ALLOCATING_CONTROLLERS", "ALL_CONTROLLERS", "Controller", "ControllerContext", "ControllerManager"]
