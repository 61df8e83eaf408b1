"""Adds the sample data where it is missing: two tracks, their questions, and micro-credentials with their vectors.

reads   DATABASE_URL, EMBEDDING_MODEL and OPENAI_* (without them the offline model embeds)
writes  the database, with a line for each row in the audit log; progress on standard error
needs   Postgres with all migrations (`assay migrate`)
"""

import argparse
import asyncio

from app.cli.console import progress_lines
from app.domain.text import count_of
from app.settings import Settings
from app.wiring.seed import seed_sample_data


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "--without-credentials", action="store_true", help="only tracks and questions; the credentials are your own"
    )
    parser.set_defaults(run=_seed, uses_database=True)


def _seed(settings: Settings, options: argparse.Namespace) -> int:
    added = asyncio.run(seed_sample_data(settings, progress_lines, with_credentials=not options.without_credentials))
    print(f"{count_of(added, 'row')} of sample data added")
    return 0
