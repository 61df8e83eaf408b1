"""A client that openapi-python-client makes from the document as served goes from the start to the result."""

import asyncio
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from tests.api import token
from tests.bank import SLUG, Bank
from tests.job_runner import Finish
from tests.web.conftest import ProductServer

_SECONDS = 120
# The name of a package that exists only during the test.
_PACKAGE = "generated_assay_client"


@pytest.fixture
async def generated(server: ProductServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the client importable."""
    async with aiohttp.ClientSession() as session, session.get(server.make_url("/openapi.json")) as answer:
        (tmp_path / "openapi.json").write_bytes(await answer.read())
    # Without formatting the code afterwards.
    (tmp_path / "config.yaml").write_text("post_hooks: []\n")
    command: list[object] = [Path(sys.executable).parent / "openapi-python-client", "generate", "--fail-on-warning"]
    command += ["--path", "openapi.json", "--meta", "none", "--config", "config.yaml", "--output-path", _PACKAGE]
    process = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(_SECONDS):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, printed.decode()
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("generated")
async def test_a_generated_client_goes_from_start_to_result(server: ProductServer, bank: Bank, finish: Finish) -> None:
    models = import_module(f"{_PACKAGE}.models")
    client = import_module(f"{_PACKAGE}.client").AuthenticatedClient(
        base_url=str(server.make_url("/")).rstrip("/"),
        token=token("student-1", "student"),
        raise_on_unexpected_status=True,
    )

    async def call(name: str, *ids: UUID, **arguments: Any) -> Any:
        operation = import_module(f"{_PACKAGE}.api.assessments.{name}")
        return await operation.asyncio(*ids, client=client, **arguments)

    async with client:
        started = await call("start_assessment", body=models.NewAssessment(track=SLUG), idempotency_key="a-key")
        assessment_id = started.assessment_id
        assert {question.question_id for question in started.questions} == set(bank.ids.values())
        responses = [
            models.ResponseBody(question_id=UUID(response["question_id"]), answer=response["answer"])
            for response in bank.all_answers()
        ]
        saved = await call("save_responses", assessment_id, body=models.SaveBody(responses=responses))
        assert (saved.saved, saved.total) == (len(responses), len(started.questions))
        submitted = await call("submit_assessment", assessment_id, body=models.SubmitBody())
        assert submitted.scores.theoretical.count == 3
        waiting = await call("show_result", assessment_id)
        assert isinstance(waiting, models.StatusView) and waiting.overall_progress < 100
        await finish()
        assert (await call("show_status", assessment_id, wait=1)).status is models.AssessmentStatus.COMPLETED
        result = await call("show_result", assessment_id)
    assert isinstance(result, models.ResultView)
    assert 0 < result.overall.score <= result.overall.max_score
    assert len(result.breakdown.essay.questions) == 2
