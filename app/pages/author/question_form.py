"""The form of a question of each type: its fields, and the body that they make."""

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import count
from string import ascii_uppercase
from typing import Any

from app.domain.assessment.questions import (
    EssayQuestion,
    Option,
    ProfilePurpose,
    ProfileQuestion,
    QuestionBody,
    TheoreticalQuestion,
)
from app.domain.errors import InvalidFields
from app.domain.essay.score import DimensionName
from app.domain.recommendation.credentials import split_skills
from app.domain.states import QuestionType
from app.pages.author.question_changes import LABELS
from app.pages.form_values import FormValues, errors_by_field, number, number_text
from app.pages.forms import Form

_RUBRIC = tuple(f"rubric/{name}" for name in DimensionName)
_SCALE = ("scale/min", "scale/max")
_COMMON = ("version", "prompt", "weight", "skills", "pinned")
_NAMES: Mapping[QuestionType, tuple[str, ...]] = {
    QuestionType.THEORETICAL: (*_COMMON, "options", "correct_options", "partial_credit", "explanation"),
    QuestionType.PROFILE: (*_COMMON, "input", "purpose", "options", "scale", *_SCALE),
    QuestionType.ESSAY: (*_COMMON, "model_answer", "rubric", *_RUBRIC, "max_characters"),
}
NEW_QUESTION = FormValues({"weight": "1", "max_characters": "20000", "purpose": ProfilePurpose.OTHER})
_OPTION = re.compile(r"options/(\d{1,3})/text")
# Rows for options: at least so many, and so many more when one asks for them.
_LEAST_ROWS = 4
_MORE_ROWS = 4
_MOST_ROWS = 50


def question_values(body: QuestionBody) -> FormValues:
    """The form of a question that exists."""
    texts = {
        "prompt": body.prompt,
        "weight": number_text(body.weight),
        "skills": "\n".join(body.skills),
        "pinned": "yes" if body.pinned else "",
    }
    match body:
        case TheoreticalQuestion():
            texts |= _option_texts(body.options, body.correct_options)
            texts |= {"partial_credit": "yes" if body.partial_credit else "", "explanation": body.explanation}
        case ProfileQuestion():
            texts |= _option_texts(body.options, ()) | {"input": body.input, "purpose": body.purpose}
            if body.scale:
                texts |= {"scale/min": str(body.scale.min), "scale/max": str(body.scale.max)}
        case EssayQuestion():
            texts |= {"model_answer": body.model_answer, "max_characters": str(body.max_characters)}
            texts |= {f"rubric/{name}": getattr(body.rubric, name) for name in DimensionName}
    return FormValues(texts)


def question_fields(kind: QuestionType, form: Form) -> dict[str, Any]:
    """The fields of the question that was typed, to be validated. Options without a text are left out."""
    common = {
        "type": kind,
        "prompt": form.get("prompt", "").strip("\n"),
        "weight": number(form.get("weight", "")),
        "skills": split_skills(form.get("skills", "")),
        "pinned": "pinned" in form,
    }
    rows = list(_typed_options(form))
    options = [{"id": row["id"], "text": row["text"]} for row in rows]
    match kind:
        case QuestionType.THEORETICAL:
            return common | {
                "options": options,
                "correct_options": [row["id"] for row in rows if row["correct"]],
                "partial_credit": "partial_credit" in form,
                "explanation": form.get("explanation", ""),
            }
        case QuestionType.PROFILE:
            ends = {name: number(form[f"scale/{name}"]) for name in ("min", "max") if form.get(f"scale/{name}")}
            described = {"input": form.get("input", ""), "purpose": form.get("purpose", "")}
            return common | described | {"options": options, "scale": ends or None}
        case QuestionType.ESSAY:
            return common | {
                "model_answer": form.get("model_answer", "").strip("\n"),
                "rubric": {name: form.get(f"rubric/{name}", "").strip("\n") for name in DimensionName},
                "max_characters": number(form.get("max_characters", "")),
            }


def typed_question(kind: QuestionType, form: Form, error: InvalidFields | None = None) -> FormValues:
    """The form as it was typed, with what is wrong. Options are numbered anew without the empty ones."""
    texts = {name: form.get(name, "") for name in _NAMES[kind]}
    for place, row in enumerate(_typed_options(form)):
        texts |= {f"options/{place}/{name}": text for name, text in row.items()}
    if not error:
        return FormValues(texts)
    options = _option_names(texts)
    labels = LABELS | {name: f"Option {place}" for place, name in enumerate(options, 1)}
    return FormValues(texts, errors_by_field(error, [*_NAMES[kind], *options]), labels)


def option_rows(values: FormValues, *, more: bool = False) -> range:
    """The numbers of the form's rows for options: those that have a text, and empty ones."""
    filled = sum(name.endswith("/text") for name in _option_names(values.texts))
    return range(min(_MOST_ROWS, max(_LEAST_ROWS, filled + (_MORE_ROWS if more else 1))))


def _option_names(texts: Collection[str]) -> list[str]:
    return [name for name in texts if _OPTION.fullmatch(name)]


def _option_texts(options: tuple[Option, ...], correct: Collection[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for place, option in enumerate(options):
        right = "yes" if option.id in correct else ""
        texts |= {
            f"options/{place}/id": option.id,
            f"options/{place}/text": option.text,
            f"options/{place}/correct": right,
        }
    return texts


def _typed_options(form: Form) -> Iterator[dict[str, str]]:
    """The rows that have a text. A new one gets the first letter, or then number, that no option has."""
    places = sorted({int(match[1]) for name in form if (match := _OPTION.fullmatch(name))})
    filled = [place for place in places if form.get(f"options/{place}/text", "").strip()]
    present = {form.get(f"options/{place}/id", "") for place in filled}
    free = (name for name in _option_ids() if name not in present)
    for place in filled:
        yield {
            "id": form.get(f"options/{place}/id") or next(free),
            "text": form[f"options/{place}/text"],
            "correct": form.get(f"options/{place}/correct", ""),
        }


def _option_ids() -> Iterator[str]:
    yield from ascii_uppercase
    yield from map(str, count(1))
