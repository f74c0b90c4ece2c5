"""Why things are as they are in a cluster: explanations for people, put together from what the parts say."""
