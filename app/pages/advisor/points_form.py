"""Reading the form with a person's points and the reason."""

import re
from collections.abc import Mapping

from app.domain.assessment.questions import EssayQuestion, Question
from app.domain.body_validation import validate_body
from app.domain.errors import FieldError, InvalidFields
from app.domain.essay.score import DIMENSION_MAXIMUM, DimensionName
from app.domain.states import AppealDecision
from app.pages.forms import Form, field_errors
from app.pages.rendering import points
from app.schemas.requests import AppealAnswerBody, DimensionsOverrideBody, OverrideBody
from app.services.results.appeals import AppealAnswer
from app.services.results.override import DimensionsOverride, Review, ScoreOverride

_WHOLE = re.compile(r"[0-9]{1,3}")
_NUMBER = re.compile(r"[0-9]{1,9}(?:[.,][0-9]{1,9})?")
_MAX_REASON = 2000
# Where the services name a field otherwise than the form does.
_NAMES = {"/score": "total", "/reason": "reason", "/reply": "reason", "/decision": "decision"} | {
    f"/dimensions/{name}": str(name) for name in DimensionName
}


def read_points(question: Question, form: Form, by: str, *, keeps: bool) -> Review:
    """The points that the form gives, by dimension or in total. With `keeps`, dimensions that are left out keep theirs.

    Raises:
        InvalidFields: something is missing or wrong.
    """
    dimensions, total = _points(question, form)
    errors = [*_point_errors(question, dimensions, total), *_reason_errors(form)]
    if dimensions and not keeps:
        errors += [
            FieldError(f"/dimensions/{name}", "Give points in every dimension, or in total.")
            for name in DimensionName
            if name not in dimensions
        ]
    if errors:
        raise InvalidFields(errors)
    reason = form["reason"].strip()
    if dimensions:
        values = {name: int(text) for name, text in dimensions.items()}
        by_dimension = validate_body(DimensionsOverrideBody, {"dimensions": values, "reason": reason})
        return DimensionsOverride(question, by_dimension.dimensions, by_dimension.reason, by)
    body = validate_body(OverrideBody, {"score": _number(total), "reason": reason})
    return ScoreOverride(question, body.score, body.reason, by)


def read_appeal_answer(question: Question, form: Form, by: str) -> AppealAnswer:
    """The answer to an appeal that the form gives.

    Raises:
        InvalidFields: something is missing or wrong.
    """
    (dimensions, total), decision = _points(question, form), form.get("decision", "")
    errors = _reason_errors(form)
    if decision == AppealDecision.CHANGED:
        errors += _point_errors(question, dimensions, total)
    elif decision != AppealDecision.UPHELD:
        errors.append(FieldError("/decision", "Decide whether the points stay."))
    elif dimensions or total:
        errors.append(FieldError("/decision", "You have typed new points; decide to change them, or clear them."))
    if errors:
        raise InvalidFields(errors)
    payload: dict[str, object] = {"decision": decision, "reply": form["reason"].strip()}
    if dimensions:
        payload["dimensions"] = {name: int(text) for name, text in dimensions.items()}
    elif total:
        payload["score"] = _number(total)
    body = validate_body(AppealAnswerBody, payload)
    return AppealAnswer(by, body.decision, body.reply, body.score, body.dimensions)


def shown_errors(error: InvalidFields) -> Mapping[str, str]:
    """What is wrong, by the names of the form's fields."""
    return {_NAMES.get(pointer, "total"): detail for pointer, detail in field_errors(error).items()}


def _points(question: Question, form: Form) -> tuple[dict[str, str], str]:
    """What was typed as points, by dimension and in total."""
    names = tuple(DimensionName) if isinstance(question.body, EssayQuestion) else ()
    typed = {str(name): form.get(name, "").strip() for name in names}
    return {name: text for name, text in typed.items() if text}, form.get("total", "").strip()


def _point_errors(question: Question, dimensions: Mapping[str, str], total: str) -> list[FieldError]:
    if dimensions and total:
        return [FieldError("/score", "Give points by dimension or in total, not both.")]
    if dimensions:
        return [
            FieldError(f"/dimensions/{name}", f"Give a whole number from 0 to {DIMENSION_MAXIMUM}.")
            for name, text in dimensions.items()
            if not _WHOLE.fullmatch(text) or int(text) > DIMENSION_MAXIMUM
        ]
    if not _NUMBER.fullmatch(total) or _number(total) > question.body.weight:
        return [FieldError("/score", f"Give points from 0 to {points(question.body.weight)}.")]
    return []


def _reason_errors(form: Form) -> list[FieldError]:
    reason = form.get("reason", "").strip()
    if reason and len(reason) <= _MAX_REASON:
        return []
    return [FieldError("/reason", f"Say why, in up to {_MAX_REASON} characters; the student reads it.")]


def _number(text: str) -> float:
    return float(text.replace(",", "."))
