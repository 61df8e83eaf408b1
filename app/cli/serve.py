"""Serves the HTTP API until SIGTERM or Ctrl-C.

reads   HOST, PORT, PUBLIC_URL, MAX_CONNECTIONS, DATABASE_URL, DATABASE_READ_URL, REDIS_URL, JWT_SECRET or JWT_JWKS_URL,
        JWT_ISSUER, JWT_AUDIENCE, METRICS_TOKEN, ASSESSMENT_TTL, MAX_QUEUED_ASSESSMENTS, SHUTDOWN_TIMEOUT, LOG_LEVEL,
        and the settings of webhooks
writes  the database; log lines (JSON) on standard error
needs   Postgres with all migrations (`assay migrate`), and a secret or the address of keys for tokens; starts and waits
        while Postgres, Redis or the keys are unavailable, and accepts submissions without Redis
"""

import argparse
import asyncio
import os
from functools import partial
from shutil import rmtree
from tempfile import TemporaryDirectory

from app.cli.service_startup import (
    add_service_arguments,
    gc_paused_during_imports,
    is_supervisor,
    run_service,
    supervise,
)
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
    if options.sign_in_by_role and not is_loopback(settings.host):
        raise UnusableSetting("HOST: --sign-in-by-role is for loopback addresses only")
    if is_supervisor(options):
        with TemporaryDirectory(prefix="assay-metrics-") as metrics:
            return asyncio.run(_supervise(settings, options, metrics))
    with gc_paused_during_imports():
        from app.server import serve
    supervisor = os.getppid()
    status = run_service(settings, options, partial(serve, sign_in_by_role=options.sign_in_by_role))
    if options.metrics_folder and os.getppid() != supervisor:
        # It was killed, so it has not removed the folder.
        rmtree(options.metrics_folder, ignore_errors=True)
    return status


async def _supervise(settings: Settings, options: argparse.Namespace, metrics: str) -> int:
    from app.supervision.sockets import bind

    sockets = await bind(settings.host, settings.port)
    numbers = [str(shared.fileno()) for shared in sockets]
    return await supervise(settings, options, ["--metrics-folder", metrics, "--listen-on", *numbers], sockets)
