"""What to search for, ranking, and recommendations with reasons."""
