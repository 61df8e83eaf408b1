"""The form with the questions of an open assessment: its fields, the answers in it, and what is wrong with them."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from app.domain.assessment.answers import Answer
from app.domain.assessment.questions import ProfileInput, Question, for_student
from app.domain.errors import InvalidFields
from app.domain.records.assessments import Assessment
from app.domain.states import QuestionType
from app.pages.forms import Form, field_errors
from app.pages.shown_question import QuestionField, answer_field, digest, shown_field, shown_question, values_of


def question_fields(assessment: Assessment) -> list[QuestionField]:
    """The questions with their saved answers."""
    return [
        shown_question(question, assessment.answers.get(question.question_id), number)
        for number, question in enumerate(assessment.questions, 1)
    ]


def changed_answers(assessment: Assessment, form: Form) -> list[tuple[UUID, object]]:
    """The answers of the form that differ from those that its page has shown. What was not changed here may have been
    changed elsewhere meanwhile, so it is left alone."""
    changed = []
    for question in assessment.questions:
        values = form.getall(answer_field(question.question_id), None)
        if values is not None and form.get(shown_field(question.question_id)) != digest(_chosen(values)):
            changed.append((question.question_id, _answer(question, values)))
    return changed


def with_errors(
    fields: Iterable[QuestionField], form: Form, answers: Sequence[tuple[UUID, object]], error: InvalidFields
) -> list[QuestionField]:
    """The fields with what the form has sent, and what is wrong with it."""
    errors = errors_by_field(answers, error)
    sent = {answer_field(question_id) for question_id, _ in answers}
    return [
        QuestionField(
            **vars(field) | {"values": tuple(_chosen(form.getall(field.name))), "error": errors.get(field.name)}
        )
        if field.name in sent
        else field
        for field in fields
    ]


def errors_by_field(answers: Sequence[tuple[UUID, object]], error: InvalidFields) -> Mapping[str, str]:
    """What is wrong with each answer, in a sentence, by the name of its field."""
    errors: dict[str, str] = {}
    for pointer, detail in field_errors(error).items():
        # As `/responses/3/answer` or `/responses/3/answer/0`.
        question_id, _ = answers[int(pointer.split("/")[2])]
        errors.setdefault(answer_field(question_id), f"Your answer {detail}.")
    return errors


def answer_texts(question: Question, answer: Answer) -> tuple[str, ...]:
    """The answer as people read it: the texts of the options that were chosen, or what was typed."""
    options = {option.id: option.text for option in for_student(question).options}
    return tuple(options.get(value, value) for value in values_of(answer))


def _chosen(values: Iterable[str]) -> list[str]:
    """The values without the empty one, which stands for no answer."""
    return [value for value in values if value]


def _answer(question: Question, values: Sequence[str]) -> object:
    body, chosen = question.body, _chosen(values)
    if body.type is QuestionType.ESSAY:
        return values[-1]
    if body.type is QuestionType.THEORETICAL:
        return chosen[0] if len(chosen) == 1 else chosen
    match body.input:
        case ProfileInput.MULTIPLE:
            return chosen
        case ProfileInput.NUMBER | ProfileInput.SCALE:
            return _number(values[-1])
        case _:
            # Of radio buttons, the one that is chosen; the text of others.
            return chosen[0] if chosen else ""


def _number(text: str) -> object:
    """The number; the text itself where it is none, which is refused with the other answers."""
    try:
        value = float(text)
    except ValueError:
        return text.strip()
    return int(value) if value.is_integer() else value
