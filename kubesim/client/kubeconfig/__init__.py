"""Kubeconfig files: which clusters there are, how to reach them, and as whom.

Files are found, read and merged as kubectl does it (`loading`), and a context of the result becomes an `Access`:
everything that a transport must know (`access`). Credentials that a program hands out are in `exec_plugin`.
Upstream: k8s.io/client-go/tools/clientcmd.
"""

from kubesim.client.kubeconfig.access import Access, ExecConfig, Impersonation, access_of
from kubesim.client.kubeconfig.errors import KubeconfigError
from kubesim.client.kubeconfig.loading import Kubeconfig, load

__all__ = ["Access", "ExecConfig", "Impersonation", "Kubeconfig", "KubeconfigError", "access_of", "load"]
