"""The trace of a result: everything that led to it, for advisors and admins."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from app.domain.errors import NotFound
from app.domain.essay.prompt import EssayPrompt
from app.domain.model_prompt import fingerprint
from app.domain.records.jobs import RunInputs
from app.domain.records.trace import TraceRows
from app.domain.result.readiness import check_result
from app.domain.states import AssessmentStatus
from app.repositories import jobs
from app.repositories.results import trace
from app.repositories.sql import Connection, Pool
from app.schemas import PromptView, ShownPrompts, TraceView, trace_view
from app.services.assessments.lookup import existing
from app.services.results.reviewed_question import prompt_of


@dataclass(frozen=True)
class _Run:
    assessment_id: UUID
    run: int


async def read(pool: Pool, assessment_id: UUID, status: AssessmentStatus, named: int | None) -> TraceView:
    """The trace of the newest run that has a result, or of the run `named`, read in one snapshot.

    Raises:
        NotSubmitted, NoResultYet, AssessmentFailed: there is no result, and no run was named.
        NotFound: there is no such run.
    """
    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        return await _read(conn, assessment_id, status, named)


async def _read(conn: Connection, assessment_id: UUID, status: AssessmentStatus, named: int | None) -> TraceView:
    number = await trace.find_run(conn, assessment_id, named)
    if number is None:
        if named is None:
            check_result(status)
        raise NotFound("there is no such run of this assessment")
    run = _Run(assessment_id, number)
    inputs = existing(await jobs.read_run(conn, run))
    prompts, result = _prompts(inputs), await trace.read_result(conn, run)
    fingerprints = [fingerprint(prompts[question_id], model) for question_id, model in _models(inputs)]
    rows = await trace.read_rows(conn, run, fingerprints)
    return trace_view(number, inputs, rows, result, _shown(prompts, rows))


def _shown(prompts: Mapping[UUID, EssayPrompt], rows: TraceRows) -> ShownPrompts:
    models = {call.model for call in rows.calls}
    questions = {fingerprint(prompt, model).hex(): key for key, prompt in prompts.items() for model in models}
    shown = {
        key: PromptView(version=prompt.version, system=prompt.system, user=prompt.user)
        for key, prompt in prompts.items()
    }
    return ShownPrompts(shown, questions)


def _prompts(run: RunInputs) -> dict[UUID, EssayPrompt]:
    """The prompt for each essay that has an answer, without the random word that each call adds."""
    prompts = ((question.question_id, prompt_of(question, run.answers.get(question.question_id)))
               for question in run.questions)  # fmt: skip
    return {question_id: prompt for question_id, prompt in prompts if prompt}


def _models(run: RunInputs) -> Iterator[tuple[UUID, str]]:
    """The models whose answers the essays' scores are based on, by question."""
    for line in run.essays:
        if line.scorer == "gpt" and line.model:
            yield line.question_id, line.model
        if line.second_opinion:
            yield line.question_id, line.second_opinion.model
