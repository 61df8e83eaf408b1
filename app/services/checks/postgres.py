"""Checks of the database."""

from collections.abc import Iterator

from app.repositories.database_facts import DatabaseFacts, read_database_facts
from app.repositories.migrations import applied_migrations, known_migrations
from app.repositories.sql import Pool
from app.services.checks.check import Check, failed, ok, warning

_OLDEST_VERSION = 140000
_SHOWN_TABLES = 3


async def check_postgres(pool: Pool, transaction_pooler: bool) -> list[Check]:
    """Checks of a server that can be reached; `transaction_pooler` is what the settings say about poolers.

    Raises:
        DATABASE_UNAVAILABLE: it cannot be reached, or refuses the user.
    """
    facts = await read_database_facts(pool)
    applied = frozenset() if "_yoyo_migration" in facts.refused_tables else await applied_migrations(pool)
    return list(judge_database(facts, frozenset(applied), transaction_pooler))


def judge_database(facts: DatabaseFacts, applied: frozenset[str], transaction_pooler: bool) -> Iterator[Check]:
    """The checks' outcomes, given what is true of the database and which migrations were applied."""
    is_current = known_migrations() <= applied
    yield _version(facts)
    yield _pooler(facts.has_pooler, transaction_pooler)
    yield _writes(facts)
    yield _encoding(facts)
    yield _vector(facts)
    yield _rights(facts, is_current)
    yield _migrations(applied)


def _version(facts: DatabaseFacts) -> Check:
    seen = f"PostgreSQL {facts.version}"
    if facts.version_number < _OLDEST_VERSION:
        return failed("postgres", seen, "use PostgreSQL 14 or newer")
    return ok("postgres", seen)


def _pooler(is_there: bool, is_set: bool) -> Check:
    name = "postgres pooler"
    if is_there and not is_set:
        action = "set DATABASE_POOLER=transaction, unless the pooler keeps a session for each connection"
        return warning(name, "connections go through a pooler, and DATABASE_POOLER is `session`", action)
    if is_set and not is_there:
        action = "unset it if there is no pooler: statements are faster without it"
        return warning(name, "DATABASE_POOLER is `transaction`, and connections go through no pooler", action)
    return ok(name, "connections go through a transaction pooler" if is_there else "none")


def _writes(facts: DatabaseFacts) -> Check:
    name = "postgres writes"
    if facts.is_standby:
        return failed(name, "the server is a standby, which is read-only", "let DATABASE_URL name the primary server")
    if facts.is_read_only:
        action = "let DATABASE_URL name the primary server, or turn default_transaction_read_only off"
        return failed(name, "transactions are read-only", action)
    return ok(name, "transactions can write")


def _encoding(facts: DatabaseFacts) -> Check:
    name, seen = "postgres encoding", f"the database's encoding is {facts.encoding}"
    if facts.encoding != "UTF8":
        return failed(name, seen, "create the database with ENCODING 'UTF8' TEMPLATE template0")
    return ok(name, seen)


def _vector(facts: DatabaseFacts) -> Check:
    name = "postgres vector"
    if facts.vector_version:
        return ok(name, f"extension vector {facts.vector_version}")
    if not facts.available_vector:
        return failed(name, "the server has no extension vector", "install pgvector on the database server")
    if not facts.may_create_extension:
        action = "let an administrator run CREATE EXTENSION vector in this database"
        return failed(name, f"extension vector is not installed, and {facts.role} may not install it", action)
    return ok(name, f"extension vector {facts.available_vector} is available; `assay migrate` installs it")


def _rights(facts: DatabaseFacts, is_current: bool) -> Check:
    name = "postgres rights"
    if facts.refused_tables:
        shown = ", ".join(facts.refused_tables[:_SHOWN_TABLES])
        more = len(facts.refused_tables) - _SHOWN_TABLES
        tables = f"{shown} and {more} more" if more > 0 else shown
        action = f"grant SELECT, INSERT, UPDATE, DELETE on all tables to {facts.role}"
        return failed(name, f"{facts.role} may not read and write {tables}", action)
    if facts.may_create_tables:
        return ok(name, f"{facts.role} may create, read and write tables")
    if not is_current:
        action = f"grant CREATE on the schema to {facts.role}, or run `assay migrate` as its owner"
        return failed(name, f"{facts.role} may not create tables", action)
    return ok(name, f"{facts.role} may read and write all tables; `assay migrate` needs a role that may create them")


def _migrations(applied: frozenset[str]) -> Check:
    known = known_migrations()
    if missing := known - applied:
        seen = f"{len(missing)} of {len(known)} are missing" if applied else "none is applied"
        return failed("migrations", seen, "run `assay migrate`")
    if newer := applied - known:
        seen = f"all {len(known)} are applied, and {len(newer)} of another version"
        return warning("migrations", seen, "run the same version of Assay everywhere")
    return ok("migrations", f"all {len(known)} are applied")
