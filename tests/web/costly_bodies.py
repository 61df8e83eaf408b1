"""Bodies of up to a mebibyte that are made to keep a server busy, and what handlers do with a body."""

import json
from collections.abc import Mapping
from uuid import UUID

from pydantic import BaseModel

from app.domain.assessment.answers import validate_responses
from app.domain.assessment.questions import Question
from app.domain.body_validation import validate_body
from app.domain.errors import CallerError
from app.schemas.requests import SubmitBody
from app.services.idempotency import IdempotentRequest
from app.web import strict_json
from app.web.strict_json import BadJson
from tests.bank import essay

_MIB = 1024 * 1024
_LONG_ESSAY = essay().model_copy(update={"max_characters": 20_000})
_IDS = [UUID(int=number) for number in range(300)]
_QUESTIONS = {each: Question(question_id=each, version=1, body=_LONG_ESSAY) for each in _IDS}


def handle_body(raw: bytes, model: type[BaseModel]) -> None:
    """What handlers do with a body before they read the database."""
    try:
        payload = strict_json.parse(raw)
        body = validate_body(model, payload) if isinstance(payload, dict) else None
        if isinstance(body, SubmitBody):
            validate_responses([(response.question_id, response.answer) for response in body.responses], _QUESTIONS)
    except (BadJson, CallerError):
        return
    assert IdempotentRequest(None, payload).fingerprint


def _list_of(item: bytes, size: int = _MIB - 100) -> bytes:
    """A list with as many of these items as fit into so many bytes."""
    return b"[" + b",".join([item] * ((size - 2) // (len(item) + 1))) + b"]"


def _in_text(piece: bytes) -> bytes:
    """A text of almost a mebibyte."""
    return b'{"track":"' + piece * ((_MIB - 100) // len(piece)) + b'"}'


def _in_responses(value: bytes) -> bytes:
    return b'{"responses":' + value + b"}"


def _answers(answer: object, count: int) -> bytes:
    responses = [{"question_id": str(question_id), "answer": answer} for question_id in _IDS[:count]]
    return json.dumps({"responses": responses}, ensure_ascii=False).encode()


def costly_bodies() -> Mapping[str, bytes]:
    """The bodies by name."""
    first = b'{"responses":[{"question_id":"%s","answer":' % str(_IDS[0]).encode()
    pairs = [b'"key-%d":9e307' % number for number in range(10)]
    long_pairs = [b'"' + b"k" * 200 + b'%d":9e307' % number for number in range(10)]
    bodies = {
        "large numbers": _list_of(b"9e307"),
        "large numbers in an answer": first + _list_of(b"9e307") + b"}]}",
        "integers": _list_of(b"9"),
        "empty lists": _list_of(b"[]"),
        "nested lists": _list_of(b"[" * 18 + b"]" * 18),
        "wide nested lists": _in_responses(_list_of(_list_of(b"0", 1000))),
        "empty objects": _list_of(b"{}"),
        "objects": _in_responses(_list_of(b'{"a":1}')),
        "keys": b"{" + b",".join(b'"k%d":1' % number for number in range(90_000)) + b"}",
        "one key again and again": b"{" + b",".join([b'"k":1'] * 150_000) + b"}",
        "empty texts": _list_of(b'""'),
        "texts without commas": b'""' * 500_000,
        "escapes": _in_text(rb"\u0041"),
        "escaped pairs": _in_text(rb"\ud83c\udf39"),
        "escaped halves of pairs": _in_text(rb"\ud800"),
        "backslashes": _in_text(rb"\\"),
        "quotation marks": _in_text(rb"\""),
        "a long text": _in_text(b"a"),
        "a long text that is not ASCII": _in_text("\u200b".encode()),
        "a long key": b'{"' + b"k" * 1_000_000 + b'":1}',
        "a long integer": b'{"track":' + b"9" * 1_000_000 + b"}",
        "a long fraction": b'{"track":0.' + b"9" * 1_000_000 + b"}",
        "a long exponent": b'{"track":1e' + b"9" * 1_000_000 + b"}",
        "a long integer with an exponent": b'{"track":' + b"1" * 1_000_000 + b"e-1000000}",
        "white space": b" " * 1_000_000 + b"{}",
        "open lists": b"[" * 1_000_000,
        "open objects": b'{"a":' * 200_000,
        "an open text": b'"' + rb"\"" * 500_000,
        "as many numbers as permitted": _in_responses(_list_of(_list_of(b"9e307", 300), 100_000)),
        "as many keys as permitted": _in_responses(_list_of(b"{" + b",".join(pairs) + b"}", 70_000)),
        "as many long keys as permitted": _in_responses(_list_of(b"{" + b",".join(long_pairs) + b"}")),
        "as many choices as permitted": _answers(["x"] * 15, 300),
        "answers that cannot be seen": _answers("\u200b" * 20_000, 16),
        "blank answers": _answers(" " * 20_000, 50),
        "one blank answer": _answers(" " * 1_000_000, 1),
        "essays": _answers("word " * 4_000, 50),
        "NULs": _answers("\0" * 500, 300),
    }
    assert all(len(raw) <= _MIB for raw in bodies.values())
    return bodies
