"""A sample student's assessment, sent over HTTP like anyone's."""

import asyncio
import random
import time
from typing import Any
from uuid import UUID, uuid4

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app import sample_data
from app.demo.deployment import Deployment
from app.domain.states import Role
from app.sample_data import SampleStudent
from app.web.tokens import issue

_FOLLOW_SECONDS = 300.0
_POLL_SECONDS = 0.1
_STRENGTH = "middling"


class DemoFailed(Exception):
    """The sample assessment did not come to a result."""


async def send_sample(deployment: Deployment, console: Console) -> tuple[SampleStudent, dict[str, Any]]:
    """A student and the result of the answers, which come from the sample data's file."""
    student = random.choice(  # noqa: S311 - any will do
        [student for student in sample_data.students() if student.strength == _STRENGTH]
    )
    token = issue(deployment.settings, f"sample-{student.name.lower()}", [Role.STUDENT], 3600)
    headers = {"Authorization": f"Bearer {token}"}
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(deployment.url, headers=headers, timeout=timeout) as session:
        assessment = await _call(session, "POST", "/assessments", {"track": student.track})
        path = f"/assessments/{assessment['assessment_id']}"
        console.print(f"{student.name} answers {len(assessment['questions'])} questions of {student.track}")
        await _call(session, "PATCH", f"{path}/responses", {"responses": _answers(student, assessment)})
        started = time.monotonic()
        await _call(session, "POST", f"{path}/submit", {}, {"Idempotency-Key": str(uuid4())})
        console.print(f"submitted and scored by rule in {1000 * (time.monotonic() - started):.0f} ms")
        await _follow(session, path, console)
        return student, await _call(session, "GET", f"{path}/result") | {"questions": assessment["questions"]}


def _answers(student: SampleStudent, assessment: dict[str, Any]) -> list[dict[str, Any]]:
    ids = [question["question_id"] for question in assessment["questions"]]
    return [{"question_id": i, "answer": student.answers[UUID(i)]} for i in ids if UUID(i) in student.answers]


async def _follow(session: aiohttp.ClientSession, path: str, console: Console) -> None:
    """Shows the progress until the status is final."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    deadline = time.monotonic() + _FOLLOW_SECONDS
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task("scoring", total=100)
        while time.monotonic() < deadline:
            status = await _call(session, "GET", f"{path}/status")
            progress.update(bar, completed=status["overall_progress"], description=_doing(status))
            if status["status"] in ("completed", "failed", "expired"):
                return
            await asyncio.sleep(_POLL_SECONDS)
    raise DemoFailed(f"no result within {_FOLLOW_SECONDS:g} s")


def _doing(status: dict[str, Any]) -> str:
    running = [stage["name"] for stage in status["stages"] if stage["status"] == "in_progress"]
    return f"{status['status']}{': ' + ', '.join(running) if running else ''}"


async def _call(
    session: aiohttp.ClientSession, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    async with session.request(method, path, json=body, headers=headers) as answer:
        content: dict[str, Any] = await answer.json(content_type=None)
        if answer.status >= 400:
            raise DemoFailed(f"{method} {path}: {answer.status} {content.get('title')}: {content.get('detail')}")
        return content
