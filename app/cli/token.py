"""Prints a token for the API, signed with JWT_SECRET.

reads   JWT_SECRET, JWT_ISSUER, JWT_AUDIENCE; without DATABASE_URL and JWT_SECRET, the secret of `make run` in
        ASSAY_DATA_DIR
writes  nothing but the token on standard output
needs   the secret that the server has; no Postgres and no Redis
"""

import argparse
from uuid import uuid4

from app.cli.arguments import positive_integer
from app.domain.states import Role
from app.http.tokens import issue_token
from app.local.running import with_kept_secret
from app.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add("--role", action="append", choices=[str(role) for role in Role], required=True, help="may be repeated")
    add("--sub", help="id of the person whom the token names (default: a new one)")
    add("--seconds", type=positive_integer, default=86_400, help="how long it is valid (default: a day)")
    parser.set_defaults(run=_token)


def _token(settings: Settings, options: argparse.Namespace) -> int:
    sub = options.sub or f"user-{uuid4()}"
    print(issue_token(with_kept_secret(settings), sub, options.role, options.seconds))
    return 0
