"""A small shell and the tools of a busybox: what `kubectl exec` runs inside a simulated container."""

from kubesim.kubelet.runtime.shell.interpreter import Interpreter, apps_of, find_program, is_shell

__all__ = ["Interpreter", "apps_of", "find_program", "is_shell"]
