"""managedFields: which manager owns which field of every object, and server-side apply, which is built on it."""
