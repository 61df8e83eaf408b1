"""Strict JSON: only what means one thing to every reader and can be stored."""

import json
import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NoReturn

from app.domain.errors import FieldError, InvalidFields

# Deeper than any body of the contract, and shallow enough for every recursive reader.
_DEPTH = 20
# Twice what the widest list of the contract may have: each item too many would cost a complaint of its own.
_WIDTH = 1000
_BIG = 2**63
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# A key of half a megabyte may hold as many faults again, and each pointer repeats it.
_MOST_FAULTS = 20

_Path = tuple[str | int, ...]


class BadJson(ValueError):
    """Not JSON, or JSON by its grammar alone; the message names places in the body, never its content."""


def parse(raw: bytes) -> Any:
    """The value.

    Raises:
        BadJson: not UTF-8 JSON, a key twice in an object, a number that is none or too large, nested without end.
        InvalidFields: a text in it cannot be stored, or it is deeper or wider than any body is.
    """
    value = _loaded(raw)
    faults = list(islice(_faults(value), _MOST_FAULTS))
    if faults:
        raise InvalidFields(faults)
    return value


def storable(text: str) -> bool:
    """Whether Postgres can keep the text: no NUL, no half of a character."""
    return _UNSTORABLE.search(text) is None


def _loaded(raw: bytes) -> Any:
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_distinct,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
    except (BadJson, json.JSONDecodeError) as error:
        raise BadJson(str(error)) from None
    except (ValueError, RecursionError):
        raise BadJson("the body is not UTF-8 JSON") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadJson("an object has the same key twice")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise BadJson(f"{name} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadJson("a number is too large")
    return value


def _bounded(text: str) -> int:
    if len(text) > 20 or not -_BIG <= int(text) < _BIG:
        raise BadJson("a number is too large")
    return int(text)


def _faults(root: Any) -> Iterator[FieldError]:
    """Texts and keys that cannot be stored, and what goes beyond the limits; without recursion."""
    stack: list[tuple[_Path, Any]] = [((), root)]
    while stack:
        path, value = stack.pop()
        if len(path) > _DEPTH:
            yield FieldError("", f"is nested deeper than {_DEPTH} levels")
            return
        if isinstance(value, str) and not storable(value):
            yield FieldError(_pointer(path), "has a NUL or half a character (lone surrogate)")
        elif isinstance(value, dict) and not all(map(storable, value)):
            yield FieldError(_pointer(path), "has a key with a NUL or half a character (lone surrogate)")
        elif isinstance(value, dict | list) and len(value) > _WIDTH:
            yield FieldError(_pointer(path), f"has more than {_WIDTH} items")
        else:
            stack += [((*path, key), inner) for key, inner in _inner(value)]


def _inner(value: Any) -> Iterator[tuple[str | int, Any]]:
    """The members and items that may be at fault."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ((key, inner) for key, inner in pairs if isinstance(inner, str | list | dict))


def _pointer(path: _Path) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
