"""Reads micro-credentials out of the content of a file: CSV as spreadsheets write it, or JSON lines."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from app.domain.body_validation import error_line
from app.domain.recommendation.credentials import CredentialBody, separator_errors, split_skills
from app.domain.text import HIDDEN, count_of

# The columns in the order of the documentation.
_COLUMNS = ("title", "provider", "url", "level", "skills", "description")
_OPTIONAL = frozenset({"skills"})
# Columns whose empty cells a row may leave out at its end: those, and columns without a heading.
_MAY_END = _OPTIONAL | {""}
# How many unknown columns an error names, and how many characters of each.
_NAMED_COLUMNS = 10
_NAME_CHARACTERS = 40
_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a vertical bar"}
# Excel takes the delimiter from such a first line; programs that do not know it write it again like a cell.
_DELIMITER_LINE = re.compile(r'"?sep=([,;\t|])"?[,;\t|]*(?:\r\n|\r|\n)', re.IGNORECASE)
# What `csv` says where a quotation mark is missing.
_OPEN_QUOTE = "unexpected end of data"
# How the files of Excel and LibreOffice begin.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


class UnreadableFile(Exception):
    """The file as a whole cannot be read; the message names it."""


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
class _BadCells:
    """A row whose cells do not belong to the columns, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class CredentialsFile:
    """What a file has: its valid and invalid rows in its order, and the encoding that its text was read in."""

    rows: Sequence[Row]
    invalid: Sequence[InvalidRow]
    encoding: str


def parse_credentials(name: str, raw: bytes) -> CredentialsFile:
    """The rows of a `.csv` or `.jsonl` file with this name and content.

    Raises:
        UnreadableFile: it has an unknown type, encoding or columns, or broken quotes.
    """
    kind = PurePath(name).suffix.lower()
    if kind not in (".csv", ".tsv", ".txt", ".jsonl", ".ndjson"):
        raise UnreadableFile(f"{name}: the name must end in .csv, .tsv, .txt or .jsonl")
    is_table = kind not in (".jsonl", ".ndjson")
    text, encoding = _decode(name, raw, is_table)
    if is_table:
        entries: Iterable[tuple[int, Any]] = _read_table(name, text, encoding)
    else:
        entries = ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())
    return CredentialsFile(*_validate(entries), encoding)


def _decode(file: str, raw: bytes, is_table: bool) -> tuple[str, str]:
    """The text and the name of its encoding. JSON is always UTF-8; spreadsheets also write UTF-16, with and without a
    byte order mark, and Windows-1252."""
    if raw.startswith(_WORKBOOKS):
        raise UnreadableFile(f"{file}: is a workbook or an archive; save the sheet as CSV")
    encoding = json.detect_encoding(raw) if is_table else "utf-8-sig"
    name = "-".join(encoding.upper().split("-")[:2])
    try:
        return raw.decode(encoding).lstrip("\ufeff"), name
    except UnicodeDecodeError as error:
        if name != "UTF-8":
            raise UnreadableFile(f"{file}: not {name}, although it begins so, from byte {error.start} on") from error
        # One valid sequence of several bytes: this is UTF-8 that was damaged, and another encoding would garble it.
        damaged = any(character > "\x7f" and character != "\ufffd" for character in raw.decode("utf-8", "replace"))
        if is_table and not damaged:
            try:
                return raw.decode("cp1252"), "Windows-1252"
            except UnicodeDecodeError as other:
                reason = f"neither UTF-8 (from byte {error.start} on) nor Windows-1252 (from byte {other.start} on)"
                raise UnreadableFile(f"{file}: {reason}; save it as UTF-8") from other
        raise UnreadableFile(f"{file}: not UTF-8, from byte {error.start} on; save it as UTF-8") from error


def _read_table(file: str, text: str, encoding: str) -> Iterator[tuple[int, dict[str, str] | _BadCells]]:
    """The cells of each row by column, or why the row has none; rows without any text are left out."""
    # A cell that is too long makes its row invalid like any other, and does not end the file.
    csv.field_size_limit(max(len(text), csv.field_size_limit()))
    declared = _DELIMITER_LINE.match(text)
    before = 1 if declared else 0
    text = text[declared.end() :] if declared else text
    delimiter = declared[1] if declared else _likely_delimiter(text)
    # Only CR and LF end a line here; `splitlines` would also break at U+2028, NEL or FF within a cell.
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    columns: list[str] = []
    first_line = before + 1
    try:
        for cells in reader:
            if not columns and any(map(str.strip, cells)):
                columns = _columns(f"{file}: line {first_line}", cells, f"{encoding}, {_DELIMITERS[delimiter]}")
            elif any(map(str.strip, cells)):
                yield first_line, _by_column(columns, cells)
            first_line = before + reader.line_num + 1
    except csv.Error as error:
        fault = "a quotation mark is opened and never closed" if str(error) == _OPEN_QUOTE else error
        raise UnreadableFile(f"{file}: line {first_line}: {fault}") from error
    if not columns:
        raise UnreadableFile(f"{file}: has no line with the columns {', '.join(_COLUMNS)}")


def _likely_delimiter(text: str) -> str:
    """The delimiter that finds most of our columns in the first line that has text."""
    heading = next((line for line in io.StringIO(text, newline=None) if line.strip(",;|\t\r\n ")), "")

    def known_columns(delimiter: str) -> int:
        cells = next(csv.reader([heading], delimiter=delimiter, skipinitialspace=True), [])
        return len(set(map(_heading, cells)) & set(_COLUMNS))

    return max(_DELIMITERS, key=lambda delimiter: (known_columns(delimiter), heading.count(delimiter)))


def _heading(cell: str) -> str:
    return "".join(character for character in cell if character not in HIDDEN).strip().lower()


def _columns(place: str, cells: Sequence[str], form: str) -> list[str]:
    """The name of each column; those of empty columns are empty."""
    columns = list(map(_heading, cells))
    while columns and not columns[-1]:
        columns.pop()
    named = [name for name in columns if name]
    missing = [name for name in _COLUMNS if name not in named and name not in _OPTIONAL]
    unknown = _names([name for name in named if name not in _COLUMNS])
    twice = _names(sorted(name for name, count in Counter(named).items() if count > 1))
    wrong = (("missing", missing), ("unknown", unknown), ("twice", twice))
    faults = "; ".join(f"{what}: {', '.join(names)}" for what, names in wrong if names)
    if faults:
        expected = ", ".join(_COLUMNS)
        raise UnreadableFile(f"{place}: {faults} (read as {form} between cells; the columns are {expected})")
    return columns


def _names(columns: Sequence[str]) -> list[str]:
    """Names of columns as an error shows them: a file that is no table may have a first line of any length."""
    more = [f"and {len(columns) - _NAMED_COLUMNS} more"] if len(columns) > _NAMED_COLUMNS else []
    return [*map(_printable, columns[:_NAMED_COLUMNS]), *more]


def _printable(name: str) -> str:
    """The name, cut if it is long, and without control characters, which a terminal would obey."""
    cut = name if len(name) <= _NAME_CHARACTERS else f"{name[:_NAME_CHARACTERS]}…"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in cut)


def _by_column(columns: Sequence[str], cells: Sequence[str]) -> dict[str, str] | _BadCells:
    present = list(cells)
    while len(present) > len(columns) and not present[-1].strip():
        present.pop()
    # Spreadsheets may leave out empty cells at the end of a row.
    if len(present) > len(columns) or not _MAY_END.issuperset(columns[len(present) :]):
        return _BadCells(f"has {count_of(len(present), 'cell')}, and the line of headings has {len(columns)}")
    for place, (name, cell) in enumerate(zip(columns, present, strict=False), start=1):
        if not name and cell.strip():
            return _BadCells(f"has text in column {place}, which has no heading")
    named = zip(columns, present + [""] * (len(columns) - len(present)), strict=True)
    return {name: cell for name, cell in named if name}


def _validate(entries: Iterable[tuple[int, Any]]) -> tuple[list[Row], list[InvalidRow]]:
    rows, invalid = [], []
    line_of: dict[tuple[str, str], int] = {}
    for line, fields in entries:
        try:
            body = _body(fields)
            first = line_of.setdefault((body.provider, body.title), line)
            if first != line:
                raise ValueError(f"the same provider and title as in line {first}")
            rows.append(Row(line, body))
        except ValueError as error:
            invalid.append(InvalidRow(line, error_line(error)))
    return rows, invalid


def _body(fields: str | dict[str, str] | _BadCells) -> CredentialBody:
    """The credential of a line of JSON, or of a row's cells."""
    if isinstance(fields, _BadCells):
        raise ValueError(fields.reason)
    document = fields if isinstance(fields, str) else json.dumps(_from_cells(fields))
    body = CredentialBody.model_validate_json(document)
    if any("\x00" in text for text in (body.title, body.provider, body.description, *body.skills)):
        raise ValueError("has a NUL, which cannot be stored")
    for fault in separator_errors(body.skills):
        raise ValueError(f"{fault.pointer.strip('/').replace('/', '.')}: {fault.detail}")
    return body


def _from_cells(cells: dict[str, str]) -> dict[str, Any]:
    """The fields of a row. Nobody sees the white space around a cell, and levels are often written with a capital."""
    trimmed = {name: cell.strip() for name, cell in cells.items()}
    return {**trimmed, "level": trimmed["level"].lower(), "skills": split_skills(trimmed.get("skills", ""))}
