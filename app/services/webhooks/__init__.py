"""Registering webhooks and delivering their messages."""
