"""Clients of Redis: the job queue and the feed of changed assessments."""
