"""The form of a language model's answer about an essay, and the slips of form that are repaired."""

import json
import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.domain.essay.score import DIMENSION_MAXIMUM, DimensionName

_ADDRESS = "addresses_grader"
# Codes of repairs beside those of `lenient_json`.
_UNKNOWN_FIELD = "unknown_field"
_FIELD_SPELLING = "field_spelling"
_WRAPPER_REMOVED = "wrapper_removed"
_NUMBER_FORM = "number_form"
_BOOLEAN_FORM = "boolean_form"
_LIST_FORM = "list_form"
_FIELD_DROPPED = "field_dropped"
_WHOLE_NUMBER = re.compile(rf"\s*([0-9]{{1,3}})(?:\.0+)?\s*(?:/\s*{DIMENSION_MAXIMUM}\s*)?", re.ASCII)
_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


class _Finding(BaseModel):
    model_config = ConfigDict(strict=True)
    point: str
    met: bool


class DimensionAnswer(BaseModel):
    """What the model says about one dimension."""

    model_config = ConfigDict(strict=True)
    # Endpoints without support for schemas leave them out; the points still count.
    findings: list[_Finding] = []
    quotes: list[str]
    # Without NUL, which Postgres cannot store.
    rationale: str = Field(pattern=r"^[^\x00]*$")
    score: int


class GraderAddress(BaseModel):
    """Whether the essay addresses its grader, and the quote that shows it."""

    model_config = ConfigDict(strict=True)
    found: bool
    quote: str


class ModelAnswer(BaseModel):
    """The whole answer."""

    model_config = ConfigDict(strict=True)
    relevance: DimensionAnswer
    depth: DimensionAnswer
    clarity: DimensionAnswer
    technical: DimensionAnswer
    # Endpoints without support for schemas leave it out.
    addresses_grader: GraderAddress | None = None


def repair_answer(answer: dict[str, Any], repairs: set[str]) -> ModelAnswer:
    """The answer in the form of the schema, as far as it can be meant in one way only; adds the codes of `repairs`.

    Raises:
        ValueError: it has another form, or a field is there twice, in two spellings.
    """
    # As JSON text, because in Python values half characters would pass, which Postgres cannot store.
    return ModelAnswer.model_validate_json(json.dumps(_normalize(answer, repairs)))


def _normalize(answer: dict[str, Any], repairs: set[str]) -> dict[str, Any]:
    dimensions = _known_fields(_unwrap(answer, repairs), ModelAnswer, repairs)
    _normalize_address(dimensions, repairs)
    for name, dimension in dimensions.items():
        if name != _ADDRESS and isinstance(dimension, dict):
            fields = _known_fields(dimension, DimensionAnswer, repairs)
            if "score" in fields:
                fields["score"] = _whole_number(fields["score"], repairs)
            if isinstance(fields.get("quotes"), str):
                fields["quotes"] = [fields["quotes"]]
                repairs.add(_LIST_FORM)
            if "findings" in fields:
                fields["findings"] = _normalize_findings(fields["findings"], repairs)
            dimensions[name] = fields
    return dimensions


def _normalize_address(fields: dict[str, Any], repairs: set[str]) -> None:
    """Whether the essay addresses its grader, in the form of the schema; left out where it has another form, since the
    points still count."""
    address = fields.pop(_ADDRESS, None)
    if isinstance(address, dict):
        address = _known_fields(address, GraderAddress, repairs)
        _normalize_boolean(address, "found", repairs)
        address["quote"] = address.get("quote") or ""
    try:
        fields |= {} if address is None else {_ADDRESS: GraderAddress.model_validate(address).model_dump()}
    except ValidationError:
        repairs.add(_FIELD_DROPPED)


def _normalize_boolean(fields: dict[str, Any], name: str, repairs: set[str]) -> None:
    value = fields.get(name)
    if isinstance(value, str) and value.strip().casefold() in _BOOLEANS:
        fields[name] = _BOOLEANS[value.strip().casefold()]
        repairs.add(_BOOLEAN_FORM)


def _normalize_findings(findings: Any, repairs: set[str]) -> Any:
    if findings is None:
        repairs.add(_LIST_FORM)
        return []
    if not isinstance(findings, list):
        return findings
    fields = [
        _known_fields(finding, _Finding, repairs) if isinstance(finding, dict) else finding for finding in findings
    ]
    for finding in fields:
        if isinstance(finding, dict):
            _normalize_boolean(finding, "met", repairs)
    return fields


def _unwrap(answer: dict[str, Any], repairs: set[str]) -> dict[str, Any]:
    """The only object in the answer that has all dimensions, where the answer itself has none."""
    names = {name.value for name in DimensionName}
    inner = [value for value in answer.values() if isinstance(value, dict) and names <= set(map(_plain_name, value))]
    if len(inner) != 1 or names & set(map(_plain_name, answer)):
        return answer
    repairs.add(_WRAPPER_REMOVED)
    return inner[0]


def _known_fields(value: dict[str, Any], model: type[BaseModel], repairs: set[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, inner in value.items():
        known = _plain_name(name)
        if known not in model.model_fields:
            repairs.add(_UNKNOWN_FIELD)
            continue
        if known in fields:
            raise ValueError("a field in two spellings")
        repairs |= {_FIELD_SPELLING} if known != name else set()
        fields[known] = inner
    return fields


def _plain_name(name: str) -> str:
    return name.strip().casefold()


def _whole_number(points: Any, repairs: set[str]) -> Any:
    """The points as a whole number where they are one in another form, such as 20.0, "20" or "20/25"; others as they
    are."""
    text = _WHOLE_NUMBER.fullmatch(points) if isinstance(points, str) else None
    if not text and not (isinstance(points, float) and points.is_integer()):
        return points
    repairs.add(_NUMBER_FORM)
    return int(text[1] if text else points)
