"""Sends the assessment of a sample student through the HTTP API."""

import asyncio
import random
import time
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app import sample_data
from app.domain.states import JobStatus, Role
from app.domain.text import count_of
from app.http.tokens import issue_token
from app.local.demo.deployment import Deployment
from app.sample_data import SampleStudent
from assay_client import AssayClient, AssayError, Assessment, Result, Status

_STRENGTH = "middling"


class DemoFailed(Exception):
    """The sample assessment has no result."""


class ResultLate(DemoFailed):
    """The sample assessment has no result yet, as with a slow language model."""


@dataclass(frozen=True)
class SampleRun:
    """The student, the assessment and its result."""

    student: SampleStudent
    assessment: Assessment
    result: Result


async def run_sample(deployment: Deployment, console: Console, seconds: float) -> SampleRun:
    """Answers and submits an assessment as a sample student, shows its progress, and waits for the result.

    Raises:
        ResultLate: there is none after so many seconds.
        DemoFailed: there is none.
    """
    student = random.choice(  # noqa: S311 - any will do
        [student for student in sample_data.students() if student.strength == _STRENGTH]
    )
    token = issue_token(deployment.settings, f"sample-{student.name.lower()}", [Role.STUDENT], 3600)
    try:
        async with AssayClient(deployment.url, token) as assay:
            assessment = await _submit(assay, student, console)
            async with asyncio.timeout(seconds):
                await _show_progress(assay, assessment.assessment_id, console)
            result = await assay.wait_for_result(assessment.assessment_id)
    except AssayError as error:
        raise DemoFailed(str(error)) from error
    except TimeoutError as error:
        raise ResultLate(f"no result within {seconds:g} s, as with a slow model; worker.log says more") from error
    return SampleRun(student, assessment, result)


async def _submit(assay: AssayClient, student: SampleStudent, console: Console) -> Assessment:
    assessment = await assay.start(student.track)
    ids = [question.question_id for question in assessment.questions]
    console.print(f"{student.name} answers {count_of(len(ids), 'question')} of {student.track}")
    await assay.save(assessment.assessment_id, {i: student.answers[i] for i in ids if i in student.answers})
    started = time.monotonic()
    await assay.submit(assessment.assessment_id)
    console.print(f"submitted and scored by rule in {1000 * (time.monotonic() - started):.0f} ms")
    return assessment


async def _show_progress(assay: AssayClient, assessment_id: UUID, console: Console) -> None:
    """Shows a bar until the status is final."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task("scoring", total=100)
        async with aclosing(assay.follow(assessment_id)) as statuses:
            async for status in statuses:
                progress.update(bar, completed=status.overall_progress, description=_description(status))
                if status.final:
                    return


def _description(status: Status) -> str:
    running = [stage.name for stage in status.stages if stage.status == JobStatus.IN_PROGRESS]
    return f"{status.status}{': ' + ', '.join(running) if running else ''}"
