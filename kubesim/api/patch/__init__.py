"""The patch formats of the API: JSON patch, merge patch, strategic merge patch. Pure functions."""
