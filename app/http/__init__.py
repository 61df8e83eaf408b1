"""What the JSON API and other HTTP front ends share: access rules, tokens, request ids, problems, connections."""
