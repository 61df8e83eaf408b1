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
INVALID_ESCAPE = "invalid_escape"
PYTHON_LITERAL = "python_literal"

# An answer that repeats its object more often is refused, because reading it takes quadratic time.
_MAX_REPETITIONS = 10
# How models and their templates mark thoughts: <think>, [THINK], ◁think▷, and the channels of gpt-oss.
_TAGS = "think(?:ing)?|thoughts?|reasoning|reflection|analysis"
_THOUGHTS_BEGIN = re.compile(
    rf"\s*(?:<(?:{_TAGS})\b[^<>]*>|\[THINK\]|◁think▷|(?:<\|start\|>assistant)?<\|channel\|>analysis<\|message\|>)", re.I
)
_THOUGHTS_END = re.compile(rf"</(?:{_TAGS})>|\[/THINK\]|◁/think▷|<\|channel\|>final<\|message\|>", re.I)
_FENCE = re.compile(r"(?:```|~~~)\w*")
# Brackets in prose, such as [1] or {x}. What has quotation marks or colons in it may be JSON.
_PROSE_BRACKETS = re.compile(r'\[[^\[\]{}":]*\]|\{[^\[\]{}":]+\}')
_OBJECT_BEGIN = re.compile(r'\{(?![^\[\]{}":]+\})')
# The parts of an object that a repair looks at. Texts come first, so that the others are not in a text.
_TOKEN = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*+(?:"|\Z))|(?P<comma>,(?=\s*[}\]]))|(?P<literal>\b(?:True|False|None)\b)|(?P<brace>[{}])',
    re.DOTALL,
)
_LITERALS = {"True": "true", "False": "false", "None": "null"}
# A backslash with what belongs to it; the group has what JSON does not know after a backslash.
_ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt]|(.))', re.DOTALL)


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
    while begin := _OBJECT_BEGIN.search(rest):
        around += rest[: begin.start()]
        value, rest = _decode(rest[begin.start() :], repairs)
        values.append(value)
        if len(values) > _MAX_REPETITIONS:
            raise ValueError("too many objects")
    around += rest
    if not values or any(not _same(value, values[0]) for value in values):
        raise ValueError("not one object")
    if set("[]{}") & set(_PROSE_BRACKETS.sub("", around)) or _THOUGHTS_END.search(around):
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
    try:
        value, end = strict.raw_decode(text)
        return value, text[end:]
    except json.JSONDecodeError:
        end = _end_of_object(text)
        repaired = _repair(text[:end], repairs)
    try:
        return strict.decode(repaired), text[end:]
    except json.JSONDecodeError:
        lenient = json.JSONDecoder(object_pairs_hook=build_object, strict=False)
        value = lenient.decode(repaired)
    repairs.add(RAW_CONTROL_CHARACTER)
    return value, text[end:]


def _end_of_object(text: str) -> int:
    """Where the object at the beginning of the text ends."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if token["brace"] and not depth:
            return token.end()
    raise ValueError("an object without an end")


def _repair(text: str, repairs: set[str]) -> str:
    """The object without slips that can be meant in one way only."""

    def repair_escape(escape: re.Match[str]) -> str:
        if escape[1] is None:
            return escape[0]
        repairs.add(INVALID_ESCAPE)
        return "'" if escape[1] == "'" else "\\" + escape[0]

    def repair_token(token: re.Match[str]) -> str:
        if token["text"]:
            return _ESCAPE.sub(repair_escape, token[0])
        if token["comma"]:
            repairs.add(TRAILING_COMMA)
            return ""
        if token["literal"]:
            repairs.add(PYTHON_LITERAL)
            return _LITERALS[token[0]]
        return token[0]

    return _TOKEN.sub(repair_token, text)


def _same(first: Any, second: Any) -> bool:
    """Whether two JSON values are equal. Python also takes 1 and true for equal."""
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
