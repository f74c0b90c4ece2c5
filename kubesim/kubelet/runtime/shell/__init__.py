"""A small shell and the tools of a busybox: what `kubectl exec` runs inside a simulated container."""

from kubesim.kubelet.runtime.shell.interpreter import Shell, find_program, is_shell

__all__ = ["Shell", "find_program", "is_shell"]
