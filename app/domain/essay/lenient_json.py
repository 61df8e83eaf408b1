"""Reads the one JSON object in a language model's answer, whatever is around it.

Only what can be meant in one way is repaired. Libraries for this also complete what was cut off and take the last of
several values, so that points would be made up.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

# The codes of repairs.
THOUGHTS_REMOVED = "thoughts_removed"
FENCE_REMOVED = "fence_removed"
PROSE_REMOVED = "prose_removed"
REPEATED_OBJECT = "repeated_object"
REPEATED_KEY = "repeated_key"
RAW_CONTROL_CHARACTER = "raw_control_character"
TRAILING_COMMA = "trailing_comma"

# An answer that repeats its object more often is refused, because reading it takes quadratic time.
_MAX_REPETITIONS = 10
_THOUGHTS_BEGIN = re.compile(r"\s*<think(?:ing)?>")
_THOUGHTS_END = re.compile(r"</think(?:ing)?>")
_FENCE = re.compile(r"(?:```|~~~)\w*")
# A string, which stays, or a comma before the end of an object or array.
_STRING_OR_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+(?:"|\Z))|,(?=\s*[}\]])', re.DOTALL)


@dataclass(frozen=True)
class JsonAnswer:
    """The object, the answer without the thoughts before it, and the codes of what was repaired."""

    value: dict[str, Any]
    text: str
    repairs: frozenset[str]


def read_json_object(text: str) -> JsonAnswer:
    """The only JSON object in a text.

    Raises:
        ValueError: there is none, or several different ones, or it can be read in several ways.
    """
    text = text.removeprefix("\ufeff")
    thinks = _THOUGHTS_BEGIN.match(text)
    ends = list(_THOUGHTS_END.finditer(text))
    if not thinks:
        try:
            return _read(text)
        except ValueError:
            # Some servers leave out where the thoughts begin.
            if len(ends) != 1:
                raise
    if not ends:
        raise ValueError("thoughts without an end")
    answer = _read(text[ends[0].end() :])
    return JsonAnswer(answer.value, answer.text, answer.repairs | {THOUGHTS_REMOVED})


def _read(text: str) -> JsonAnswer:
    repairs: set[str] = set()
    values, around, rest = [], "", text
    while (start := rest.find("{")) >= 0:
        around += rest[:start]
        value, rest = _decode(rest[start:], repairs)
        values.append(value)
        if len(values) > _MAX_REPETITIONS:
            raise ValueError("too many objects")
    around += rest
    if not values or any(not _same(value, values[0]) for value in values):
        raise ValueError("not one object")
    if set("[]}") & set(around) or _THOUGHTS_END.search(around):
        raise ValueError("an object among other JSON or among thoughts")
    repairs |= {REPEATED_OBJECT} if len(values) > 1 else set()
    repairs |= {FENCE_REMOVED} if _FENCE.search(around) else set()
    repairs |= {PROSE_REMOVED} if _FENCE.sub("", around).strip() else set()
    return JsonAnswer(values[0], text, frozenset(repairs))


def _decode(text: str, repairs: set[str]) -> tuple[dict[str, Any], str]:
    """The object at the beginning of the text, and the text after it."""

    def build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key, inner in pairs:
            if key in value:
                repairs.add(REPEATED_KEY)
                if not _same(value[key], inner):
                    raise ValueError("a key with several values")
            value[key] = inner
        return value

    strict = json.JSONDecoder(object_pairs_hook=build_object)
    lenient = json.JSONDecoder(object_pairs_hook=build_object, strict=False)
    without_commas = _STRING_OR_TRAILING_COMMA.sub(lambda match: match[1] or "", text)
    for decoder, version, code in (
        (strict, text, None),
        (strict, without_commas, TRAILING_COMMA),
        (lenient, text, RAW_CONTROL_CHARACTER),
    ):
        try:
            value, end = decoder.raw_decode(version)
        except json.JSONDecodeError:
            continue
        repairs |= {code} if code else set()
        return value, version[end:]
    value, end = lenient.raw_decode(without_commas)
    repairs |= {TRAILING_COMMA, RAW_CONTROL_CHARACTER}
    return value, without_commas[end:]


def _same(first: Any, second: Any) -> bool:
    """Whether two JSON values are equal. Python also takes 1 and true for equal."""
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
