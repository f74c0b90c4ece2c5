"""What API objects are: kinds, schema, one revision, requests, errors. Uses nothing else but sim."""
