"""Credentials out of a file: CSV with a line of headings, or JSON lines."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.recommendation.credentials import CredentialBody
from app.evaluation.lines import in_a_line

# In a cell of CSV; names of skills have commas now and then.
SKILLS_APART_BY = ";"
_COLUMNS = frozenset(CredentialBody.model_fields)
_NEEDED = _COLUMNS - {"skills"}


class UnreadableFile(Exception):
    """The file as a whole cannot be read; the message names it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A credential and the line where it begins, from 1."""

    line: int
    body: CredentialBody


@dataclass(frozen=True, slots=True)
class WrongRow:
    """A line that is no credential, and why."""

    line: int
    why: str


def read_credentials(path: Path) -> tuple[list[Row], list[WrongRow]]:
    """All rows of a `.csv` or `.jsonl` file in its order, and those that are wrong.

    Raises:
        UnreadableFile: there is none, it is not UTF-8, or its kind or its headings are not known.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{path}: not UTF-8, from byte {error.start} on") from error
    if path.suffix.lower() == ".csv":
        return _sorted_out(_of_csv(path, text))
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return _sorted_out((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())
    raise UnreadableFile(f"{path}: the name must end in .csv or .jsonl")


def _of_csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # A cell that is too long is a wrong row like any other, and not the end of the file.
    csv.field_size_limit(max(len(text), 1))
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
    headings = set(reader.fieldnames or ())
    if len(headings) < len(reader.fieldnames or ()):
        raise UnreadableFile(f"{path}: line 1 names a column twice")
    if not _NEEDED <= headings <= _COLUMNS:
        wrong = ", ".join(sorted((_NEEDED - headings) | (headings - _COLUMNS)))
        raise UnreadableFile(f"{path}: line 1 must name title, provider, url, level, skills, description; see {wrong}")
    begins = reader.line_num + 1
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableFile(f"{path}: line {begins}: {error}") from error


def _sorted_out(told: Iterable[tuple[int, Any]]) -> tuple[list[Row], list[WrongRow]]:
    rows, wrong = [], []
    lines: dict[tuple[str, str], int] = {}
    for line, fields in told:
        try:
            body = _body(fields)
            first = lines.setdefault((body.provider, body.title), line)
            if first != line:
                raise ValueError(f"the same provider and title as in line {first}")
            rows.append(Row(line, body))
        except ValueError as error:
            wrong.append(WrongRow(line, in_a_line(error)))
    return rows, wrong


def _body(fields: Any) -> CredentialBody:
    told = fields if isinstance(fields, str) else json.dumps(_of_cells(fields))
    body = CredentialBody.model_validate_json(told)
    if any("\x00" in text for text in (body.title, body.provider, body.description, *body.skills)):
        raise ValueError("has a NUL, which cannot be stored")
    return body


def _of_cells(cells: dict[Any, Any]) -> dict[str, Any]:
    if None in cells or None in cells.values():
        raise ValueError("has not as many cells as line 1")
    skills = [skill.strip() for skill in cells.get("skills", "").split(SKILLS_APART_BY)]
    return {**cells, "skills": [skill for skill in skills if skill]}
