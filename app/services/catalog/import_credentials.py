"""Importing many credentials at once. Provider and title identify a credential."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import uuid4

from app.domain.recommendation.credentials import CredentialBody
from app.domain.records.catalog import Credential
from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit, credentials
from app.repositories.sql import Connection, Pool
from app.services.catalog.credentials_file import CredentialsFile

ACTOR = "assay credentials import"


class ImportOutcome(StrEnum):
    """What an import did with a credential."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RowReport:
    """What became of a line of a file: its title, the outcome, and why it was refused."""

    line: int
    title: str
    outcome: ImportOutcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """How many credentials were added, updated and left unchanged."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: "ImportCounts") -> "ImportCounts":
        return ImportCounts(
            self.added + other.added, self.updated + other.updated, self.unchanged + other.unchanged
        )  # fmt: skip


def count_outcomes(outcomes: Iterable[ImportOutcome]) -> ImportCounts:
    """The numbers of each outcome."""
    counts = Counter(outcomes)
    return ImportCounts(
        counts[ImportOutcome.ADDED], counts[ImportOutcome.CHANGED], counts[ImportOutcome.UNCHANGED]
    )  # fmt: skip


async def import_credentials(
    conn: Connection, bodies: Sequence[CredentialBody], actor: str = ACTOR
) -> list[ImportOutcome]:
    """Adds new credentials and writes new versions of changed ones; repeating it changes nothing. Returns what was done
    with each. Runs in the caller's transaction, and locks out other imports and seeds until that ends."""
    await credentials.lock_catalog(conn)
    known = await credentials.find_by_names(conn, [(body.provider, body.title) for body in bodies])
    return [await _import(conn, actor, body, known.get((body.provider, body.title))) for body in bodies]


async def import_file_rows(
    pool: Pool, actor: str, file: CredentialsFile, *, check_only: bool = False
) -> list[RowReport]:
    """Imports the valid rows of a file in one transaction and reports on each of its rows, in order. With `check_only`,
    reports what would become of them, and changes nothing."""
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        try:
            outcomes = await import_credentials(conn, [row.body for row in file.rows], actor)
        except BaseException:
            await transaction.rollback()
            raise
        await (transaction.rollback() if check_only else transaction.commit())
    valid = zip(file.rows, outcomes, strict=True)
    report = [RowReport(row.line, row.body.title, outcome) for row, outcome in valid]
    refused = [RowReport(row.line, "", ImportOutcome.REFUSED, row.reason) for row in file.invalid]
    return sorted([*report, *refused], key=lambda row: row.line)


async def _import(conn: Connection, actor: str, body: CredentialBody, present: Credential | None) -> ImportOutcome:
    if present is not None and present.body == body:
        return ImportOutcome.UNCHANGED
    if present is not None and await credentials.lock(conn, present.credential_id):
        await credentials.add_version(conn, present.credential_id, body)
        key = str(present.credential_id)
        await audit.record(conn, actor, AuditAction.UPDATE, AuditEntity.CREDENTIAL, key, body)
        return ImportOutcome.CHANGED
    credential_id = uuid4()
    await credentials.create(conn, credential_id, body)
    await audit.record(conn, actor, AuditAction.CREATE, AuditEntity.CREDENTIAL, str(credential_id), body)
    return ImportOutcome.ADDED
