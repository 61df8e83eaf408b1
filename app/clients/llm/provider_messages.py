"""What a model's endpoint says in an error response, fit to be stored and logged: short, on one line, and without
secrets."""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from app.domain.api_key import without_keys

_MAX_CHARACTERS = 300
# More is not searched: an endpoint may send anything.
_MAX_READ = 10_000
# What endpoints call the message, and the parts of the lists that some send (`detail` of FastAPI).
_KEYS = ("message", "detail", "msg", "error", "errors", "title")
_MAX_DEPTH, _MAX_ITEMS = 6, 5
_SECRETS = re.compile(
    r"(?i:bearer)\s+[^\s\"',;]+"  # a header that is repeated
    r"|\b(?:sk|rk|pk|gsk|xai|pplx|hf|AIza)[-_][^\s\"',;)}\]]+"  # keys of known providers, masked in part or not
    # Keys masked in part. Only from where a word begins, or a long word would take quadratic time.
    r"|(?<![^\s\"',;)}\]])[^\s\"',;)}\]]*?\*{3,}[^\s\"',;)}\]]*"
)
# Shorter keys are placeholders of endpoints that check none.
_MIN_KEY_CHARACTERS = 4
_CUT = "[cut]"


def message_text(body: object, depth: int = 0) -> str:
    """The words of an error's body, whatever form the endpoint gives them; empty if there are none."""
    if depth > _MAX_DEPTH:
        return ""
    if isinstance(body, str):
        return body[:_MAX_READ]
    if isinstance(body, Mapping):
        text = next(filter(None, (message_text(body.get(key), depth + 1) for key in _KEYS)), "")
        place, metadata = body.get("loc"), body.get("metadata")
        if isinstance(metadata, Mapping) and isinstance(metadata.get("raw"), str):
            # What the provider behind OpenRouter says, whose own message says nothing.
            text = f"{text}: {metadata['raw'][:_MAX_READ]}"
        return f"{'.'.join(map(str, place[:_MAX_ITEMS]))}: {text}" if isinstance(place, list) and text else text
    if isinstance(body, Sequence):
        return "; ".join(filter(None, (message_text(item, depth + 1) for item in body[:_MAX_ITEMS])))
    return ""


def without_secrets(text: str, key: str) -> str | None:
    """The text on one line of at most 300 characters, without control characters, the key and what looks like one;
    None if nothing is left."""
    visible = (
        " " if character.isspace() else character
        for character in text[:_MAX_READ]
        if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    line = " ".join("".join(visible).split())
    if len(key) >= _MIN_KEY_CHARACTERS:
        line = line.replace(key, _CUT)
    line = without_keys(_SECRETS.sub(_CUT, line))
    return (line if len(line) <= _MAX_CHARACTERS else line[: _MAX_CHARACTERS - 1] + "…") or None
