"""Reads micro-credentials out of the content of a file: CSV as spreadsheets write it, JSON lines, or a JSON array."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from app.domain.body_validation import error_line
from app.domain.formulas import guard, unguard
from app.domain.recommendation.credentials import CredentialBody, separator_errors, split_skills
from app.domain.recommendation.markup import without_markup
from app.domain.text import count_of
from app.services.catalog.table_file import WINDOWS, BadCells, Columns, UnreadableFile, decode, read_table

COLUMNS = Columns(tuple(CredentialBody.model_fields), frozenset({"title", "provider"}))
_TABLES, _LINES, _ARRAY = (".csv", ".tsv", ".txt"), (".jsonl", ".ndjson"), ".json"
_SHOWN_LINES = 5
# Texts that catalogues export as they stand on their web pages.
_TEXTS = ("title", "provider", "description")
# Words of catalogues for our levels.
_LEVELS = {
    **dict.fromkeys(("", "all", "all levels", "any level", "mixed"), "any"),
    **dict.fromkeys(("basic", "introductory", "foundation", "foundational", "novice"), "beginner"),
    "medium": "intermediate",
}
_LANGUAGES = {
    "english": "en", "german": "de", "deutsch": "de", "french": "fr", "français": "fr", "spanish": "es",
    "español": "es", "italian": "it", "italiano": "it", "portuguese": "pt", "português": "pt", "dutch": "nl",
    "nederlands": "nl", "polish": "pl", "polski": "pl", "chinese": "zh", "japanese": "ja", "korean": "ko",
    "russian": "ru", "arabic": "ar", "hindi": "hi", "turkish": "tr", "ukrainian": "uk",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A credential and its first line in the file, from 1."""

    line: int
    body: CredentialBody


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """A line that is not a valid credential, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class CredentialsFile:
    """What a file has: its valid and invalid rows in its order, the lines that repeat an earlier one, and what was done
    to read it. In a JSON array, lines are the numbers of its items."""

    rows: Sequence[Row]
    invalid: Sequence[InvalidRow]
    repeated: Sequence[int] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row before it is validated: its line, its fields as JSON text or why it has none, and whether it had HTML."""

    line: int
    document: str | BadCells
    had_markup: bool = False


def parse_credentials(name: str, raw: bytes) -> CredentialsFile:
    """The rows of a `.csv`, `.jsonl` or `.json` file with this name and content.

    Raises:
        UnreadableFile: it has an unknown type, encoding or columns, broken quotes, or is no JSON array.
    """
    kind = PurePath(name).suffix.lower()
    if kind not in (*_TABLES, *_LINES, _ARRAY):
        raise UnreadableFile(f"{name}: the name must end in .csv, .tsv, .txt, .jsonl or .json")
    text, encoding = decode(name, raw, is_table=kind in _TABLES)
    notes = [f"read as {WINDOWS}, because it is not UTF-8; check letters such as ä and é"] * (encoding == WINDOWS)
    if kind in _TABLES:
        table = read_table(name, text, encoding, COLUMNS)
        entries = [_from_cells(line, cells) for line, cells in table.rows]
        if table.ignored:
            notes.append(f"columns that were ignored: {', '.join(table.ignored)}")
    elif kind == _ARRAY:
        entries = [_from_json(place, item) for place, item in enumerate(_items(name, text), start=1)]
    else:
        lines = enumerate(text.split("\n"), start=1)
        entries = [_from_json(number, line) for number, line in lines if line.strip()]
    return _validate(entries, notes)


def shown_lines(lines: Sequence[int]) -> str:
    """`line 3`, or how many rows and the first of their lines."""
    named = ", ".join(map(str, lines[:_SHOWN_LINES]))
    more = f" and {len(lines) - _SHOWN_LINES} more" if len(lines) > _SHOWN_LINES else ""
    return f"line {named}" if len(lines) == 1 else f"{count_of(len(lines), 'row')} (lines {named}{more})"


def credentials_table(bodies: Iterable[CredentialBody]) -> str:
    """The credentials as a table that `parse_credentials` reads, with nothing that a spreadsheet would run."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS.names)
    for body in bodies:
        cells = body.model_dump(mode="json") | {"skills": "; ".join(body.skills)}
        writer.writerow(guard(cells[name] or "") for name in COLUMNS.names)
    return text.getvalue()


def _items(name: str, text: str) -> list[str]:
    try:
        items = json.loads(text)
    except ValueError as error:
        raise UnreadableFile(f"{name}: is not JSON: {error}") from error
    except RecursionError as error:
        raise UnreadableFile(f"{name}: is nested too deeply") from error
    if not isinstance(items, list):
        raise UnreadableFile(f"{name}: is no JSON array of credentials")
    return [json.dumps(item) for item in items]


def _from_json(line: int, document: str) -> _Entry:
    """The entry of a JSON object, without the HTML in its texts."""
    if "<" not in document and "&" not in document:
        return _Entry(line, document)
    try:
        fields = json.loads(document)
    except (ValueError, RecursionError):
        # The model says what is wrong.
        return _Entry(line, document)
    plain = _plain(fields, _TEXTS) if isinstance(fields, dict) else fields
    return _Entry(line, json.dumps(plain), plain != fields)


def _from_cells(line: int, cells: dict[str, str] | BadCells) -> _Entry:
    """The entry of a row. Nobody sees the white space around a cell, and levels are often written with a capital."""
    if isinstance(cells, BadCells):
        return _Entry(line, cells)
    trimmed: dict[str, Any] = {name: unguard(cell).strip() for name, cell in cells.items()}
    plain = _plain(trimmed, (*_TEXTS, "skills"))
    level, language = trimmed.get("level", "").lower(), trimmed.get("language", "")
    fields = plain | {
        "level": _LEVELS.get(level, level),
        "skills": split_skills(plain.get("skills", "")),
        "language": _LANGUAGES.get(language.lower()) or _tag(language) or None,
        "external_id": trimmed.get("external_id") or None,
    }
    return _Entry(line, json.dumps(fields), plain != trimmed)


def _plain(fields: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    texts = {name: fields[name] for name in names if isinstance(fields.get(name), str)}
    return fields | {name: without_markup(text).strip() for name, text in texts.items()}


def _tag(cell: str) -> str:
    """The tag of a language with the usual capitals: `en_us` is `en-US`."""
    first, *rest = cell.replace("_", "-").split("-")
    return "-".join([first.lower(), *(part.title() if len(part) == 4 else part.upper() for part in rest)])


def _validate(entries: Sequence[_Entry], notes: Sequence[str]) -> CredentialsFile:
    rows: list[Row] = []
    invalid: list[InvalidRow] = []
    repeated: list[int] = []
    known = _KnownRows()
    for entry in entries:
        try:
            row = Row(entry.line, _body(entry.document))
            if known.has(row):
                repeated.append(row.line)
            else:
                rows.append(row)
        except ValueError as error:
            invalid.append(InvalidRow(entry.line, error_line(error)))
    with_markup = [entry.line for entry in entries if entry.had_markup]
    more = [f"HTML was taken out of {shown_lines(with_markup)}"] if with_markup else []
    more += [f"the same as an earlier row, and left out: {shown_lines(repeated)}"] if repeated else []
    return CredentialsFile(rows, invalid, repeated, (*notes, *more))


class _KnownRows:
    """The rows so far, by what tells credentials apart: the external id, or else provider and title."""

    def __init__(self) -> None:
        self._by_id: dict[str, Row] = {}
        self._by_name: dict[tuple[str, str], Row] = {}

    def has(self, row: Row) -> bool:
        """Whether an earlier row is the same; remembers this one otherwise.

        Raises:
            ValueError: an earlier row is about the same credential and says something else.
        """
        name, external_id = (row.body.provider, row.body.title), row.body.external_id
        same_id = self._by_id.get(external_id) if external_id else None
        same_name = self._by_name.get(name)
        # With an external id each, two rows may have the same title.
        if same_name and external_id and same_name.body.external_id:
            same_name = None
        for first, what in ((same_id, "external_id"), (same_name, "provider and title")):
            if first and first.body == row.body:
                return True
            if first:
                raise ValueError(f"the same {what} as in line {first.line}")
        self._by_name[name] = row
        if external_id:
            self._by_id[external_id] = row
        return False


def _body(document: str | BadCells) -> CredentialBody:
    if isinstance(document, BadCells):
        raise ValueError(document.reason)
    body = CredentialBody.model_validate_json(document)
    texts = (body.title, body.provider, body.description, body.external_id or "", *body.skills)
    if any("\x00" in text for text in texts):
        raise ValueError("has a NUL, which cannot be stored")
    for fault in separator_errors(body.skills):
        raise ValueError(f"{fault.pointer.strip('/').replace('/', '.')}: {fault.detail}")
    return body
