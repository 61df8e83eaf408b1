"""Starts and stops the bundled PostgreSQL and Valkey, for development, demonstrations and tests."""

from app.local.embedded.postgres import EmbeddedPostgres
from app.local.embedded.processes import EmbeddedServerError
from app.local.embedded.servers import ServerUrls, embedded_servers, running_servers
from app.local.embedded.valkey import EmbeddedValkey

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedServerError",
    "EmbeddedValkey",
    "ServerUrls",
    "embedded_servers",
    "running_servers",
]
