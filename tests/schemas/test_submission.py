"""The answer to a submission, which is rendered without its models."""

from datetime import UTC, datetime

import pytest

from app.domain.assessment.answers import Answer
from app.domain.assessment.rule_scoring import score_by_rule
from app.domain.states import JobType, ScoreType
from app.schemas import SubmissionView, links, missing_reason, render_submission
from tests.bank import QUESTIONS
from tests.domain.builders import make_question, numbered_id

_QUESTIONS = tuple(make_question(body, number) for number, body in enumerate(QUESTIONS.values(), start=1))
_ANSWERS: dict[str, Answer] = {
    "right": "B",
    "several": ("A", "C"),
    "partial": ("A",),
    "text": "é",
    "essay": "An essay.",
}


@pytest.mark.parametrize("shows_answers", [True, False])
@pytest.mark.parametrize("answered", [(), ("right", "partial"), ("right", "several", "partial", "text", "essay")])
@pytest.mark.parametrize("microsecond", [0, 120_000, 123_456])
def test_it_is_what_its_model_renders(shows_answers: bool, answered: tuple[str, ...], microsecond: int) -> None:
    ids = dict(zip(QUESTIONS, (question.question_id for question in _QUESTIONS), strict=True))
    scores = score_by_rule(_QUESTIONS, {ids[name]: _ANSWERS[name] for name in answered})
    reasons = missing_reason(sum(score.missing for score in scores), len(_QUESTIONS))
    rendered = render_submission(
        numbered_id(99),
        datetime(2026, 11, 30, 12, 0, 1, microsecond, tzinfo=UTC),
        reasons,
        {kind: [score for score in scores if score.score_type is kind] for kind in ScoreType},
        2,
        [(numbered_id(number), job_type) for number, job_type in enumerate(JobType, start=1)],
        links(numbered_id(99), "https://assay.example"),
        shows_answers=shows_answers,
    )
    view = SubmissionView.model_validate_json(rendered, strict=False)
    assert view.model_dump_json().encode() == rendered
    withheld = [line.score is None and line.correct is None for line in view.scores.theoretical.questions]
    assert withheld == [not shows_answers] * len(withheld)
    assert [line.score is None for line in view.scores.profile.questions] == [False] * len(
        view.scores.profile.questions
    )
    missing = [part.missing for part in (view.scores.theoretical, view.scores.profile, view.scores.essay)]
    assert (view.degraded, sum(missing)) == (bool(reasons), sum(score.missing for score in scores))
