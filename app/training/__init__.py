"""Trains the local essay scorer from answers that people scored; `python -m app.training PATH`."""
