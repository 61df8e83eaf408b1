"""Other names of skills: the list that counts, and replacing it by another one."""

import csv
import io
from collections.abc import Iterable, Sequence

from app.domain.formulas import guard, unguard
from app.domain.recommendation.skill_aliases import AliasPair, SkillAliases, aliases_of, default_pairs, pair_faults
from app.domain.states import AuditAction, AuditEntity
from app.domain.text import storable
from app.domain.values import Frozen
from app.repositories import audit, skill_aliases
from app.repositories.sql import Executor, Pool
from app.services.catalog.table_file import BadCells, Columns, UnreadableFile, decode, read_table

COLUMNS = Columns(("alias", "skill"), frozenset({"alias", "skill"}))
_MOST_PAIRS = 5_000
_CHARACTERS = 64
_SHOWN_FAULTS = 10
# The key of the list in the audit log.
_KEY = "list"


class _Length(Frozen):
    """What the audit log keeps of a list."""

    pairs: int


async def pairs_that_count(db: Executor) -> tuple[AliasPair, ...]:
    """The pairs that somebody has imported, or else those that come with the software."""
    return await skill_aliases.read(db) or default_pairs()


async def aliases_that_count(db: Executor) -> SkillAliases:
    """The aliases that somebody has imported, or else those that come with the software."""
    return aliases_of(await pairs_that_count(db))


async def replace(pool: Pool, actor: str, pairs: Sequence[AliasPair]) -> None:
    """Puts this list in the place of the one that counted; without any pair, the one that comes with the software
    counts."""
    async with pool.acquire() as conn, conn.transaction():
        await skill_aliases.replace(conn, pairs)
        action = AuditAction.UPDATE if pairs else AuditAction.DELETE
        after = _Length(pairs=len(pairs)) if pairs else None
        await audit.record(conn, actor, action, AuditEntity.SKILL_ALIASES, _KEY, after)


def parse_aliases(name: str, raw: bytes) -> list[AliasPair]:
    """The pairs of a table with the columns alias and skill. A pair that is there twice counts once.

    Raises:
        UnreadableFile: it is no such table, is empty or too long, or a name would mean two skills.
    """
    text, encoding = decode(name, raw)
    rows = read_table(name, text, encoding, COLUMNS).rows
    if not 0 < len(rows) <= _MOST_PAIRS:
        raise UnreadableFile(f"{name}: has {len(rows):,} pairs; send 1 to {_MOST_PAIRS:,}")
    lines: dict[AliasPair, int] = {}
    faults: dict[int, str] = {}
    for line, cells in rows:
        pair = _pair(cells)
        if isinstance(pair, str):
            faults[line] = pair
        else:
            lines.setdefault(pair, line)
    pairs = list(lines)
    faults |= {lines[pairs[place]]: fault for place, fault in pair_faults(pairs).items()}
    if faults:
        first = [f"line {line}: {fault}" for line, fault in sorted(faults.items())[:_SHOWN_FAULTS]]
        more = [f"and {len(faults) - _SHOWN_FAULTS} more"] if len(faults) > _SHOWN_FAULTS else []
        raise UnreadableFile(f"{name}: {'; '.join([*first, *more])}")
    return pairs


def aliases_table(pairs: Iterable[AliasPair]) -> str:
    """The pairs as a table that `parse_aliases` reads, with nothing that a spreadsheet would run."""
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS.names, *(map(guard, pair) for pair in pairs)])
    return text.getvalue()


def _pair(cells: dict[str, str] | BadCells) -> AliasPair | str:
    """The pair, or why it is none."""
    if isinstance(cells, BadCells):
        return cells.reason
    alias, skill = unguard(cells["alias"]).strip(), unguard(cells["skill"]).strip()
    if not storable(alias + skill) or max(len(alias), len(skill)) > _CHARACTERS:
        return f"a name has a NUL or more than {_CHARACTERS} characters"
    return alias, skill
