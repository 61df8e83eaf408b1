"""Webhook messages, signatures, retries and address checks."""
