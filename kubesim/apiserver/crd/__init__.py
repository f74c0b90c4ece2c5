"""Custom resources: kinds that users add while the server runs.

Upstream: k8s.io/apiextensions-apiserver.
"""
