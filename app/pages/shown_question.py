"""A question as students see it (template student/question.html): in an assessment, and in an author's preview."""

from uuid import UUID

from app.domain.assessment.answers import Answer
from app.domain.assessment.questions import ProfileInput, Question, TheoreticalQuestion, for_student


def answer_field(question_id: UUID) -> str:
    """The name of the form's field for the answer."""
    return f"answer-{question_id}"


def shown_question(question: Question, answer: Answer) -> dict[str, object]:
    """The question without anything that reveals its answer, with the answer that the student has given."""
    shown = for_student(question)
    several = shown.input is ProfileInput.MULTIPLE or (
        isinstance(question.body, TheoreticalQuestion) and len(question.body.correct_options) > 1
    )
    chosen = answer if isinstance(answer, tuple) else (answer,)
    return {
        "body": shown,
        "field": answer_field(question.question_id),
        "answer": answer,
        "chosen": {str(value) for value in chosen if value is not None},
        "several": several,
    }
