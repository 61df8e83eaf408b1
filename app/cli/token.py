"""Prints a token for the API, signed with JWT_SECRET. Where JWT_JWKS_URL is set, only the identity provider can issue
tokens.

reads   JWT_SECRET, JWT_ISSUER, JWT_AUDIENCE; without DATABASE_URL and JWT_SECRET, the secret of `make run` in
        ASSAY_DATA_DIR
writes  nothing but the token on standard output
needs   the server's secret; no Postgres and no Redis
"""

import argparse
from uuid import uuid4

from app.cli.arguments import positive_integer
from app.domain.api_key import SUB_PREFIX
from app.domain.states import Role
from app.http.tokens import issue_token
from app.local.local_settings import with_stored_secret
from app.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add(
        "--role",
        action="append",
        choices=[str(role) for role in Role],
        required=True,
        help="role to grant; repeat for several",
    )
    add("--sub", type=_sub, help="user id (`sub` claim); default: random")
    add("--seconds", type=positive_integer, default=86_400, help="validity in seconds (default: a day)")
    parser.set_defaults(run=_token)


def _token(settings: Settings, options: argparse.Namespace) -> int:
    sub = options.sub or f"user-{uuid4()}"
    print(issue_token(with_stored_secret(settings), sub, options.role, options.seconds))
    return 0


def _sub(text: str) -> str:
    if text.startswith(SUB_PREFIX):
        raise argparse.ArgumentTypeError(f"must not begin with {SUB_PREFIX}: only API keys have such a sub")
    return text
