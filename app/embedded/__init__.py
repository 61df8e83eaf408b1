"""Starts and stops the bundled PostgreSQL and Valkey, for development, demonstrations and tests."""

from app.embedded.postgres import EmbeddedPostgres
from app.embedded.processes import EmbeddedServerError
from app.embedded.servers import ServerUrls, embedded_servers
from app.embedded.valkey import EmbeddedValkey

__all__ = ["EmbeddedPostgres", "EmbeddedServerError", "EmbeddedValkey", "ServerUrls", "embedded_servers"]
