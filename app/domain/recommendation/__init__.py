"""Credentials, the search query of a student, ranking, and recommendations with reasons."""
