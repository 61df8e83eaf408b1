"""Idempotency keys: their form, and when two payloads are the same."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's key for one path."""

    owner: str
    path: str
    key: str


def parse_key(header: str) -> str | None:
    """The key out of a header's value, quoted (a structured-field string) or bare; None where it is neither."""
    value = header.strip(" \t")
    quoted = _QUOTED.fullmatch(value)
    if quoted:
        value = re.sub(r"\\(.)", r"\1", quoted[1])
    elif value.startswith('"'):
        return None
    return value if _KEY.fullmatch(value) else None


def fingerprint(payload: Any) -> bytes:
    """A digest that is equal exactly for equal JSON values; no body (None) equals `{}`."""
    canonical = json.dumps({} if payload is None else _plain(payload), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).digest()


def _plain(value: Any) -> Any:
    """`value` with whole floats as integers: 1.0 and 1 are the same JSON number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
