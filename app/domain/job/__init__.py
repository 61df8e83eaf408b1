"""Retries of jobs, and the notifications that say which are due."""
