"""Who may do what: rules, the RBAC index, the node authorizer, escalation checks, tokens, certificates, audit.

Upstream: pkg/kubeapiserver/{authenticator,authorizer}, plugin/pkg/auth, k8s.io/apiserver/pkg/audit.
"""
