"""Idempotency keys: parsing the header, and a fingerprint that tells whether two payloads are the same."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_KEY = re.compile(r"[!-~]{1,255}")
# Integers in bodies are smaller.
_MAX_INTEGER = 2**63


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key as one caller (`owner`) sent it to one path."""

    owner: str
    path: str
    key: str


@dataclass(frozen=True)
class StoredReply:
    """An answer to a request as it was (or will be) sent; `fingerprint` is that of the request's payload."""

    status: int
    body: bytes
    location: str | None = None
    fingerprint: bytes = b""
    replayed: bool = False


def parse_key(header: str) -> str | None:
    """The key in an `Idempotency-Key` header, quoted (a structured-field string) or bare; None if it is malformed."""
    value = header.strip(" \t")
    quoted = _QUOTED.fullmatch(value)
    if quoted:
        value = re.sub(r"\\(.)", r"\1", quoted[1])
    elif value.startswith('"'):
        return None
    return value if _KEY.fullmatch(value) else None


def fingerprint(payload: Any) -> bytes:
    """A digest that is equal for equal JSON values only; no body (None) counts as `{}`. The values of members whose
    names end in `_id` are compared as ids."""
    canonical = json.dumps({} if payload is None else _normalized(payload), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).digest()


def _normalized(value: Any) -> Any:
    """`value` with whole floats as integers, because 1.0 and 1 are the same JSON number. Larger ones have no integer
    that a body may contain, and 9e307 would become 308 digits."""
    if isinstance(value, float) and abs(value) < _MAX_INTEGER and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _id(inner) if key.endswith("_id") else _normalized(inner) for key, inner in value.items()}
    return [_normalized(inner) for inner in value] if isinstance(value, list) else value


def _id(value: Any) -> Any:
    """An id in its canonical form: a UUID may be written in upper case or without dashes."""
    try:
        return str(UUID(value)) if isinstance(value, str) else _normalized(value)
    except ValueError:
        return value
