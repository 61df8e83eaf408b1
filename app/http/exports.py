"""Sending long lists as files: comma-separated values (CSV) for spreadsheets, JSON lines for programs."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from enum import StrEnum

import structlog
from aiohttp import web
from pydantic import BaseModel
from pydantic_core import from_json

from app.domain.formulas import guard
from app.http.app_keys import TIME_LIMIT
from app.http.query import query_choice
from app.http.server_connections import begin_stream

log = structlog.get_logger()

# Seconds until a client that does not read is cut off.
_WRITE_SECONDS = 30


class Format(StrEnum):
    """The formats of an answer; also the values of `?format=` and the extensions of files."""

    JSON = "json"
    CSV = "csv"
    JSONL = "jsonl"


MEDIA_TYPES = {Format.JSON: "application/json", Format.CSV: "text/csv", Format.JSONL: "application/x-ndjson"}


def requested_format(request: web.Request) -> Format:
    """The format that `?format=` names, or else `Accept`; JSON if neither names one of ours.

    Raises:
        RequestProblem: `?format=` is not one of ours.
    """
    return query_choice(request, "format", Format) or _accepted_format(",".join(request.headers.getall("Accept", [])))


async def send_file(
    request: web.Request,
    file_format: Format,
    pages: AsyncIterator[Sequence[BaseModel]],
    model: type[BaseModel],
    name: str,
    seconds: float | None = None,
) -> web.StreamResponse:
    """Sends all pages of rows, which are instances of `model`, as a file, in so many seconds at most. The first page is
    read before anything is sent, so that its errors are answered as problems."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.{file_format}"', "Vary": "Accept"}
    return await _send(request, MEDIA_TYPES[file_format], headers, _lines(file_format, pages, model), seconds)


async def send_json(
    request: web.Request,
    pieces: AsyncIterator[str],
    headers: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> web.StreamResponse:
    """Sends a JSON document in pieces, in so many seconds at most. The first is read before anything is sent, so that
    its errors are answered as problems."""
    return await _send(request, MEDIA_TYPES[Format.JSON], headers or {}, pieces, seconds)


async def json_list(pages: AsyncIterator[Sequence[BaseModel]]) -> AsyncIterator[str]:
    """A list of the API that has all rows on one page, in pieces."""
    before = '{"items": ['
    async for page in pages:
        yield before + ", ".join(row.model_dump_json() for row in page)
        before = ", "
    yield ("" if before == ", " else before) + '], "next_cursor": null}'


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """The rows as comma-separated values, with nothing that a spreadsheet would run as a formula."""
    return _csv([_cell(value) for value in row] for row in rows)


async def _send(
    request: web.Request, media_type: str, headers: Mapping[str, str], pieces: AsyncIterator[str], seconds: float | None
) -> web.StreamResponse:
    first = await anext(pieces)
    response = web.StreamResponse(headers={"Content-Type": f"{media_type}; charset=utf-8", **headers})
    await begin_stream(response, request)
    if request.method == "HEAD":
        return response
    # The whole may take long; each write has a limit of its own.
    request[TIME_LIMIT].reschedule(None)
    try:
        async with asyncio.timeout(seconds):
            await _write(response, first)
            async for piece in pieces:
                await _write(response, piece)
            await response.write_eof()
    except Exception as error:
        # Too late for a problem: the client sees from the cut connection that something is missing.
        log.warning("export_aborted", error=type(error).__name__)
        if request.transport:
            request.transport.abort()
    return response


async def _lines(
    file_format: Format, pages: AsyncIterator[Sequence[BaseModel]], model: type[BaseModel]
) -> AsyncIterator[str]:
    head = _csv([list(model.model_fields)]) if file_format is Format.CSV else ""
    async for page in pages:
        yield head + _rows(file_format, page)
        head = ""
    yield head


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(_WRITE_SECONDS):
        await response.write(text.encode())


def _accepted_format(accept: str) -> Format:
    """The format with the highest weight (`q`), the first of several."""
    best, best_weight = Format.JSON, 0.0
    for part in accept.lower().split(","):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        weights = [parameter[2:] for parameter in parameters if parameter.startswith("q=")]
        weight = _parse_weight(weights[0]) if weights else 1.0
        matching = next((known for known, known_type in MEDIA_TYPES.items() if known_type == media_type), None)
        if matching and weight > best_weight:
            best, best_weight = matching, weight
    return best


def _parse_weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _rows(file_format: Format, rows: Iterable[BaseModel]) -> str:
    if file_format is Format.JSONL:
        return "".join(f"{row.model_dump_json()}\n" for row in rows)
    # By way of a text: `model_dump` takes twice as long for the same values.
    return _csv([_cell(value) for value in from_json(row.model_dump_json()).values()] for row in rows)


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(value: object) -> object:
    """The value, with an apostrophe before all that a spreadsheet would take for a formula."""
    if isinstance(value, bool):
        # As in JSON; `str` would make it `True`.
        return str(value).lower()
    return guard(value) if isinstance(value, str) else value
