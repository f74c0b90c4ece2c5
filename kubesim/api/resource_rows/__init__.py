"""The rows of `kubesim.api.resources`, by group."""
