"""JSON columns as models."""

from app.repositories import decoding
from tests.bank import QUESTIONS
from tests.domain.builders import make_question


def test_a_question_that_was_read_before_is_the_same_object() -> None:
    read = [make_question(body, number) for number, body in enumerate(QUESTIONS.values(), start=1)]
    rows = [question.model_dump_json() for question in read]
    first, again = decoding.questions(rows), decoding.questions([row[:1] + row[1:] for row in rows])
    assert list(first) == read
    assert all(one is other for one, other in zip(first, again, strict=True))
