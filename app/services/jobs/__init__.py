"""Running, retrying and maintaining jobs."""
