"""kubesim: an educational Kubernetes control-plane simulator."""
