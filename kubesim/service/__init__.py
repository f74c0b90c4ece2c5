"""The background service behind `kubesim start`: profiles, certificates, kubeconfig, the daemon and its control.

`kubesim.service.serve` is the process that simulates and serves; everything else here runs in the short-lived
command line and imports nothing heavy.
"""

from kubesim.service.errors import ServiceError

__all__ = ["ServiceError"]
