"""A strict JSON parser: it refuses what parsers read differently, what cannot be stored, and what would take long.

A body of a megabyte can have half a million values. Each costs several steps of Python, here and wherever the value is
validated, and meanwhile the server answers nobody else. So values are counted before the body is parsed.
"""

import json
import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NoReturn

from app.domain.errors import FieldError, InvalidFields
from app.domain.text import storable

# Deeper than any body of the API, and shallow enough for recursive code.
_MAX_DEPTH = 20
# Twice what the longest list of the API may have: each item too many would be an error of its own.
_MAX_ITEMS = 1000
# Brackets, commas and texts of a body. A body with as many answers as an assessment can have questions (300), a third
# of them lists of 50 options, has fewer than 13,000.
_MAX_TOKENS = 20_000
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)
# As deep as the parser may recurse.
_MAX_BRACKETS = 200
_MAX_INTEGER = 2**63
# Each error repeats the keys on the way to it, which may be long.
_MAX_ERRORS = 20

_Path = tuple[str | int, ...]


class BadJson(ValueError):
    """Not JSON, or ambiguous JSON. The message names a position in the body, never its content."""


def parse(raw: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        BadJson: it is not JSON in UTF-8, an object has a key twice, or a number is NaN, infinite or too large.
        InvalidFields: a text in it cannot be stored, or it is nested deeper or has more items or values than any body
            of the API.
    """
    _check_size(raw)
    value = _load(raw)
    errors = list(islice(_find_errors(value), _MAX_ERRORS))
    if errors:
        raise InvalidFields(errors)
    return value


def _check_size(raw: bytes) -> None:
    """Counts what costs time to parse, and stops at the first token that is too many."""
    depth = 0
    for count, match in enumerate(_TOKEN.finditer(raw)):
        if count == _MAX_TOKENS:
            raise InvalidFields([FieldError("", "has too many values")])
        token = raw[match.start()]
        depth += (token in b"[{") - (token in b"]}")
        if depth > _MAX_BRACKETS:
            raise BadJson("is nested too deeply")


def _load(raw: bytes) -> Any:
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_parse_float,
            parse_int=_parse_integer,
        )
    except (BadJson, json.JSONDecodeError) as error:
        raise BadJson(str(error)) from None
    except (ValueError, RecursionError):
        raise BadJson("the body is not UTF-8 JSON") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadJson("an object has the same key twice")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise BadJson(f"{name} is not a JSON number")


def _parse_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadJson("a number is too large")
    return value


def _parse_integer(text: str) -> int:
    if len(text) > 20 or not -_MAX_INTEGER <= int(text) < _MAX_INTEGER:
        raise BadJson("a number is too large")
    return int(text)


def _find_errors(root: Any) -> Iterator[FieldError]:
    """Texts and keys that cannot be stored, and what exceeds the limits. Without recursion, since it may be deep."""
    stack: list[tuple[_Path, Any]] = [((), root)]
    while stack:
        path, value = stack.pop()
        if len(path) > _MAX_DEPTH:
            yield FieldError("", f"is nested deeper than {_MAX_DEPTH} levels")
            return
        if isinstance(value, str) and not storable(value):
            yield FieldError(_pointer(path), "has a NUL or a lone surrogate")
        elif isinstance(value, dict) and not all(map(storable, value)):
            yield FieldError(_pointer(path), "has a key with a NUL or a lone surrogate")
        elif isinstance(value, dict | list) and len(value) > _MAX_ITEMS:
            yield FieldError(_pointer(path), f"has more than {_MAX_ITEMS} items")
        else:
            stack += [((*path, key), inner) for key, inner in _children(value)]


def _children(value: Any) -> Iterator[tuple[str | int, Any]]:
    """The members or items that may have errors."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ((key, inner) for key, inner in pairs if isinstance(inner, str | list | dict))


def _pointer(path: _Path) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
