"""Brings the database schema up to date. Safe to repeat and to run concurrently.

reads   DATABASE_URL; the folder `migrations` of this version
writes  the schema of the database
needs   PostgreSQL 14 or newer with the `vector` extension available, and a user who may create tables
"""

import argparse

from app.domain.text import count_of
from app.repositories.migrations import MigrationFailed, migrate
from app.settings import Settings, UnusableSetting


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.set_defaults(run=_migrate, uses_database=True)


def _migrate(settings: Settings, _: argparse.Namespace) -> int:
    try:
        print(f"{count_of(migrate(settings.secret('database_url')), 'migration')} applied")
    except MigrationFailed as error:
        raise UnusableSetting(f"DATABASE_URL: {error}") from error
    return 0
