"""Bodies validated against their models, with a pointer to each error."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import AfterValidator, Field

from app.domain.body_validation import merge_body, validate_body
from app.domain.errors import InvalidFields
from app.domain.values import Frozen


class Colour(StrEnum):
    RED = "red"


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("must be even")
    return value


class Part(Frozen):
    id: UUID
    size: Annotated[int, AfterValidator(_even)] = 0


class Sample(Frozen):
    colour: Colour
    weight: float = 1.0
    parts: tuple[Part, ...] = ()
    notes: dict[str, int] = Field(default_factory=dict)


_ID = "00000000-0000-0000-0000-000000000001"


def errors(value: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidFields) as caught:
        validate_body(Sample, value)
    return [(error.pointer, error.detail) for error in caught.value.errors]


def test_a_json_value_becomes_its_model() -> None:
    body = {"colour": "red", "weight": 2, "parts": [{"id": _ID, "size": 4}], "notes": {"a": 1}}
    part = Part(id=UUID(_ID), size=4)
    assert validate_body(Sample, body) == Sample(colour=Colour.RED, weight=2.0, parts=(part,), notes={"a": 1})


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"colour": "blue"}, "/colour"),
        ({"colour": None}, "/colour"),
        ({"weight": "1"}, "/weight"),
        ({"weight": True}, "/weight"),
        ({"surprise": 1}, "/surprise"),
        ({"parts": {}}, "/parts"),
        ({"parts": [{"id": _ID}, {"id": "x"}]}, "/parts/1/id"),
        ({"parts": [{}]}, "/parts/0/id"),
        ({"notes": {"a/b": "x"}}, "/notes/a~1b"),
        ({"notes": {"m~n": "x"}}, "/notes/m~0n"),
        ({"notes": {"~1": "x"}}, "/notes/~01"),
        ({"notes": {"": "x"}}, "/notes/"),
        ({"a/~b": 1}, "/a~1~0b"),
    ],
)
def test_an_error_has_a_json_pointer(changes: dict[str, Any], pointer: str) -> None:
    assert [actual for actual, _ in errors({"colour": "red"} | changes)] == [pointer]


@pytest.mark.parametrize("value", [None, [], "red", 1])
def test_a_body_that_is_no_object_gets_the_pointer_of_the_whole(value: Any) -> None:
    assert [pointer for pointer, _ in errors(value)] == [""]


def test_all_errors_are_reported_together() -> None:
    assert [pointer for pointer, _ in errors({"weight": "1", "surprise": 1})] == ["/colour", "/weight", "/surprise"]


def test_the_message_of_a_custom_validator_is_kept() -> None:
    assert errors({"colour": "red", "parts": [{"id": _ID, "size": 3}]}) == [("/parts/0/size", "must be even")]


def test_changes_replace_present_fields() -> None:
    present = Sample(colour=Colour.RED, weight=2.0, notes={"a": 1})
    assert merge_body(Sample, present, {"notes": {"b": 2}}) == Sample(colour=Colour.RED, weight=2.0, notes={"b": 2})
    assert merge_body(Sample, present, {}) == present


@pytest.mark.parametrize("changes", [{"colour": "blue"}, {"surprise": 1}, {"weight": None}])
def test_changes_are_validated_together_with_the_present_fields(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidFields) as caught:
        merge_body(Sample, Sample(colour=Colour.RED), changes)
    assert [error.pointer for error in caught.value.errors] == [f"/{name}" for name in changes]


def test_a_fixed_field_may_be_repeated_but_not_changed() -> None:
    present = Sample(colour=Colour.RED, weight=2.0)
    assert merge_body(Sample, present, {"weight": 2.0}, fixed=("weight",)) == present
    with pytest.raises(InvalidFields) as caught:
        merge_body(Sample, present, {"weight": 3.0}, fixed=("weight", "colour"))
    assert [error.pointer for error in caught.value.errors] == ["/weight"]
