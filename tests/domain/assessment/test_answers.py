"""Which answers fit a question, and the pointers of those that do not."""

from typing import Any

import pytest

from app.domain.assessment.answers import Answer, Response, is_empty, validate_responses
from app.domain.assessment.questions import ProfileInput, QuestionBody
from app.domain.errors import InvalidFields
from tests.bank import essay, profile, theory
from tests.domain.builders import make_question, numbered_id

_CHOICE = theory(("A",))
_SINGLE = profile(ProfileInput.SINGLE)
_MULTIPLE = profile(ProfileInput.MULTIPLE)
_SCALE = profile(ProfileInput.SCALE)
_NUMBER = profile(ProfileInput.NUMBER)
_TEXT = profile(ProfileInput.TEXT)
_ESSAY = essay()
_ALL = (_CHOICE, _SINGLE, _MULTIPLE, _SCALE, _NUMBER, _TEXT, _ESSAY)


def validated(body: QuestionBody, answer: Any) -> Answer:
    (response,) = validate_responses([(numbered_id(1), answer)], {numbered_id(1): make_question(body)})
    return response.answer


def pointers(body: QuestionBody, answer: Any) -> list[str]:
    with pytest.raises(InvalidFields) as caught:
        validated(body, answer)
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
def test_an_answer_that_fits_its_question_is_kept(body: QuestionBody, answer: Any, kept: Answer) -> None:
    assert validated(body, answer) == kept


@pytest.mark.parametrize("body", _ALL)
@pytest.mark.parametrize("answer", [None, "", []])
def test_null_an_empty_text_and_an_empty_list_delete_an_answer(body: QuestionBody, answer: Any) -> None:
    assert validated(body, answer) is None


@pytest.mark.parametrize("body", [_TEXT, _ESSAY])
def test_a_blank_text_counts_as_no_answer(body: QuestionBody) -> None:
    assert validated(body, " \n\t\u3000") is None


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
def test_an_answer_that_does_not_fit_is_pointed_at(body: QuestionBody, answer: Any) -> None:
    assert pointers(body, answer) == ["/responses/0/answer"]


@pytest.mark.parametrize("body", [_CHOICE, _MULTIPLE])
def test_each_unknown_option_in_a_list_is_pointed_at(body: QuestionBody) -> None:
    expected = ["/responses/0/answer/1", "/responses/0/answer/2", "/responses/0/answer/3"]
    assert pointers(body, ["A", "D", 1, ["A"]]) == expected


def test_all_errors_of_a_body_are_reported_together() -> None:
    responses = [(numbered_id(1), "D"), (numbered_id(9), "A"), (numbered_id(2), "Water."), (numbered_id(2), "Roots.")]
    with pytest.raises(InvalidFields) as caught:
        validate_responses(
            responses, {numbered_id(1): make_question(_CHOICE, 1), numbered_id(2): make_question(_ESSAY, 2)}
        )
    pointers = [error.pointer for error in caught.value.errors]
    assert pointers == ["/responses/0/answer", "/responses/1/question_id", "/responses/3/question_id"]


def test_several_responses_keep_their_order() -> None:
    questions = {numbered_id(1): make_question(_CHOICE, 1), numbered_id(2): make_question(_ESSAY, 2)}
    assert validate_responses([(numbered_id(2), "Water."), (numbered_id(1), "A")], questions) == (
        Response(numbered_id(2), "Water."),
        Response(numbered_id(1), "A"),
    )


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "",
        (),
        " \n\t",
        "\u00a0\u2028\u3000",
        "\u200b\ufeff\u2060",
        "\u202e\u00ad \u200d",
        "\u3164",
        "\ufff0",
        "\ufffc",  # the place of a picture that was pasted
        "\U0001d159",
        "\ufe0f",
        "\u2800\u2800 ",
        "\u0301",
        "\u0e31",
        "\u20dd",
        "\u115f\u1160\uffa0",
        "\U000e0041",
    ],
)
def test_a_text_without_visible_characters_is_no_answer(answer: Any) -> None:
    assert is_empty(answer)
    assert not isinstance(answer, str) or not is_empty(f"{answer}e\u0301{answer}")


@pytest.mark.parametrize("answer", [0, 0.0, False, "0", ("",)])
def test_a_zero_is_an_answer(answer: Any) -> None:
    assert not is_empty(answer)
