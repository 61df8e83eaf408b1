"""Webhooks: allowed addresses, signed messages, and the retry schedule. No I/O."""
