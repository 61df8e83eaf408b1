"""The models of the API, made from records."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from app.domain.assessment.disclosure import FULL_DISCLOSURE
from app.domain.assessment.tracks import QuestionMix, TrackBody
from app.domain.records.assessments import Assessment, SavedResponse, StatusJob, StatusRecord
from app.domain.records.catalog import BankQuestion, Credential, Track
from app.domain.records.jobs import JobFailure
from app.domain.states import AssessmentStatus, JobStatus, JobType, ScoreType
from app.schemas import (
    StatusView,
    assessment_view,
    credential_view,
    links,
    missing_reason,
    question_view,
    status_view,
    track_view,
)
from tests.bank import QUESTIONS, SECRET_EXPLANATION, SECRET_MODEL_ANSWER, SECRET_RUBRIC, credential
from tests.domain.builders import NOON, make_question, numbered_id, question_score

_QUESTIONS = tuple(make_question(body, number) for number, body in enumerate(QUESTIONS.values(), start=1))
_OPEN = Assessment(
    id=numbered_id(99),
    owner="amy",
    track="gardener",
    track_name="Gardener",
    status=AssessmentStatus.IN_PROGRESS,
    revision=1,
    responses_version=0,
    run=0,
    created_at=NOON,
    expires_at=NOON + timedelta(days=1),
    submitted_at=None,
    now=NOON,
    disclosure=FULL_DISCLOSURE,
    questions=_QUESTIONS,
    responses=(
        SavedResponse(question_id=numbered_id(1), answer="B", saved_at=NOON),
        SavedResponse(question_id=numbered_id(2), answer=("A", "C"), saved_at=NOON),
    ),
)


def job(job_type: JobType, status: JobStatus, error: JobFailure | None = None) -> StatusJob:
    return StatusJob(
        job_id=numbered_id(1),
        job_type=job_type,
        status=status,
        attempts=1,
        max_attempts=4,
        created_at=NOON,
        started_at=None,
        completed_at=None,
        error=error,
        units_done=0,
        units_total=2,
    )


def record(status: AssessmentStatus, jobs: Sequence[StatusJob] = ()) -> StatusRecord:
    return StatusRecord(
        assessment_id=numbered_id(99),
        owner="amy",
        disclosure=FULL_DISCLOSURE,
        status=status,
        revision=3,
        run=1,
        degraded=False,
        degraded_reasons=(),
        submitted_at=NOON,
        completed_at=None,
        webhook_url=None,
        jobs=tuple(jobs),
        rule_scores={ScoreType.THEORETICAL: (question_score(1, 1.0, 2.0),)} if jobs else {},
    )


def view_of(status: AssessmentStatus, *jobs: JobStatus) -> StatusView:
    records = [job(job_type, status) for job_type, status in zip(JobType, jobs, strict=True)] if jobs else []
    return status_view(record(status, records))


def test_an_assessment_has_its_questions_without_keys_and_its_responses() -> None:
    view = assessment_view(_OPEN)
    text = view.model_dump_json()
    assert not [secret for secret in (SECRET_EXPLANATION, SECRET_MODEL_ANSWER, SECRET_RUBRIC) if secret in text]
    assert [question.question_id for question in view.questions] == [question.question_id for question in _QUESTIONS]
    assert [(saved.question_id, saved.answer) for saved in view.responses] == [
        (numbered_id(1), "B"),
        (numbered_id(2), ("A", "C")),
    ]


def test_an_assessment_finds_its_questions_and_answers_by_id() -> None:
    assert _OPEN.questions_by_id[numbered_id(3)] is _QUESTIONS[2]
    assert _OPEN.answers == {numbered_id(1): "B", numbered_id(2): ("A", "C")}


@pytest.mark.parametrize("name", QUESTIONS)
def test_staff_see_a_question_with_its_key(name: str) -> None:
    body = QUESTIONS[name]
    view = question_view(BankQuestion(numbered_id(1), 2, "gardener", body, sample=True)).model_dump()
    own = {"question_id": numbered_id(1), "version": 2, "track": "gardener", "sample": True}
    assert view == body.model_dump() | own


def test_tracks_and_credentials_have_all_fields() -> None:
    track = TrackBody(slug="gardener", name="Gardener", skills=("soil",), question_mix=QuestionMix(essay=1))
    soil = credential("Soil", "soil", "About soil.")
    assert track_view(Track(numbered_id(1), track)).model_dump() == track.model_dump() | {"sample": False}
    view = credential_view(Credential(numbered_id(1), 2, soil, sample=True)).model_dump()
    assert view == soil.model_dump() | {"credential_id": numbered_id(1), "version": 2, "sample": True}


def test_before_the_submission_there_are_no_scores_and_no_progress() -> None:
    view = view_of(AssessmentStatus.IN_PROGRESS)
    assert (view.overall_progress, view.scores, view.jobs, view.rescoring) == (0.0, None, (), False)


def test_a_submitted_assessment_shows_its_rule_scores_and_jobs() -> None:
    view = view_of(AssessmentStatus.SUBMITTED, JobStatus.QUEUED, JobStatus.COMPLETED, JobStatus.QUEUED)
    assert (view.overall_progress, view.rescoring) == (50.0, False)
    assert view.scores is not None
    assert (view.scores.theoretical.percentage, view.scores.profile.count) == (50.0, 0)
    assert [job.job_type.value for job in view.jobs] == ["gpt", "rag", "fusion"]


@pytest.mark.parametrize("status", [AssessmentStatus.COMPLETED, AssessmentStatus.FAILED])
def test_a_later_run_is_rescoring_and_progress_stays_100(status: AssessmentStatus) -> None:
    running = view_of(status, JobStatus.IN_PROGRESS, JobStatus.QUEUED, JobStatus.QUEUED)
    ended = view_of(status, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.COMPLETED)
    assert (running.status, running.rescoring, running.overall_progress) == (status, True, 100.0)
    assert (ended.status, ended.rescoring, ended.overall_progress) == (status, False, 100.0)


def test_a_failed_job_shows_its_error() -> None:
    error = JobFailure(code="refused", detail="the model refused")
    view = status_view(record(AssessmentStatus.SUBMITTED, [job(JobType.GPT, JobStatus.FAILED, error)]))
    assert view.jobs[0].model_dump()["error"] == {"code": "refused", "detail": "the model refused"}


@pytest.mark.parametrize(
    ("missing", "detail"), [(1, "1 of 10 questions has no answer"), (2, "2 of 10 questions have no answer")]
)
def test_unanswered_questions_are_a_degraded_reason(missing: int, detail: str) -> None:
    (reason,) = missing_reason(missing, 10)
    assert reason.model_dump() == {"code": "missing_responses", "stage": "rule_score", "detail": detail}


def test_without_unanswered_questions_there_is_no_reason() -> None:
    assert missing_reason(0, 10) == ()


def test_links_are_the_paths_of_the_assessment() -> None:
    base = f"/assessments/{numbered_id(99)}"
    assert links(numbered_id(99)).model_dump() == {
        "self": base,
        "status": f"{base}/status",
        "events": f"{base}/events",
        "result": f"{base}/result",
    }
