"""Checks of Postgres: the server, the database, what the role may do there, and its migrations."""

import asyncio
import secrets
from collections.abc import Iterator, Mapping

from app.repositories.database_facts import (
    DatabaseFacts,
    Lack,
    Pooler,
    find_lacks,
    find_pooler,
    is_same_database,
    read_database_facts,
)
from app.repositories.migrations import applied_migrations, known_migrations
from app.repositories.replication import read_position
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.services.checks.check import Check, failed, ok, warning
from app.setting_types import DatabasePooler

_SHOWN_TABLES = 3
_KEY_BITS = 62
# Its default_pool_size.
_PGBOUNCERS_POOL = 20
# For a replica to reach what the primary had at the beginning.
_REPLICA_SECONDS = 5.0
_REPLICA_CHECK_SECONDS = 0.1
# The least DATABASE_POOL_SIZE.
_LEAST_POOL = 2


async def check_postgres(pool: Pool, setting: DatabasePooler, pool_size: int, processes: int) -> list[Check]:
    """Checks of a server that can be reached, over a pool that relies on no session; `setting` and `pool_size` are
    those of the service, which has so many `processes`: servers and workers together.

    Raises:
        DATABASE_UNAVAILABLE: it cannot be reached, or refuses the user.
    """
    facts, pooler = await read_database_facts(pool), await find_pooler(pool)
    applied = None if "_yoyo_migration" in facts.refused_tables else frozenset(await applied_migrations(pool))
    return [
        *judge_database(facts, applied),
        judge_pooler(pooler, setting),
        _pool_size(facts, pooler, pool_size, processes),
    ]


async def check_migrate_database(pool: Pool, service_pool: Pool) -> Check:
    """Whether MIGRATE_DATABASE_URL (`pool`) leads to the database of DATABASE_URL (`service_pool`), without a pooler.

    Raises:
        DATABASE_UNAVAILABLE: it cannot be reached, or refuses the user.
    """
    name, pooler = "migrate database", await find_pooler(pool)
    try:
        is_same = await is_same_database(pool, service_pool, secrets.randbits(_KEY_BITS))
    except DATABASE_UNAVAILABLE:
        return warning(name, "it answers; DATABASE_URL does not, so they were not compared", "see postgres")
    if not is_same:
        action = "let both settings lead to one database"
        return failed(name, "MIGRATE_DATABASE_URL leads to another database than DATABASE_URL", action)
    action = "let MIGRATE_DATABASE_URL name the server itself"
    if pooler is Pooler.MIXES_SESSIONS:
        return failed(name, "connections go through a pooler that gives each transaction another session", action)
    if pooler is Pooler.FOUND:
        return warning(name, "connections go through a pooler", action)
    return ok(name, "the same database, without a pooler")


async def check_replica(pool: Pool, service_pool: Pool, max_lag: float) -> Check:
    """Whether DATABASE_READ_URL (`pool`) leads to a standby of DATABASE_URL (`service_pool`), and how far it is behind.

    Raises:
        DATABASE_UNAVAILABLE: it cannot be reached, or refuses the user.
    """
    name = "replica"
    try:
        primary = await read_position(service_pool)
    except DATABASE_UNAVAILABLE:
        return warning(name, "it answers; DATABASE_URL does not, so they were not compared", "see postgres")
    waited = 0.0
    while True:
        replica = await read_position(pool)
        if not replica.is_standby or (primary.cluster, primary.database) != (replica.cluster, replica.database):
            action = "let it name a streaming replica of the same server, and the same database"
            return failed(name, "DATABASE_READ_URL leads to no standby of DATABASE_URL", action)
        if (replica.written or 0) >= (primary.written or 0):
            return ok(name, "a standby that is up to date")
        if waited >= _REPLICA_SECONDS:
            action = f"see why it does not follow; {max_lag:g} s behind, it is not used"
            return warning(name, f"it has not caught up within {_REPLICA_SECONDS:g} s", action)
        await asyncio.sleep(_REPLICA_CHECK_SECONDS)
        waited += _REPLICA_CHECK_SECONDS


def judge_database(facts: DatabaseFacts, applied: frozenset[str] | None) -> Iterator[Check]:
    """The checks' outcomes, given what is true of the database and which migrations were applied; None if that may not
    be read."""
    lacks = {lack.part: lack for lack in find_lacks(facts)}
    yield _fine_without("postgres", lacks.get("version"), f"PostgreSQL {facts.version}")
    yield _fine_without("postgres writes", lacks.get("writes"), "transactions can write")
    yield _fine_without("postgres encoding", lacks.get("encoding"), f"the database's encoding is {facts.encoding}")
    yield _fine_without("postgres vector", lacks.get("vector"), _vector(facts))
    yield _rights(facts, lacks, is_current=applied is not None and known_migrations() <= applied)
    if applied is None:
        yield failed("migrations", "which are applied may not be read", "see postgres rights")
    else:
        yield _migrations(applied)


def judge_pooler(pooler: Pooler, setting: DatabasePooler) -> Check:
    """Whether DATABASE_POOLER fits what is in between."""
    name = "postgres pooler"
    if pooler is Pooler.NONE:
        if setting == "transaction":
            action = "unset it if there is no pooler: statements are faster without it"
            return warning(name, "DATABASE_POOLER is `transaction`, and no pooler was found", action)
        return ok(name, "none")
    if pooler is Pooler.MIXES_SESSIONS:
        seen = "connections go through a pooler that gives each transaction another session"
        if setting == "session":
            return failed(name, f"{seen}, and DATABASE_POOLER is `session`", "unset DATABASE_POOLER")
        return ok(name, f"{seen}; nothing relies on one")
    seen = "connections go through a pooler that seems to keep their sessions"
    if setting == "session":
        return ok(name, seen)
    return ok(name, f"{seen}; if it always does, DATABASE_POOLER=session makes statements faster")


def _fine_without(name: str, lack: Lack | None, seen: str) -> Check:
    return failed(name, lack.seen, lack.action) if lack else ok(name, seen)


def _vector(facts: DatabaseFacts) -> str:
    if facts.vector_version:
        return f"extension vector {facts.vector_version}"
    return f"extension vector {facts.available_vector} is available; `assay migrate` installs it"


def _rights(facts: DatabaseFacts, lacks: Mapping[str, Lack], is_current: bool) -> Check:
    name = "postgres rights"
    if facts.refused_tables:
        shown = ", ".join(facts.refused_tables[:_SHOWN_TABLES])
        more = len(facts.refused_tables) - _SHOWN_TABLES
        tables = f"{shown} and {more} more" if more > 0 else shown
        granted = f"ALL TABLES IN SCHEMA {facts.schema}" if more > 0 else shown
        action = f"run `GRANT SELECT, INSERT, UPDATE, DELETE ON {granted} TO {facts.role}`"
        return failed(name, f"{facts.role} may not read and write {tables}", f"{action} as their owner")
    lack = lacks.get("tables")
    if lack and is_current:
        seen = f"{facts.role} may read and write all tables; `assay migrate` needs a role that may create them"
        return ok(name, seen)
    return _fine_without(name, lack, f"{facts.role} may create, read and write tables")


def _migrations(applied: frozenset[str]) -> Check:
    known = known_migrations()
    if missing := known - applied:
        seen = f"{len(missing)} of {len(known)} are missing" if applied else "none is applied"
        return failed("migrations", seen, "run `assay migrate`")
    if newer := applied - known:
        seen = f"all {len(known)} are applied, and {len(newer)} of another version"
        return warning("migrations", seen, "run the same version of Assay everywhere")
    return ok("migrations", f"all {len(known)} are applied")


def _pool_size(facts: DatabaseFacts, pooler: Pooler, pool_size: int, processes: int) -> Check:
    name, total, allowed = "postgres connections", processes * pool_size, facts.max_connections
    seen = f"{processes} processes open up to {pool_size} each, and the server allows {allowed}"
    if pooler is Pooler.FOUND and total > _PGBOUNCERS_POOL:
        seen = f"{processes} processes keep up to {pool_size} connections of the pooler each"
        action = (
            f"lower DATABASE_POOL_SIZE, unless the pooler allows more than PgBouncer's default of {_PGBOUNCERS_POOL}"
        )
        return warning(name, seen, action)
    if pooler is not Pooler.NONE:
        return ok(name, f"{seen}; the pooler has limits of its own")
    if total > allowed:
        fitting = allowed // processes
        lower = f"lower DATABASE_POOL_SIZE to {fitting}" if fitting >= _LEAST_POOL else "run fewer processes"
        return warning(name, seen, f"{lower}, raise the server's limit of connections, or use a pooler")
    return ok(name, f"{seen}, so {allowed // pool_size} processes fit")
