"""Questions: what authors may write, and what students may see."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.assessment.questions import (
    BODY_OF_TYPE,
    EssayQuestion,
    Option,
    ProfileInput,
    ProfileQuestion,
    QuestionBody,
    Scale,
    TheoreticalQuestion,
    for_student,
    question_body,
)
from app.domain.states import QuestionType
from tests.bank import QUESTIONS, SECRET_EXPLANATION, SECRET_MODEL_ANSWER, SECRET_RUBRIC, essay, profile, theory
from tests.domain.builders import make_question

# The documented fields of a question in `GET /assessments/{id}`.
_SHOWN = {"question_id", "version", "type", "prompt", "options", "input", "scale", "max_characters", "weight"}
_SECRETS = (SECRET_EXPLANATION, SECRET_MODEL_ANSWER, SECRET_RUBRIC)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_student_sees_no_key_model_answer_rubric_or_explanation(name: str) -> None:
    shown = for_student(make_question(QUESTIONS[name])).model_dump_json()
    assert not [secret for secret in _SECRETS if secret in shown]


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_student_sees_exactly_the_documented_fields(name: str) -> None:
    assert set(for_student(make_question(QUESTIONS[name])).model_dump()) == _SHOWN


def test_questions_that_differ_only_in_their_key_look_the_same_to_a_student() -> None:
    assert for_student(make_question(theory(("A",)))) == for_student(make_question(theory(("B", "C"), partial=True)))


def test_a_student_sees_what_is_needed_to_answer() -> None:
    choice, scale, text = (
        for_student(make_question(body)) for body in (theory(("A",)), profile(ProfileInput.SCALE), essay())
    )
    assert [option.id for option in choice.options] == ["A", "B", "C"]
    assert (scale.input, scale.scale) == (ProfileInput.SCALE, Scale(min=1, max=5))
    assert (text.type, text.max_characters, text.weight) == (QuestionType.ESSAY, 2000, 1.0)


def theory_with(**changes: Any) -> TheoreticalQuestion:
    fields = {"prompt": "Which?", "options": [{"id": "A", "text": "Sand"}], "correct_options": ["A"]}
    return TheoreticalQuestion.model_validate(fields | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"correct_options": []},
        {"correct_options": ["B"]},
        {"correct_options": ["A", "A"]},
        {"options": []},
        {"options": [{"id": "A", "text": "Sand"}, {"id": "A", "text": "Clay"}]},
        {"weight": -1},
        {"weight": 1e-7},
        {"weight": float("inf")},
        {"weight": 1001},
        {"prompt": ""},
        {"prompt": "x" * 20_001},
        {"skills": ["s"] * 51},
        {"skills": ["x" * 65]},
        {"explanation": "x" * 20_001},
        {"surprise": 1},
    ],
)
def test_an_invalid_theoretical_question_is_refused(changes: dict[str, Any]) -> None:
    assert theory_with().correct_options == ("A",)
    with pytest.raises(ValidationError):
        theory_with(**changes)


@pytest.mark.parametrize("option_id", ["", " ", "\t\n", "\x1c", "\u3000", "x" * 65])
def test_an_option_id_that_would_count_as_no_answer_is_refused(option_id: str) -> None:
    assert Option(id="a 1", text="Sand").id == "a 1"
    with pytest.raises(ValidationError):
        Option(id=option_id, text="Sand")


@pytest.mark.parametrize("kind", ProfileInput)
def test_options_and_a_scale_belong_to_the_inputs_that_use_them(kind: ProfileInput) -> None:
    good = profile(kind).model_dump()
    options = () if good["options"] else ({"id": "A", "text": "Sand"},)
    scale = None if good["scale"] else {"min": 1, "max": 5}
    assert ProfileQuestion.model_validate(good).input is kind
    for wrong in ({"options": options}, {"scale": scale}):
        with pytest.raises(ValidationError):
            ProfileQuestion.model_validate(good | wrong)


@pytest.mark.parametrize(("low", "high"), [(5, 5), (5, 1), (-1001, 0), (0, 1001)])
def test_the_ends_of_a_scale_are_in_order_and_within_limits(low: int, high: int) -> None:
    with pytest.raises(ValidationError):
        Scale(min=low, max=high)


@pytest.mark.parametrize("changes", [{"max_characters": 0}, {"max_characters": 20_001}, {"model_answer": ""}])
def test_an_invalid_essay_question_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EssayQuestion.model_validate(essay().model_dump() | changes)


@pytest.mark.parametrize("rubric", [{}, {"relevance": "x", "depth": "x", "clarity": "x"}])
def test_a_rubric_needs_all_four_dimensions(rubric: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        EssayQuestion.model_validate(essay().model_dump() | {"rubric": rubric})


@pytest.mark.parametrize("body", QUESTIONS.values(), ids=QUESTIONS)
def test_a_stored_question_is_read_back_unchanged(body: QuestionBody) -> None:
    assert question_body.validate_python(body.model_dump(mode="json")) == body
    assert type(body) is BODY_OF_TYPE[body.type]
