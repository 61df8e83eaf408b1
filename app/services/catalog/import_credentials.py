"""Importing many credentials at once. Its external id identifies a credential, or else its provider and title."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID, uuid4

from app.domain.recommendation.credentials import CredentialBody
from app.domain.records.catalog import Credential
from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit, credentials
from app.repositories.sql import Connection, Pool
from app.services.catalog.credentials_file import InvalidRow, Row

ACTOR = "assay credentials import"


class ImportOutcome(StrEnum):
    """What an import does with a row, or with a credential that the file has not."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    RETIRED = "retired"
    REFUSED = "refused"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Change:
    """A valid row as it will be stored, and the credential that it changes; None where it is new."""

    row: Row
    present: Credential | None

    @property
    def outcome(self) -> ImportOutcome:
        """What the import does with the row."""
        if self.present is None:
            return ImportOutcome.ADDED
        return ImportOutcome.UNCHANGED if self.present.body == self.row.body else ImportOutcome.CHANGED


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import does: its changes, rows that stand against what is stored, and credentials that it retires."""

    changes: Sequence[Change]
    refused: Sequence[InvalidRow] = ()
    retired: Sequence[Credential] = ()

    def count(self) -> Counter[ImportOutcome]:
        """How often there is each outcome."""
        counts = Counter(change.outcome for change in self.changes)
        counts[ImportOutcome.RETIRED], counts[ImportOutcome.REFUSED] = len(self.retired), len(self.refused)
        return counts


async def plan_import(conn: Connection, rows: Sequence[Row], *, replace: bool = False) -> ImportPlan:
    """What an import of these rows does; with `replace` it also retires all credentials that none of them is about.
    Locks out other imports and seeds until the caller's transaction ends, so that the plan stays right."""
    await credentials.lock_catalog(conn)
    bodies = [row.body for row in rows]
    by_name = await credentials.find_by_names(conn, [(body.provider, body.title) for body in bodies])
    by_id = await credentials.find_by_external_ids(conn, [body.external_id for body in bodies if body.external_id])
    changes: list[Change] = []
    refused: list[InvalidRow] = []
    # A credential belongs to the row with its external id, or else to the first with its title.
    taken = {present.credential_id for present in by_id.values()}
    for row in rows:
        present = by_id.get(row.body.external_id or "") or _find_by_name(row.body, by_name, taken)
        if present is not None and _is_another(row.body, present):
            named = f"“{present.body.title}” of {present.body.provider}"
            refused.append(InvalidRow(row.line, f"external_id: is that of {named}, with another title and provider"))
        else:
            changes.append(Change(_with_known_id(row, present), present))
            taken |= {present.credential_id} if present else set()
    retired = [one for one in await credentials.all_active(conn) if one.credential_id not in taken] if replace else []
    return ImportPlan(changes, refused, sorted(retired, key=lambda one: (one.body.title, one.body.provider)))


async def carry_out(
    conn: Connection, actor: str, plan: ImportPlan, advance: Callable[[int], object] = lambda count: None
) -> None:
    """Does what the plan says, in the caller's transaction, with a line for each change in the audit log; `advance` is
    called with the number of rows that were done."""
    for credential in plan.retired:
        await credentials.delete(conn, credential.credential_id)
        await audit.record(conn, actor, AuditAction.DELETE, AuditEntity.CREDENTIAL, str(credential.credential_id))
    for change in plan.changes:
        if change.outcome is not ImportOutcome.UNCHANGED:
            await _write(conn, actor, change)
        advance(1)


async def import_rows(
    pool: Pool, actor: str, rows: Sequence[Row], *, replace: bool = False, check_only: bool = False
) -> ImportPlan:
    """Imports the rows in one transaction, all that do not stand against what is stored; with `replace` nothing if one
    does, since what it is about would be retired. With `check_only`, changes nothing. Returns what was or would be
    done."""
    async with pool.acquire() as conn, conn.transaction():
        plan = await plan_import(conn, rows, replace=replace)
        if not check_only and not (replace and plan.refused):
            await carry_out(conn, actor, plan)
        return plan


def _find_by_name(
    body: CredentialBody, by_name: dict[tuple[str, str], Credential], taken: set[UUID]
) -> Credential | None:
    """The credential of the row's provider and title, if no other row has it. One that has no external id yet may get
    one, one that has another may not: it is another course of the same title."""
    present = by_name.get((body.provider, body.title))
    if present is None or present.credential_id in taken or (body.external_id and present.body.external_id):
        return None
    return present


def _is_another(body: CredentialBody, present: Credential) -> bool:
    """Whether the external id is one that two catalogues use for different credentials."""
    return body.provider != present.body.provider and body.title != present.body.title


def _with_known_id(row: Row, present: Credential | None) -> Row:
    """The row with the external id of its credential, where the file has none."""
    if present is None or row.body.external_id or not present.body.external_id:
        return row
    return Row(row.line, row.body.model_copy(update={"external_id": present.body.external_id}))


async def _write(conn: Connection, actor: str, change: Change) -> None:
    body, present = change.row.body, change.present
    # The credential may have been deleted since it was read.
    if present is not None and await credentials.lock(conn, present.credential_id):
        await credentials.add_version(conn, present.credential_id, body)
        await _audit(conn, actor, AuditAction.UPDATE, present.credential_id, body)
        return
    credential_id = uuid4()
    await credentials.create(conn, credential_id, body)
    await _audit(conn, actor, AuditAction.CREATE, credential_id, body)


async def _audit(conn: Connection, actor: str, action: AuditAction, credential_id: UUID, body: CredentialBody) -> None:
    await audit.record(conn, actor, action, AuditEntity.CREDENTIAL, str(credential_id), body)


def total(plans: Iterable[ImportPlan]) -> Counter[ImportOutcome]:
    """How often there is each outcome in all plans."""
    return sum((plan.count() for plan in plans), Counter())
