"""Composition: what a process holds open, made from the settings."""
