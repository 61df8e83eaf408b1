"""Reads micro-credentials from a file: CSV with a heading line, or JSON lines."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.recommendation.credentials import CredentialBody
from app.evaluation.json_lines import error_line

# Within a CSV cell; names of skills may contain commas.
SKILL_SEPARATOR = ";"
_COLUMNS = frozenset(CredentialBody.model_fields)
_REQUIRED = _COLUMNS - {"skills"}


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


def read_credentials(path: Path) -> tuple[list[Row], list[InvalidRow]]:
    """The valid rows of a `.csv` or `.jsonl` file in its order, and the invalid ones.

    Raises:
        UnreadableFile: it does not exist, is not UTF-8, or has an unknown type or unknown headings.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{path}: not UTF-8, from byte {error.start} on") from error
    if path.suffix.lower() == ".csv":
        return _validate(_read_csv(path, text))
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return _validate((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())
    raise UnreadableFile(f"{path}: the name must end in .csv or .jsonl")


def _read_csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # A cell that is too long makes its row invalid like any other, and does not end the file.
    csv.field_size_limit(max(len(text), 1))
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
    headings = set(reader.fieldnames or ())
    if len(headings) < len(reader.fieldnames or ()):
        raise UnreadableFile(f"{path}: line 1 names a column twice")
    if not _REQUIRED <= headings <= _COLUMNS:
        wrong = ", ".join(sorted((_REQUIRED - headings) | (headings - _COLUMNS)))
        raise UnreadableFile(f"{path}: line 1 must name title, provider, url, level, skills, description; see {wrong}")
    first_line = reader.line_num + 1
    try:
        for cells in reader:
            yield first_line, cells
            first_line = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableFile(f"{path}: line {first_line}: {error}") from error


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


def _body(fields: Any) -> CredentialBody:
    document = fields if isinstance(fields, str) else json.dumps(_from_cells(fields))
    body = CredentialBody.model_validate_json(document)
    if any("\x00" in text for text in (body.title, body.provider, body.description, *body.skills)):
        raise ValueError("has a NUL, which cannot be stored")
    return body


def _from_cells(cells: dict[Any, Any]) -> dict[str, Any]:
    if None in cells or None in cells.values():
        raise ValueError("does not have the same number of cells as line 1")
    skills = [skill.strip() for skill in cells.get("skills", "").split(SKILL_SEPARATOR)]
    return {**cells, "skills": [skill for skill in skills if skill]}
