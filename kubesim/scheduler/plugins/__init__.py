"""The default plugins of kube-scheduler, one file each; `registry.py` lists them with their weights."""
