"""Validating answers against their questions, and telling empty answers from others."""

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

# An option id, several of them, a number or a text; None means no answer.
Answer = str | int | float | tuple[str, ...] | None
_MAX_CHARACTERS = 20_000
# Up to here a double represents every whole number exactly.
_MAX_NUMBER = 10**15


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to one question; None deletes the saved answer."""

    question_id: UUID
    answer: Answer


def validate_responses(
    responses: Sequence[tuple[UUID, Any]], questions: Mapping[UUID, Question]
) -> tuple[Response, ...]:
    """The responses with validated answers; empty answers become None.

    Raises:
        InvalidFields: with a pointer to each response that does not fit its question.
    """
    errors: list[FieldError] = []
    validated: dict[UUID, Response] = {}
    for position, (question_id, answer) in enumerate(responses):
        pointer = f"/responses/{position}"
        if question_id not in questions:
            errors.append(FieldError(f"{pointer}/question_id", "the assessment does not have this question"))
        elif question_id in validated:
            errors.append(FieldError(f"{pointer}/question_id", "the question is answered twice in this body"))
        else:
            body = questions[question_id].body
            value = tuple(answer) if isinstance(answer, list) else answer
            problems = list(_problems(body, value))
            errors += [FieldError(f"{pointer}/answer{suffix}", detail) for suffix, detail in problems]
            # A text that is too long is not searched for something visible.
            validated[question_id] = Response(question_id, None if not problems and is_empty(value) else value)
    if errors:
        raise InvalidFields(errors)
    return tuple(validated.values())


def is_empty(answer: Any) -> bool:
    """Whether this counts as no answer: null, a text without visible characters, an empty list."""
    return answer is None or answer == () or (isinstance(answer, str) and not is_visible(answer))


def _problems(body: QuestionBody, answer: Any) -> Iterable[tuple[str, str]]:
    """What is wrong with the answer, as pairs of a JSON Pointer relative to it and a detail; empty if nothing is."""
    if answer in (None, "", ()):
        return ()
    match body:
        case TheoreticalQuestion():
            return _choice_problems(answer, body.options, (str, tuple), "an option id or a list of them")
        case ProfileQuestion():
            return _profile_problems(body, answer)
        case EssayQuestion():
            return _text_problems(answer, body.max_characters)


def _profile_problems(body: ProfileQuestion, answer: Any) -> Iterable[tuple[str, str]]:
    match body.input:
        case ProfileInput.SINGLE:
            return _choice_problems(answer, body.options, (str,), "an option id")
        case ProfileInput.MULTIPLE:
            return _choice_problems(answer, body.options, (tuple,), "a list of option ids")
        case ProfileInput.TEXT:
            return _text_problems(answer, _MAX_CHARACTERS)
        case ProfileInput.NUMBER | ProfileInput.SCALE:
            return _number_problems(body, answer)


def _choice_problems(
    answer: Any, options: Sequence[Option], types: tuple[type, ...], expected: str
) -> Iterable[tuple[str, str]]:
    if type(answer) not in types:
        return [("", f"must be {expected}")]
    known = {option.id for option in options}
    if isinstance(answer, str):
        return () if answer in known else [("", "there is no such option")]
    unknown = [i for i, chosen in enumerate(answer) if not isinstance(chosen, str) or chosen not in known]
    if not unknown and len(set(answer)) != len(answer):
        return [("", "an option is named twice")]
    return [(f"/{i}", "there is no such option") for i in unknown]


def _text_problems(answer: Any, limit: int) -> Iterable[tuple[str, str]]:
    if not isinstance(answer, str):
        return [("", "must be a text")]
    return [("", f"is longer than {limit} characters")] if len(answer) > limit else ()


def _number_problems(body: ProfileQuestion, answer: Any) -> Iterable[tuple[str, str]]:
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return [("", "must be a number")]
    if not abs(answer) <= _MAX_NUMBER:
        return [("", "is too large")]
    if body.scale and not (body.scale.min <= answer <= body.scale.max and answer == int(answer)):
        return [("", f"must be a whole number from {body.scale.min} to {body.scale.max}")]
    return ()
