"""Parts of an object with a path, a right and a meaning of their own."""
