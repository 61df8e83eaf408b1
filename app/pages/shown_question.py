"""A question as students see it (template student/question.html): in an assessment, and in an author's preview."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

import orjson

from app.domain.assessment.answers import Answer
from app.domain.assessment.questions import Question, QuestionForStudent, for_student, takes_several


@dataclass(frozen=True)
class QuestionField:
    """A question as the form shows it: with the saved answer, or with what was typed and cannot be saved. `shown` tells
    whether the answer was changed in the form."""

    number: int
    body: QuestionForStudent
    name: str
    values: tuple[str, ...]
    several: bool
    shown_name: str
    shown: str
    error: str | None = None

    @property
    def text(self) -> str:
        """The answer in a field for text."""
        return self.values[0] if self.values else ""

    @property
    def is_answered(self) -> bool:
        """Whether there is an answer."""
        return bool(self.values)


def answer_field(question_id: UUID) -> str:
    """The name of the form's field for the answer."""
    return f"answer-{question_id}"


def shown_field(question_id: UUID) -> str:
    """The name of the form's field that has the digest of the answer that was shown."""
    return f"shown-{question_id}"


def shown_question(question: Question, answer: Answer, number: int = 1) -> QuestionField:
    """The question without anything that reveals its answer, with the answer that the student has given."""
    values = values_of(answer)
    return QuestionField(
        number=number,
        body=for_student(question),
        name=answer_field(question.question_id),
        values=values,
        several=takes_several(question),
        shown_name=shown_field(question.question_id),
        shown=digest(values),
    )


def values_of(answer: Answer) -> tuple[str, ...]:
    """The values of the answer's fields, with line feeds as line ends, as browsers show them."""
    values = answer if isinstance(answer, tuple) else () if answer is None else (answer,)
    return tuple(str(value).replace("\r\n", "\n").replace("\r", "\n") for value in values)


def digest(values: Iterable[str]) -> str:
    """The same for the same values in any order, and for no others."""
    return sha256(orjson.dumps(sorted(values))).hexdigest()[:16]
