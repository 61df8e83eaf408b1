"""Runs background jobs (essays, recommendations, fusion), webhook deliveries and maintenance until SIGTERM or Ctrl-C.

reads   DATABASE_URL, REDIS_URL, PUBLIC_URL, LOG_LEVEL, SHUTDOWN_TIMEOUT, and the settings of models, jobs, webhooks
        and re-scoring; no secret for tokens
writes  the database; requests to the model provider and to webhooks; log lines (JSON) on standard error
needs   Postgres with all migrations (`assay migrate`) and Redis; starts and waits while one of them is unavailable
"""

import argparse
import asyncio

from app.cli.service_startup import (
    add_service_arguments,
    gc_paused_during_imports,
    is_supervisor,
    run_service,
    supervise,
)
from app.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_service_arguments(parser)
    parser.set_defaults(run=_work, uses_database=True)


def _work(settings: Settings, options: argparse.Namespace) -> int:
    settings.secret("redis_url")
    if is_supervisor(options):
        return asyncio.run(supervise(settings, options))
    with gc_paused_during_imports():
        from workers.main import work

    return run_service(settings, options, work)
