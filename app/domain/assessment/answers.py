"""Answers: which ones fit a question, and which are none at all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.domain.assessment.questions import (
    EssayQuestion,
    Option,
    ProfileInput,
    ProfileQuestion,
    Question,
    QuestionBody,
    TheoreticalQuestion,
)
from app.domain.errors import FieldError, InvalidFields
from app.domain.text import is_visible

# An option id, a list of them, a number or a text; None is no answer.
Answer = str | int | float | tuple[str, ...] | None
_TEXT_LIMIT = 20_000
# Below this a double still tells whole numbers apart.
_NUMBER_LIMIT = 10**15


@dataclass(frozen=True, slots=True)
class Response:
    """What was answered to one question; `answer` None takes back what was saved."""

    question_id: UUID
    answer: Answer


def fitting(responses: Sequence[tuple[UUID, Any]], questions: Mapping[UUID, Question]) -> tuple[Response, ...]:
    """The responses with their answers checked.

    Raises:
        InvalidFields: with a pointer for each response that does not fit.
    """
    errors: list[FieldError] = []
    checked: dict[UUID, Response] = {}
    for position, (question_id, answer) in enumerate(responses):
        pointer = f"/responses/{position}"
        if question_id not in questions:
            errors.append(FieldError(f"{pointer}/question_id", "the assessment does not have this question"))
        elif question_id in checked:
            errors.append(FieldError(f"{pointer}/question_id", "the question is answered twice in this body"))
        else:
            body = questions[question_id].body
            normal = tuple(answer) if isinstance(answer, list) else answer
            checked[question_id] = Response(question_id, normal if not is_empty(normal) else None)
            errors += [FieldError(f"{pointer}/answer{at}", why) for at, why in _misfits(body, normal)]
    if errors:
        raise InvalidFields(errors)
    return tuple(checked.values())


def is_empty(answer: Any) -> bool:
    """Whether this is no answer: null, a text in which nothing can be seen, an empty list."""
    return answer is None or answer == () or (isinstance(answer, str) and not is_visible(answer))


def _misfits(body: QuestionBody, answer: Any) -> Iterable[tuple[str, str]]:
    """Where (relative pointer) and why the answer does not fit; nothing where it does."""
    if answer in (None, "", ()):
        return ()
    match body:
        case TheoreticalQuestion():
            return _choice_misfits(answer, body.options, (str, tuple), "an option id or a list of them")
        case ProfileQuestion():
            return _profile_misfits(body, answer)
        case EssayQuestion():
            return _text_misfits(answer, body.max_characters)


def _profile_misfits(body: ProfileQuestion, answer: Any) -> Iterable[tuple[str, str]]:
    match body.input:
        case ProfileInput.SINGLE:
            return _choice_misfits(answer, body.options, (str,), "an option id")
        case ProfileInput.MULTIPLE:
            return _choice_misfits(answer, body.options, (tuple,), "a list of option ids")
        case ProfileInput.TEXT:
            return _text_misfits(answer, _TEXT_LIMIT)
        case ProfileInput.NUMBER | ProfileInput.SCALE:
            return _number_misfits(body, answer)


def _choice_misfits(
    answer: Any, options: Sequence[Option], shapes: tuple[type, ...], expected: str
) -> Iterable[tuple[str, str]]:
    if type(answer) not in shapes:
        return [("", f"must be {expected}")]
    known = {option.id for option in options}
    if isinstance(answer, str):
        return () if answer in known else [("", "there is no such option")]
    strange = [i for i, chosen in enumerate(answer) if not isinstance(chosen, str) or chosen not in known]
    if not strange and len(set(answer)) != len(answer):
        return [("", "an option is named twice")]
    return [(f"/{i}", "there is no such option") for i in strange]


def _text_misfits(answer: Any, limit: int) -> Iterable[tuple[str, str]]:
    if not isinstance(answer, str):
        return [("", "must be a text")]
    return [("", f"is longer than {limit} characters")] if len(answer) > limit else ()


def _number_misfits(body: ProfileQuestion, answer: Any) -> Iterable[tuple[str, str]]:
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return [("", "must be a number")]
    if not abs(answer) <= _NUMBER_LIMIT:
        return [("", "is too large")]
    if body.scale and not (body.scale.min <= answer <= body.scale.max and answer == int(answer)):
        return [("", f"must be a whole number from {body.scale.min} to {body.scale.max}")]
    return ()
