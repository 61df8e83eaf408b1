"""Idempotency keys: valid headers, and which payloads have the same fingerprint."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.idempotency import fingerprint, parse_key
from tests.domain.builders import quick

# A body has no integers of more than 63 bits.
_LEAVES = st.sampled_from(
    [None, True, False, 0, 1, -1, 0.0, -0.0, 1.0, 0.5, 2.0**62, 2**62, 1e22, 9e307, "", "1", "true", "null", "é"]
)
_values = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("abc", "abc"),
        ('"abc"', "abc"),
        (' "abc"\t', "abc"),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        (r'"a\"b\\c"', r'a"b\c'),
        (r"a\b", r"a\b"),
        ("!~", "!~"),
        ("x", "x"),
        ("x" * 255, "x" * 255),
        (f'"{"x" * 255}"', "x" * 255),
        ('"' + r"\"" * 255 + '"', '"' * 255),
    ],
)
def test_a_key_may_be_quoted_or_bare(header: str, key: str) -> None:
    assert parse_key(header) == key


@pytest.mark.parametrize(
    "header",
    [
        "",
        '""',
        " ",
        '"',
        '"abc',
        '"a"b"',
        '"abc";v=1',
        '"abc", "def"',
        r'"a\b"',
        '"abc\\"',
        "a b",
        '"a b"',
        "schlüssel",
        '"schlüssel"',
        "a\x7f",
        "a\x00",
        "abc\n",
        "\u00a0abc",
        "x" * 256,
        f'"{"x" * 256}"',
    ],
)
def test_a_malformed_key_is_refused(header: str) -> None:
    assert parse_key(header) is None


def same(left: Any, right: Any) -> bool:
    """JSON equality: booleans are not numbers, and numbers are equal by value."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


@quick
@given(_values, _values)
def test_fingerprints_are_equal_for_equal_json_values_only(left: Any, right: Any) -> None:
    left, right = [left], [right]
    assert (fingerprint(left) == fingerprint(right)) == same(left, right)


@quick
@given(_values)
def test_the_order_of_keys_and_the_spelling_of_numbers_do_not_matter(value: Any) -> None:
    assert fingerprint([respelled(value)]) == fingerprint([value])


def respelled(value: Any) -> Any:
    """The same JSON value with its keys in reverse order and whole numbers as floats."""
    if isinstance(value, dict):
        return {key: respelled(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [respelled(inner) for inner in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def test_no_body_has_the_fingerprint_of_an_empty_object() -> None:
    assert fingerprint(None) == fingerprint({})


@pytest.mark.parametrize("payload", [[], "", 0, False, {"responses": []}, [None]])
def test_no_other_payload_has_the_fingerprint_of_an_empty_object(payload: Any) -> None:
    assert fingerprint(payload) != fingerprint({})


def test_the_order_of_a_list_matters() -> None:
    assert fingerprint([1, 2]) != fingerprint([2, 1])


def test_lone_surrogates_have_a_fingerprint() -> None:
    assert fingerprint("\ud800") != fingerprint("\udfff")


def test_ids_are_compared_as_ids_and_texts_as_texts() -> None:
    lower = "8e03978e-40d5-43dd-bc93-6894a57f9324"
    spellings = (lower, lower.upper(), lower.replace("-", ""), f"urn:uuid:{lower}")
    assert len({fingerprint({"responses": [{"question_id": text}]}) for text in spellings}) == 1
    assert len({fingerprint({"answer": text}) for text in spellings}) == len(spellings)
    assert fingerprint({"track_id": "A"}) != fingerprint({"track_id": "a"})
