"""Which answers fit a question, and where the ones that don't are pointed at."""

from typing import Any

import pytest

from app.domain.assessment.answers import Answer, Response, is_empty, validate_responses
from app.domain.assessment.questions import ProfileInput, QuestionBody
from app.domain.errors import InvalidFields
from tests.bank import essay, profile, theory
from tests.domain.making import asked, nth

_CHOICE = theory(("A",))
_SINGLE = profile(ProfileInput.SINGLE)
_MULTIPLE = profile(ProfileInput.MULTIPLE)
_SCALE = profile(ProfileInput.SCALE)
_NUMBER = profile(ProfileInput.NUMBER)
_TEXT = profile(ProfileInput.TEXT)
_ESSAY = essay()
_ALL = (_CHOICE, _SINGLE, _MULTIPLE, _SCALE, _NUMBER, _TEXT, _ESSAY)


def fitted(body: QuestionBody, answer: Any) -> Answer:
    (response,) = validate_responses([(nth(1), answer)], {nth(1): asked(body)})
    return response.answer


def pointers(body: QuestionBody, answer: Any) -> list[str]:
    with pytest.raises(InvalidFields) as caught:
        fitted(body, answer)
    return [error.pointer for error in caught.value.errors]


@pytest.mark.parametrize(
    ("body", "answer", "kept"),
    [
        (_CHOICE, "C", "C"),
        (_CHOICE, ["A", "C"], ("A", "C")),
        (_SINGLE, "A", "A"),
        (_MULTIPLE, ["B"], ("B",)),
        (_SCALE, 1, 1),
        (_SCALE, 5.0, 5.0),
        (_NUMBER, 0, 0),
        (_NUMBER, -4.5, -4.5),
        (_NUMBER, 10**15, 10**15),
        (_TEXT, "x" * 20_000, "x" * 20_000),
        (_ESSAY, "é" * 2000, "é" * 2000),
    ],
)
def test_an_answer_of_the_questions_shape_is_kept_as_it_is(body: QuestionBody, answer: Any, kept: Answer) -> None:
    assert fitted(body, answer) == kept


@pytest.mark.parametrize("body", _ALL)
@pytest.mark.parametrize("answer", [None, "", []])
def test_null_an_empty_text_and_an_empty_list_take_an_answer_back(body: QuestionBody, answer: Any) -> None:
    assert fitted(body, answer) is None


@pytest.mark.parametrize("body", [_TEXT, _ESSAY])
def test_a_blank_text_is_no_answer(body: QuestionBody) -> None:
    assert fitted(body, " \n\t\u3000") is None


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (_CHOICE, "D"),
        (_CHOICE, "a"),
        (_CHOICE, 1),
        (_CHOICE, {"id": "A"}),
        (_CHOICE, ["A", "A"]),
        (_SINGLE, ["A"]),
        (_SINGLE, "D"),
        (_MULTIPLE, "A"),
        (_MULTIPLE, True),
        (_SCALE, 0),
        (_SCALE, 6),
        (_SCALE, 2.5),
        (_SCALE, True),
        (_SCALE, "3"),
        (_NUMBER, "3"),
        (_NUMBER, False),
        (_NUMBER, [3]),
        (_NUMBER, 10**15 + 1),
        (_NUMBER, 10**400),
        (_NUMBER, float("nan")),
        (_NUMBER, float("-inf")),
        (_TEXT, 3),
        (_TEXT, "x" * 20_001),
        (_ESSAY, ["A"]),
        (_ESSAY, {}),
        (_ESSAY, "x" * 2001),
    ],
)
def test_an_answer_of_another_shape_is_pointed_at(body: QuestionBody, answer: Any) -> None:
    assert pointers(body, answer) == ["/responses/0/answer"]


@pytest.mark.parametrize("body", [_CHOICE, _MULTIPLE])
def test_each_strange_member_of_a_list_is_pointed_at(body: QuestionBody) -> None:
    expected = ["/responses/0/answer/1", "/responses/0/answer/2", "/responses/0/answer/3"]
    assert pointers(body, ["A", "D", 1, ["A"]]) == expected


def test_all_faults_of_a_body_are_told_at_once() -> None:
    given = [(nth(1), "D"), (nth(9), "A"), (nth(2), "Water."), (nth(2), "Roots.")]
    with pytest.raises(InvalidFields) as caught:
        validate_responses(given, {nth(1): asked(_CHOICE, 1), nth(2): asked(_ESSAY, 2)})
    pointers = [error.pointer for error in caught.value.errors]
    assert pointers == ["/responses/0/answer", "/responses/1/question_id", "/responses/3/question_id"]


def test_several_responses_keep_their_order() -> None:
    questions = {nth(1): asked(_CHOICE, 1), nth(2): asked(_ESSAY, 2)}
    assert validate_responses([(nth(2), "Water."), (nth(1), "A")], questions) == (
        Response(nth(2), "Water."),
        Response(nth(1), "A"),
    )


@pytest.mark.parametrize(
    "answer", [None, "", (), " \n\t", "\u00a0\u2028\u3000", "\u200b\ufeff\u2060", "\u202e\u00ad \u200d"]
)
def test_what_nobody_can_see_is_no_answer(answer: Any) -> None:
    assert is_empty(answer)
    assert not isinstance(answer, str) or not is_empty(f"{answer}e\u0301{answer}")


@pytest.mark.parametrize("answer", [0, 0.0, False, "0", ("",)])
def test_a_zero_is_an_answer(answer: Any) -> None:
    assert not is_empty(answer)
