"""The page that imports credentials from a file, with a report of each row."""

from aiohttp import web

from app.domain.text import count_of
from app.http.app_keys import ACCESS, CONTEXT
from app.pages.form_values import wording
from app.pages.forms import read_file, read_form
from app.pages.rendering import render
from app.services.catalog.credentials_file import CredentialsFile, UnreadableFile, parse_credentials
from app.services.catalog.import_credentials import ImportOutcome, import_file_rows

# As many as can be written while somebody waits for the page.
_MOST_ROWS = 2_000


async def show_import(request: web.Request) -> web.StreamResponse:
    """The form for a file."""
    return _page(request)


async def import_file(request: web.Request) -> web.StreamResponse:
    """Imports the valid rows of the file, or only checks it, and shows what became of each row."""
    form, file = await read_form(request), await read_file(request, "file")
    if file is None:
        return _page(request, error="Choose a file first.")
    try:
        content = parse_credentials(file.name, file.content)
    except UnreadableFile as error:
        return _page(request, error=f"The file cannot be read. {error}")
    if len(content.rows) > _MOST_ROWS:
        return _page(request, error=f"The file has more than {_MOST_ROWS:,} rows. Send it in parts.")
    actor, check_only = request[ACCESS].caller.principal, form.get("then") == "check"
    report = await import_file_rows(request.app[CONTEXT].pool, actor, content, check_only=check_only)
    counts = [(outcome, sum(row.outcome == outcome for row in report)) for outcome in ImportOutcome]
    shown = {
        "report": [(row, _reason(row.reason)) for row in report],
        "summary": ", ".join(f"{count} {outcome}" for outcome, count in counts),
        "rows": count_of(len(report), "row"),
        "check_only": check_only,
        "note": _encoding_note(content),
    }
    return _page(request, shown=shown)


def _encoding_note(content: CredentialsFile) -> str:
    if content.encoding != "Windows-1252":
        return ""
    return "The file is not UTF-8 and was read as Windows-1252. Check letters such as ä and é."


def _reason(detail: str) -> str:
    """Why a row was refused, in the words of the forms: `field: what is wrong; field: …`."""
    parts = (part.partition(": ") for part in detail.split("; "))
    return "; ".join(f"{name}: {wording(text).rstrip('.')}" if text else name for name, _, text in parts)


def _page(request: web.Request, *, error: str = "", shown: dict[str, object] | None = None) -> web.Response:
    values = {"error": error, "most_rows": f"{_MOST_ROWS:,}", "shown": shown}
    return render(request, "author/import.html", values, status=422 if error else 200)
