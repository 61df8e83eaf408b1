"""What the JSON API and other HTTP front ends share: callers, request ids, problems, connections."""
