"""Database rows as frozen models."""
