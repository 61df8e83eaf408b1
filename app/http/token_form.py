"""The form of a JWT, checked before anything in it is believed."""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NoReturn

# A signed JWT in its compact form. An encrypted one has five parts.
_THREE_PARTS = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")
# `typ` says what a token is for (RFC 8725, 3.11): a provider signs other things than access tokens with the same keys.
_TYPES = {"jwt", "at+jwt"}
_NO_TOKEN = "it does not have the form of a JSON Web Token"  # noqa: S105


class BadForm(Exception):
    """The token is no JWT of an accepted form. The message is for the log, and repeats nothing of the token."""


def read_header(token: str) -> Mapping[str, Any]:
    """The header of a token that has an accepted form. Nobody has verified it yet.

    Raises:
        BadForm.
    """
    parts = _THREE_PARTS.fullmatch(token)
    if not parts:
        raise BadForm(_NO_TOKEN)
    _read_object(parts[2])
    return _read_header(parts[1])


# An issuer gives all its tokens the same one.
@lru_cache(maxsize=64)
def _read_header(part: str) -> Mapping[str, Any]:
    header = _read_object(part)
    if "crit" in header or header.get("b64", True) is not True:
        raise BadForm("its header has an extension that is not supported")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        raise BadForm("its `typ` is not that of an access token")
    return MappingProxyType(header)


def _read_object(part: str) -> dict[str, Any]:
    """The JSON object in a part. What parsers read differently, such as a name that is there twice, is refused."""
    try:
        value = json.loads(
            urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError):
        raise BadForm(_NO_TOKEN) from None
    if not isinstance(value, dict):
        raise BadForm(_NO_TOKEN)
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError
