"""For your own tests: a pytest fixture, clusters whose invariants are checked, and Hypothesis strategies.

* `kubesim.testing.plugin`: the fixtures `cluster` and `sim`, found by pytest without an import.
* `kubesim.testing.clusters.checked_cluster`: a cluster whose invariants must hold, in any test framework.
* `kubesim.testing.strategies`: nodes, Pods, Deployments and fault schedules; needs Hypothesis.

Nothing is imported here, since pytest loads the plugin in every run of an environment.
"""
