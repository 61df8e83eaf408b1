"""Files that are evaluated: one value out of each line, or all the lines that are wrong."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

_TOLD_ERRORS = 10

Value = TypeVar("Value")


class WrongFile(Exception):
    """A file that cannot be evaluated, or not be written; the message names it, and the lines."""


def read_lines(path: Path, read: Callable[[int, bytes], Value], nothing: str) -> list[Value]:
    """What `read` makes of each line and its number, from 1; blank lines are passed over. `nothing` tells whoever gets
    errors what was not done.

    Raises:
        WrongFile: the file cannot be read, or `read` raised ValueError for a line.
    """
    values, wrong = [], []
    for number, line in enumerate(_lines(path), start=1):
        try:
            if line.strip():
                values.append(read(number, line))
        except ValueError as error:
            wrong.append(f"line {number}: {in_a_line(error)}")
    if wrong:
        more = [f"and {len(wrong) - _TOLD_ERRORS} more"] if len(wrong) > _TOLD_ERRORS else []
        raise WrongFile("\n".join([f"{path}: {nothing}", *wrong[:_TOLD_ERRORS], *more]))
    return values


def check_writable(path: Path | None) -> None:
    """Before any work is done: what cannot be kept need not be made.

    Raises:
        WrongFile: it is a folder, or may not be written.
    """
    if path is not None and (path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK)):
        raise WrongFile(f"{path}: cannot be written")


def in_a_line(error: ValueError) -> str:
    """What is wrong, with the place of each fault."""
    if not isinstance(error, ValidationError):
        return str(error)
    faults = [(".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors()]
    return "; ".join(f"{place}: {message}" if place else message for place, message in faults)


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise WrongFile(f"{path}: {error.strerror}") from error
