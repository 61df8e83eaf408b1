"""Composition: opens, by the settings, what a process or command uses."""
