"""Lists as files: comma-separated values for spreadsheets, and JSON lines for programs."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from enum import StrEnum

import structlog
from aiohttp import web
from pydantic import BaseModel

from app.http.app_keys import TIME_LIMIT
from app.web.parsing import bad_query

log = structlog.get_logger()

# Seconds that a client may leave what was sent unread.
_UNREAD = 30
# A spreadsheet takes a cell that begins so for a formula, whoever wrote it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Format(StrEnum):
    """The forms in which an answer can be had, by the name of the query."""

    JSON = "json"
    CSV = "csv"
    JSONL = "jsonl"


MEDIA = {Format.JSON: "application/json", Format.CSV: "text/csv", Format.JSONL: "application/x-ndjson"}


def asked_format(request: web.Request) -> Format:
    """The form that `format` names, or else `Accept`; JSON where that has none of them.

    Raises:
        RequestProblem: `format` names none.
    """
    name = request.query.get("format")
    if name is None:
        return _accepted(",".join(request.headers.getall("Accept", [])))
    try:
        return Format(name)
    except ValueError:
        bad_query(f"format must be one of {', '.join(Format)}")


async def export(
    request: web.Request, form: Format, pages: AsyncIterator[Sequence[BaseModel]], model: type[BaseModel], name: str
) -> web.StreamResponse:
    """Sends all pages of rows of one `model` as a file; the first is read before anything is sent, so that trouble can
    still be told."""
    # Not (): as the default of anext, Python 3.11 fails on it.
    first = await anext(pages, None) or ()
    answer = web.StreamResponse(
        headers={
            "Content-Type": f"{MEDIA[form]}; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}.{form}"',
            "Vary": "Accept",
        }
    )
    await answer.prepare(request)
    if request.method == "HEAD":
        return answer
    head = _csv([list(model.model_fields)]) if form is Format.CSV else ""
    # As long as it takes, as long as the client reads.
    request[TIME_LIMIT].reschedule(None)
    try:
        await _write(answer, head + _rows(form, first))
        async for page in pages:
            await _write(answer, _rows(form, page))
        await answer.write_eof()
    except Exception as error:
        # Nothing can be answered any more; only a connection that is cut says that this was not all.
        log.warning("export_cut", error=type(error).__name__)
        if request.transport:
            request.transport.abort()
    return answer


async def _write(answer: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(_UNREAD):
        await answer.write(text.encode())


def _accepted(header: str) -> Format:
    """The wanted form with the highest weight, the first of several."""
    best, most = Format.JSON, 0.0
    for part in header.lower().split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((_weight(each[2:]) for each in parameters if each.startswith("q=")), 1.0)
        form = next((form for form, known in MEDIA.items() if known == media), None)
        if form and weight > most:
            best, most = form, weight
    return best


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _rows(form: Format, rows: Iterable[BaseModel]) -> str:
    if form is Format.JSONL:
        return "".join(f"{row.model_dump_json()}\n" for row in rows)
    return _csv([_cell(value) for value in row.model_dump(mode="json").values()] for row in rows)


def _csv(rows: Iterable[Sequence[object]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


def _cell(value: object) -> object:
    """The value as a spreadsheet may have it."""
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) else value
