"""Trains the local essay scorer on answers that people scored: `python -m app.training PATH`."""
