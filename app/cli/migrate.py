"""Brings the database schema up to date. Safe to repeat and to run concurrently.

reads   MIGRATE_DATABASE_URL, or DATABASE_URL where that is not set; the folder `migrations` of this version
writes  the schema of the database
needs   PostgreSQL 14 or newer with the `vector` extension available, and a user who may create tables
"""

import argparse

from pydantic import SecretStr

from app.cli.console import print_error
from app.domain.text import count_of
from app.repositories.migrations import MigrationFailed, migrate
from app.settings import Settings, UnusableSetting


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.set_defaults(run=_migrate, uses_database=True)


def _migrate(settings: Settings, _: argparse.Namespace) -> int:
    setting = "MIGRATE_DATABASE_URL" if settings.migrate_database_url else "DATABASE_URL"
    url = (settings.migrate_database_url or settings.database_url or SecretStr("")).get_secret_value()
    try:
        print(f"{count_of(migrate(url, report=print_error), 'migration')} applied")
    except MigrationFailed as error:
        raise UnusableSetting(f"{setting}: {error}") from error
    return 0
