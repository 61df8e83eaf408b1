"""Reading files of JSON lines: a value for each line, or an error that names all invalid lines."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from app.domain.body_validation import error_line

# Invalid lines that an error lists.
_MAX_LISTED = 10

Value = TypeVar("Value")


class InvalidFile(Exception):
    """A file that cannot be read or written, or has invalid lines; the message names the file and the lines."""


def read_lines(path: Path, read: Callable[[int, bytes], Value], nothing: str) -> list[Value]:
    """The values that `read` returns for each line and its number, from 1; blank lines are skipped. An error
    begins with `nothing`, such as "nothing was scored".

    Raises:
        InvalidFile: the file cannot be read, or `read` raised a ValueError for a line.
    """
    values, errors = [], []
    for number, line in enumerate(_lines(path), start=1):
        try:
            if line.strip():
                values.append(read(number, line))
        except ValueError as error:
            errors.append(f"line {number}: {error_line(error)}")
    if errors:
        more = [f"and {len(errors) - _MAX_LISTED} more"] if len(errors) > _MAX_LISTED else []
        raise InvalidFile("\n".join([f"{path}: {nothing}", *errors[:_MAX_LISTED], *more]))
    return values


def check_writable(path: Path | None) -> None:
    """Returns if the file can be written, so that no work is done in vain.

    Raises:
        InvalidFile: it is a folder, or writing is not permitted.
    """
    if path is not None and (path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK)):
        raise InvalidFile(f"{path}: cannot be written")


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise InvalidFile(f"{path}: {error.strerror}") from error
