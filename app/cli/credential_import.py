"""`assay credentials import`: reads a file, imports its rows, and reports on them."""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from app.cli.console import print_error, progress_bar
from app.domain.recommendation.skill_matching import SkillReport, report_skills
from app.domain.text import count_of
from app.repositories import passage_vectors
from app.repositories.sql import DATABASE_REFUSES_USER, Pool
from app.services.catalog.credentials import skill_matcher
from app.services.catalog.credentials_file import (
    CredentialsFile,
    InvalidRow,
    Row,
    parse_credentials,
    shown_lines,
)
from app.services.catalog.import_credentials import ACTOR, ImportOutcome, ImportPlan, carry_out, plan_import, total
from app.services.catalog.table_file import UnreadableFile
from app.services.recommendations.embed_credentials import vacuum_and_index
from app.settings import Settings
from app.wiring.pool import open_pool_for, open_session

# Rows per transaction with --skip-bad, about half a second of work: all that a kill can lose.
_BATCH = 500
_PRINTED_REASONS = 20


@dataclass(frozen=True)
class _Imported:
    """What was or would be done, how the skills are those of tracks, and how many passages have no vector."""

    plans: Sequence[ImportPlan]
    skills: SkillReport
    without_vector: int


def read_credentials(path: Path) -> CredentialsFile:
    """The rows of a `.csv`, `.jsonl` or `.json` file.

    Raises:
        UnreadableFile: it does not exist, has an unknown type, encoding or columns, or broken quotes.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}") from error
    return parse_credentials(str(path), raw)


def run_import(settings: Settings, options: argparse.Namespace) -> int:
    """Imports all rows or none. With --skip-bad, imports all valid rows in batches, so that a second run after a kill
    continues where the first one stopped. Returns 2 if nothing was imported."""
    try:
        file = read_credentials(options.file)
    except UnreadableFile as error:
        print_error(str(error))
        return 2
    for note in file.notes:
        print_error(f"{options.file}: {note}")
    _print_invalid(options.file, file.invalid)
    if file.invalid and not (options.skip_bad and file.rows):
        return _nothing(len(file.invalid), file)
    if options.replace and not file.rows:
        print_error(f"{options.file}: has no credentials; nothing was changed")
        return 2
    imported = asyncio.run(_import_rows(settings, file.rows, options))
    refused = [row for plan in imported.plans for row in plan.refused]
    _print_invalid(options.file, refused)
    if refused and not options.skip_bad:
        return _nothing(len(refused), file)
    _print_report(imported, options, skipped=len(refused) + len(file.invalid))
    return 0


def _nothing(invalid: int, file: CredentialsFile) -> int:
    rows = count_of(len(file.rows) + len(file.invalid), "row")
    print_error(f"nothing was imported; invalid: {invalid} of {rows}")
    return 2


async def _import_rows(settings: Settings, rows: Sequence[Row], options: argparse.Namespace) -> _Imported:
    """What was done, in one transaction or with --skip-bad in one for each batch."""
    batch = _BATCH if options.skip_bad else max(1, len(rows))
    async with open_pool_for(settings, "assay credentials", 1) as pool:
        with progress_bar("importing", len(rows)) as advance:
            plans = [
                await _import_batch(pool, rows[start : start + batch], options, advance)
                for start in range(0, len(rows), batch)
            ]
        if not options.check:
            await vacuum(settings)
        skills = report_skills([row.body for row in rows], await skill_matcher(pool))
        return _Imported(plans, skills, await passage_vectors.count_without_vector(pool))


async def _import_batch(
    pool: Pool, rows: Sequence[Row], options: argparse.Namespace, advance: Callable[[int], object]
) -> ImportPlan:
    async with pool.acquire() as conn, conn.transaction():
        plan = await plan_import(conn, rows, replace=options.replace)
        if not options.check and (options.skip_bad or not plan.refused):
            await carry_out(conn, ACTOR, plan, advance)
        return plan


async def vacuum(settings: Settings) -> None:
    """Keeps searches fast after many changes, or says what is missing for that."""
    async with open_session(settings, "assay credentials") as conn:
        if conn is None:
            print_error(
                "searches stay slower until autovacuum has run; with MIGRATE_DATABASE_URL this command speeds them up"
            )
            return
        try:
            built = await vacuum_and_index(conn)
        except DATABASE_REFUSES_USER:
            print_error(
                "searches stay slower, since only the owner of the tables may build the indexes over all vectors; "
                "with MIGRATE_DATABASE_URL of their owner this command builds them"
            )
            return
        if built:
            print("built the indexes over all vectors")


def _print_report(imported: _Imported, options: argparse.Namespace, skipped: int) -> None:
    counts = total(imported.plans)
    added, changed = counts[ImportOutcome.ADDED], counts[ImportOutcome.CHANGED]
    parts = [f"{added} added, {changed} updated, {counts[ImportOutcome.UNCHANGED]} unchanged"]
    parts += [f"{counts[ImportOutcome.RETIRED]} retired"] if options.replace else []
    parts += [f"{skipped} skipped"] if skipped else []
    print(", ".join(parts) + (" (only checked: nothing was changed)" if options.check else ""))
    for plan in imported.plans:
        for credential in plan.retired:
            print(f"retired: {credential.body.title} ({credential.body.provider})")
    _print_skills(imported.skills)
    if imported.without_vector and not options.check:
        print(
            f"without a vector: {count_of(imported.without_vector, 'passage')}, found only by full text until workers "
            "or `assay credentials reindex` embed them"
        )


def _print_skills(report: SkillReport) -> None:
    if not report.comparable:
        print("skills: no track has any yet")
        return
    rows = report.sharing + report.not_sharing + report.without
    print(
        f"skills: {report.sharing} of {count_of(rows, 'row')} share one with a track, {report.not_sharing} share none, "
        f"{report.without} have no skills"
    )
    for unknown in report.unknown:
        nearest = f"; the nearest of a track is: {unknown.nearest}" if unknown.nearest else ""
        print(f"  no track has: {unknown.skill} ({count_of(unknown.rows, 'row')}){nearest}")
    if report.more_unknown:
        print(f"  and {count_of(report.more_unknown, 'other skill')}")


def _print_invalid(file: Path, rows: Sequence[InvalidRow]) -> None:
    """One line for each reason, with the rows that have it."""
    lines_of: dict[str, list[int]] = {}
    for row in rows:
        lines_of.setdefault(row.reason, []).append(row.line)
    for reason, lines in islice(lines_of.items(), _PRINTED_REASONS):
        print_error(f"{file}: {shown_lines(lines)}: {reason}")
    if len(lines_of) > _PRINTED_REASONS:
        print_error(f"{file}: and {count_of(len(lines_of) - _PRINTED_REASONS, 'other error')}")
