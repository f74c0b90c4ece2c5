"""The generic registry: every verb for every kind, and the strategies that make kinds differ."""
