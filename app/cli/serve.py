"""Serves the HTTP API until SIGTERM or Ctrl-C.

reads   HOST, PORT, PUBLIC_URL, MAX_CONNECTIONS, DATABASE_URL, REDIS_URL, JWT_SECRET or JWT_JWKS_URL, JWT_ISSUER,
        JWT_AUDIENCE, METRICS_TOKEN, ASSESSMENT_TTL, MAX_QUEUED_ASSESSMENTS, SHUTDOWN_TIMEOUT, LOG_LEVEL, and the
        settings of webhooks
writes  the database; log lines (JSON) on standard error
needs   Postgres with all migrations (`assay migrate`), and a secret or the address of keys for tokens; starts and waits
        while Postgres, Redis or the keys are unavailable, and accepts submissions without Redis
"""

import argparse
from functools import partial

from app.cli.service_startup import add_service_arguments, gc_paused_during_imports, run_service
from app.network_errors import is_loopback
from app.settings import Settings, UnusableSetting


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_service_arguments(parser)
    parser.add_argument(
        "--sign-in-by-role",
        action="store_true",
        help="everybody on this machine may sign in to the pages as any role (used by `assay up`)",
    )
    parser.set_defaults(run=_serve, uses_database=True)


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    with gc_paused_during_imports():
        from app.server import serve

    if options.sign_in_by_role and not is_loopback(settings.host):
        raise UnusableSetting("HOST: --sign-in-by-role is for loopback addresses only")
    return run_service(settings, options, partial(serve, sign_in_by_role=options.sign_in_by_role))
