"""The Python client of Assay: typed, patient with passing trouble, and exact about what is sent twice."""

from app.client.client import AssayClient
from app.client.errors import AssayError, AssayUnavailable, Problem
from app.client.pacing import Clock, Pacing
from app.client.webhooks import WebhookRefused, verify_webhook

__all__ = [
    "AssayClient",
    "AssayError",
    "AssayUnavailable",
    "Clock",
    "Pacing",
    "Problem",
    "WebhookRefused",
    "verify_webhook",
]
