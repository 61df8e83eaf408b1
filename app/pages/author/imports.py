"""The page that imports credentials from a file, with a report of each row."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiohttp import web

from app.domain.recommendation.credentials import CredentialBody
from app.domain.recommendation.skill_matching import SkillMatcher, SkillReport, report_skills
from app.domain.text import count_of
from app.http.app_keys import ACCESS, CONTEXT
from app.pages.form_values import wording
from app.pages.forms import read_file, read_form
from app.pages.rendering import render
from app.services.catalog.credentials import skill_matcher
from app.services.catalog.credentials_file import CredentialsFile, parse_credentials
from app.services.catalog.import_credentials import ImportOutcome, ImportPlan, import_rows
from app.services.catalog.table_file import UnreadableFile

# As many as can be written while somebody waits for the page.
_MOST_ROWS = 2_000
# Rows for which the nearest skill is looked for, in which of their skills: each takes up to half a millisecond.
_SUGGESTED_ROWS, _SUGGESTED_SKILLS = 500, 2


@dataclass(frozen=True, slots=True)
class RowReport:
    """What became of a line of the file: its title, the outcome, why it was refused, and what its skills lack."""

    line: int
    outcome: ImportOutcome
    title: str = ""
    reason: str = ""
    skills: str = ""


async def show_import(request: web.Request) -> web.StreamResponse:
    """The form for a file."""
    return _page(request)


async def import_file(request: web.Request) -> web.StreamResponse:
    """Imports the valid rows of the file, or only checks it, and shows what became of each row."""
    form, file = await read_form(request), await read_file(request, "file")
    replace = "replace" in form
    if file is None:
        return _page(request, replace=replace, error="Choose a file first.")
    try:
        content = parse_credentials(file.name, file.content)
    except UnreadableFile as error:
        return _page(request, replace=replace, error=f"The file cannot be read. {error}")
    if fault := _fault(content, replace=replace):
        return _page(request, replace=replace, error=fault)
    pool, actor = request.app[CONTEXT].pool, request[ACCESS].caller.principal
    # What an invalid row is about would be retired.
    stopped = replace and bool(content.invalid)
    check_only = stopped or form.get("then") == "check"
    plan = await import_rows(pool, actor, content.rows, replace=replace, check_only=check_only)
    stopped = stopped or (replace and bool(plan.refused))
    matcher = await skill_matcher(pool)
    rows, skills = await asyncio.to_thread(_report, content, plan, matcher)
    counts = plan.count()
    counts[ImportOutcome.REFUSED] += len(content.invalid)
    counts[ImportOutcome.REPEATED] = len(content.repeated)
    shown = {
        "report": rows,
        "summary": ", ".join(f"{counts[outcome]} {outcome}" for outcome in _outcomes(counts)),
        "rows": count_of(len(rows), "row"),
        "check_only": check_only or stopped,
        "stopped": stopped,
        "notes": content.notes,
        "skills": skills,
        "retired": [(one.body.title, one.body.provider) for one in plan.retired],
    }
    return _page(request, replace=replace, shown=shown)


def _fault(content: CredentialsFile, *, replace: bool) -> str:
    """Why the file as a whole is not imported; empty if it is."""
    if len(content.rows) > _MOST_ROWS:
        parts = "" if replace else "Send it in parts, or ask "
        return (
            f"The file has {len(content.rows):,} rows, and a page takes {_MOST_ROWS:,}. "
            f"{parts or 'Ask '}an operator for `assay credentials import`."
        )
    if replace and not content.rows:
        return "The file has no valid row, and all credentials would be retired."
    return ""


def _outcomes(counts: "dict[ImportOutcome, int]") -> Iterator[ImportOutcome]:
    """The outcomes that a summary names: always those of every import, and the others where there are any."""
    seldom = (ImportOutcome.RETIRED, ImportOutcome.REPEATED)
    return (outcome for outcome in ImportOutcome if outcome not in seldom or counts[outcome])


def _report(
    content: CredentialsFile, plan: ImportPlan, matcher: SkillMatcher
) -> tuple[Sequence[RowReport], SkillReport]:
    """What became of each row, in the order of the file, and how the skills are those of tracks."""
    bodies = [row.body for row in content.rows]
    lacking = [row for row in content.rows if not matcher.shares(row.body.skills)]
    hints = {row.line: _lack(row.body, matcher) for row in lacking[:_SUGGESTED_ROWS]}
    hints |= {row.line: "shares no skill with a track" for row in lacking[_SUGGESTED_ROWS:]}
    rows = [
        *(
            RowReport(change.row.line, change.outcome, change.row.body.title, skills=hints.get(change.row.line, ""))
            for change in plan.changes
        ),
        *(
            RowReport(row.line, ImportOutcome.REFUSED, reason=_reason(row.reason))
            for row in (*content.invalid, *plan.refused)
        ),
        *(RowReport(line, ImportOutcome.REPEATED, reason="The same as an earlier row") for line in content.repeated),
    ]
    return sorted(rows, key=lambda row: row.line), report_skills(bodies, matcher)


def _lack(body: CredentialBody, matcher: SkillMatcher) -> str:
    """What the row's skills lack, and the nearest skill of a track, by its skills or else by its title."""
    if not body.skills:
        nearest = matcher.nearest(body.title)
        return f"has no skills; its title is near to: {nearest}" if nearest else "has no skills"
    for skill in body.skills[:_SUGGESTED_SKILLS]:
        if nearest := matcher.nearest(skill):
            return f"shares no skill with a track; nearest to “{skill}” is: {nearest}"
    return "shares no skill with a track"


def _reason(detail: str) -> str:
    """Why a row was refused, in the words of the forms: `field: what is wrong; field: …`."""
    parts = (part.partition(": ") for part in detail.split("; "))
    return "; ".join(f"{name}: {wording(text).rstrip('.')}" if text else name for name, _, text in parts)


def _page(
    request: web.Request, *, replace: bool = False, error: str = "", shown: dict[str, object] | None = None
) -> web.Response:
    values = {"error": error, "most_rows": f"{_MOST_ROWS:,}", "replace": replace, "shown": shown}
    return render(request, "author/import.html", values, status=422 if error else 200)
