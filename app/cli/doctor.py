"""Checks the settings and what they name: the address to listen on, PUBLIC_URL, Postgres, Redis or Valkey, the keys of
tokens, the language models, and embeddings. Prints a line for each check: `ok`, `warning` or `FAILED`, its name, what
was seen, and what to do. Exits with 0 if nothing failed, else with 1.

reads   every setting; without DATABASE_URL, the servers that `make run` has started
writes  a key in Redis that it deletes; one small call to each model that is set, which costs a fraction of a cent and
        does not count in MODEL_BUDGET_USD
needs   nothing: whatever is missing is a line of its output
"""

import argparse
import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import asdict

from app.cli.arguments import positive_integer
from app.local.local_settings import with_running_servers
from app.services.checks.check import Check, CheckStatus, failed, ok, warning
from app.settings import Settings, WrongSetting, load_settings
from app.wiring.checks import A_SERVER_AND_A_WORKER, run_checks

_LABELS = {CheckStatus.OK: "ok", CheckStatus.WARNING: "warning", CheckStatus.FAILED: "FAILED"}
_TOKEN_SETTINGS = ("JWT_SECRET", "JWT_JWKS_URL")
_SERVERS = {"database_url": "postgres", "redis_url": "redis"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    parser.add_argument(
        "--processes",
        type=positive_integer,
        default=A_SERVER_AND_A_WORKER,
        metavar="N",
        help="all processes of servers and workers together, whose connections Postgres has to allow (default: 2)",
    )
    parser.set_defaults(run=_check, load=lambda: _load_valid_settings()[0])


def _check(settings: Settings, options: argparse.Namespace) -> int:
    _, faults = _load_valid_settings()
    return asyncio.run(_print_checks(settings, faults, options))


async def _print_checks(settings: Settings, faults: dict[str, str], options: argparse.Namespace) -> int:
    checks = list(_check_settings(settings, faults))
    settings, missing = _find_servers(settings, faults)
    checks += missing
    if not options.json:
        _print_lines(checks)
    async for check in run_checks(settings, options.processes):
        checks.append(check)
        if not options.json:
            _print_lines([check])
    has_failed = any(check.status is CheckStatus.FAILED for check in checks)
    if options.json:
        status = CheckStatus.FAILED if has_failed else CheckStatus.OK
        print(json.dumps({"status": status, "checks": [asdict(check) for check in checks]}, indent=2))
    return 1 if has_failed else 0


def _print_lines(checks: list[Check]) -> None:
    for check in checks:
        action = f"; {check.action}" if check.action else ""
        print(f"{_LABELS[check.status]:<8} {check.name}: {check.seen}{action}", flush=True)


def _load_valid_settings() -> tuple[Settings, dict[str, str]]:
    """The settings without those that are wrong, and why these are wrong, by name."""
    environment, faults = dict(os.environ), dict[str, str]()
    while True:
        try:
            return load_settings(environment), faults
        except WrongSetting as error:
            for line in error.args:
                names, _, fault = line.partition(": ")
                faults_of_line = dict.fromkeys(names.split(", "), fault)
                if not faults_of_line.keys() & environment.keys():
                    raise
                faults |= faults_of_line
                environment = {name: value for name, value in environment.items() if name not in faults_of_line}


def _check_settings(settings: Settings, faults: dict[str, str]) -> Iterator[Check]:
    for name, fault in faults.items():
        yield failed("settings", f"{name}: {fault}", "correct or unset it")
    if not faults:
        yield ok("settings", f"all are right ({len(settings.model_fields_set)} set)")


def _find_servers(settings: Settings, faults: dict[str, str]) -> tuple[Settings, list[Check]]:
    """The settings with the servers to check, and a line for each server or secret that there is none of."""
    checks = []
    if settings.database_url is None and "DATABASE_URL" not in faults:
        try:
            settings = with_running_servers(settings)
        except WrongSetting as error:
            seen, _, action = str(error).partition(": ")
            checks.append(failed("postgres", seen, action or "correct the setting"))
    for name, server in _SERVERS.items():
        if name.upper() in faults:
            checks.append(warning(server, f"not checked, since {name.upper()} is wrong", "correct it first"))
    if settings.redis_url is None and "REDIS_URL" not in faults:
        checks.append(failed("redis", "REDIS_URL is not set", "set it, or start a server with `make run`"))
    if settings.jwt_secret is None and settings.jwt_jwks_url is None and faults.keys().isdisjoint(_TOKEN_SETTINGS):
        seen = " and ".join(_TOKEN_SETTINGS)
        checks.append(warning("jwt_secret", f"{seen} are not set", "set one of them where `assay serve` runs"))
    return settings, checks
