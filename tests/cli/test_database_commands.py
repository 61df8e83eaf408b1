"""`assay migrate`, `assay seed` and `assay token`."""

import jwt
import pytest

from app.local.embedded import ServerUrls
from tests.cli.conftest import Command
from tests.conftest import SECRET


def test_migrate_can_be_repeated(command: Command, database_url: str) -> None:
    assert command.run("migrate", DATABASE_URL=database_url).stdout == "0 migrations applied\n"


def test_seed_shows_its_progress_and_can_be_repeated(command: Command, database_url: str) -> None:
    """In plain lines, since its output is no terminal here."""
    done = command.run("seed", DATABASE_URL=database_url)
    assert done.stdout == "201 rows of sample data added\n", done.stderr
    rows = [line for line in done.stderr.splitlines() if line.startswith("sample data, rows: ")]
    passages = [line for line in done.stderr.splitlines() if line.startswith("sample data, passages embedded: ")]
    assert rows + passages == done.stderr.splitlines()
    assert (rows[0], rows[-1]) == ("sample data, rows: 0 of 201", "sample data, rows: 201 of 201")
    assert passages[0].startswith("sample data, passages embedded: 0 of ") and 5 <= len(passages) <= 11
    total = passages[0].split()[-1]
    assert passages[-1] == f"sample data, passages embedded: {total} of {total}"
    again = command.run("seed", DATABASE_URL=database_url)
    assert again.stdout == "0 rows of sample data added\n"
    assert "passages" not in again.stderr, "nothing is left to embed"


def test_two_seeds_at_once_both_succeed(command: Command, database_url: str) -> None:
    both = [command.start("seed", DATABASE_URL=database_url) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sorted(output.splitlines()[-1] for output in outputs) == [
        "0 rows of sample data added",
        "201 rows of sample data added",
    ]


def test_seed_says_that_the_database_is_not_migrated(command: Command, servers: ServerUrls) -> None:
    done = command.run("seed", DATABASE_URL=servers.superuser_url)
    assert done.returncode == 1
    assert done.stderr.endswith("assay: DATABASE_URL: the database is not migrated; run `assay migrate`\n")


def test_a_token_names_role_and_person(command: Command) -> None:
    done = command.run("token", "--role", "admin", "--sub", "ada", JWT_SECRET=SECRET, JWT_AUDIENCE="assay")
    claims = jwt.decode(done.stdout.strip(), SECRET, algorithms=["HS256"], audience="assay")
    assert (claims["sub"], claims["roles"]) == ("ada", ["admin"])


@pytest.mark.parametrize("arguments", [("token", "--role", "admin"), ("demo",)])
def test_only_the_provider_of_keys_issues_tokens(command: Command, arguments: tuple[str, ...]) -> None:
    keys = {
        "JWT_JWKS_URL": "https://login.example/jwks",
        "JWT_ISSUER": "https://login.example",
        "JWT_AUDIENCE": "assay",
    }
    done = command.run(*arguments, **keys)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("assay: JWT_JWKS_URL") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [("--role", "king"), ("--role", "admin", "--seconds", "-5"), ("--role", "admin", "--sub", "key:x"), ()]
)
def test_a_token_that_makes_no_sense_is_refused(command: Command, arguments: tuple[str, ...]) -> None:
    done = command.run("token", *arguments, JWT_SECRET=SECRET)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Role." not in done.stderr
