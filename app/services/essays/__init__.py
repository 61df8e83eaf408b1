"""Scoring essays."""
