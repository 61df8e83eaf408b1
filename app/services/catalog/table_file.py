"""Tables out of the content of a file: CSV as spreadsheets write it, with one line of headings."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from app.domain.text import HIDDEN, count_of

WINDOWS = "Windows-1252"
# How many columns an error names, and how many characters of each.
_NAMED_COLUMNS = 10
_NAME_CHARACTERS = 40
# From this likeness on, a column that is none of ours is one that was misspelt.
_LIKENESS = 0.75
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
class BadCells:
    """A row whose cells do not belong to the columns, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a table may have, in the order of the documentation, and those that it must have."""

    names: tuple[str, ...]
    required: frozenset[str]


@dataclass(frozen=True, slots=True)
class Table:
    """The first line of each row with its cells by column, and the columns that are none of ours."""

    rows: Sequence[tuple[int, dict[str, str] | BadCells]]
    ignored: Sequence[str]


def decode(file: str, raw: bytes, *, is_table: bool = True) -> tuple[str, str]:
    """The text and the name of its encoding. JSON is always UTF-8; spreadsheets also write UTF-16, with and without a
    byte order mark, and Windows-1252.

    Raises:
        UnreadableFile: it is a workbook, or in another encoding.
    """
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
                return raw.decode("cp1252"), WINDOWS
            except UnicodeDecodeError as other:
                reason = f"neither UTF-8 (from byte {error.start} on) nor {WINDOWS} (from byte {other.start} on)"
                raise UnreadableFile(f"{file}: {reason}; save it as UTF-8") from other
        raise UnreadableFile(f"{file}: not UTF-8, from byte {error.start} on; save it as UTF-8") from error


def read_table(file: str, text: str, encoding: str, columns: Columns) -> Table:
    """The cells of each row by column, or why the row has none; rows without any text are left out.

    Raises:
        UnreadableFile: columns are missing, misspelt or there twice, or quotes are broken.
    """
    # A cell that is too long makes its row invalid like any other, and does not end the file.
    csv.field_size_limit(max(len(text), csv.field_size_limit()))
    declared = _DELIMITER_LINE.match(text)
    before = 1 if declared else 0
    text = text[declared.end() :] if declared else text
    delimiter = declared[1] if declared else _likely_delimiter(text, columns)
    lines = _lines(file, text, delimiter, before)
    first_line, heading = next(lines, (0, []))
    if not heading:
        raise UnreadableFile(f"{file}: has no line with the columns {', '.join(columns.names)}")
    names = _names(f"{file}: line {first_line}", heading, columns, f"{encoding}, {_DELIMITERS[delimiter]}")
    ignored = [name for name in names if name and name not in columns.names]
    return Table([(line, _by_column(names, cells, columns)) for line, cells in lines], _shown(ignored))


def _lines(file: str, text: str, delimiter: str, before: int) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row that has any text, with its first line in the file."""
    # Only CR and LF end a line here; `splitlines` would also break at U+2028, NEL or FF within a cell.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    first_line = before + 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield first_line, cells
            first_line = before + reader.line_num + 1
    except csv.Error as error:
        fault = "a quotation mark is opened and never closed" if str(error) == _OPEN_QUOTE else error
        raise UnreadableFile(f"{file}: line {first_line}: {fault}") from error


def _likely_delimiter(text: str, columns: Columns) -> str:
    """The delimiter that finds most of our columns in the first line that has text."""
    heading = next((line for line in io.StringIO(text, newline=None) if line.strip(",;|\t\r\n ")), "")

    def known_columns(delimiter: str) -> int:
        cells = next(csv.reader([heading], delimiter=delimiter, skipinitialspace=True), [])
        return len(set(map(_heading, cells)) & set(columns.names))

    return max(_DELIMITERS, key=lambda delimiter: (known_columns(delimiter), heading.count(delimiter)))


def _heading(cell: str) -> str:
    return "".join(character for character in cell if character not in HIDDEN).strip().lower()


def _names(place: str, cells: Sequence[str], columns: Columns, form: str) -> list[str]:
    """The name of each column; those of empty columns are empty."""
    names = list(map(_heading, cells))
    while names and not names[-1]:
        names.pop()
    named = [name for name in names if name]
    missing = [name for name in columns.names if name in columns.required and name not in named]
    unknown = [name for name in named if name not in columns.names]
    absent = [name for name in columns.names if name not in named]
    misspelt = [name for name in unknown if get_close_matches(name[:_NAME_CHARACTERS], absent, 1, _LIKENESS)]
    twice = sorted(name for name, count in Counter(named).items() if count > 1 and name in columns.names)
    wrong = (("missing", missing), ("unknown", unknown if missing else misspelt), ("twice", twice))
    faults = "; ".join(f"{what}: {', '.join(_shown(some))}" for what, some in wrong if some)
    if faults:
        expected = ", ".join(columns.names)
        raise UnreadableFile(f"{place}: {faults} (read as {form} between cells; the columns are {expected})")
    return names


def _shown(columns: Sequence[str]) -> list[str]:
    """Names of columns as an error shows them: a file that is no table may have a first line of any length."""
    more = [f"and {len(columns) - _NAMED_COLUMNS} more"] if len(columns) > _NAMED_COLUMNS else []
    return [*map(_printable, columns[:_NAMED_COLUMNS]), *more]


def _printable(name: str) -> str:
    """The name, cut if it is long, and without control characters, which a terminal would obey."""
    cut = name if len(name) <= _NAME_CHARACTERS else f"{name[:_NAME_CHARACTERS]}…"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in cut)


def _by_column(names: Sequence[str], cells: Sequence[str], columns: Columns) -> dict[str, str] | BadCells:
    present = list(cells)
    while len(present) > len(names) and not present[-1].strip():
        present.pop()
    # Spreadsheets may leave out empty cells at the end of a row.
    if len(present) > len(names) or not columns.required.isdisjoint(names[len(present) :]):
        return BadCells(f"has {count_of(len(present), 'cell')}, and the line of headings has {len(names)}")
    for place, (name, cell) in enumerate(zip(names, present, strict=False), start=1):
        if not name and cell.strip():
            return BadCells(f"has text in column {place}, which has no heading")
    named = zip(names, present + [""] * (len(names) - len(present)), strict=True)
    return {name: cell for name, cell in named if name in columns.names}
