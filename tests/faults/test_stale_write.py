"""Late writes of a worker that was paused and lost its job in the meantime are rejected.

The control runs that worker from a copy of the code without the fence, and shows that then its writes are stored.
"""

import asyncio
import shutil
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.domain.states import JobType
from app.repositories.sql import Pool
from tests.bank import ESSAY, Bank
from tests.fakes.conditions import until
from tests.fakes.held_model_calls import HeldModelCalls
from tests.faults.ledger import Ledger
from tests.faults.processes import SOURCE_TREE, Fleet, Service
from tests.faults.students import wait_until_completed
from tests.job_runner import job_id, submit

FENCE, NO_FENCE = "AND fence = $2", "AND $2::bigint IS NOT NULL"
# At least so many statements compare the fence: renew, release, finish each kind of job, store a score.
FENCED_STATEMENTS = 6
STALE_POINTS, POINTS = 1, 20
_ALL_ROWS = """
SELECT to_jsonb(a) || jsonb_build_object(
    'jobs', (SELECT jsonb_agg(to_jsonb(j) ORDER BY j.id) FROM async_jobs j WHERE j.assessment_id = a.id),
    'scores', (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.question_id) FROM scores s WHERE s.assessment_id = a.id),
    'results', (SELECT jsonb_agg(to_jsonb(r)) FROM results r WHERE r.assessment_id = a.id))
FROM assessments a WHERE a.id = $1
"""


@dataclass(frozen=True)
class PausedWorker:
    """A worker that was paused by SIGSTOP while it ran a job and waited for its model call, the first one."""

    worker: Service
    assessment_id: UUID
    job_id: UUID


PauseHolder = Callable[[Path], Awaitable[PausedWorker]]


@pytest.fixture
def pause_holder(ledger: Ledger, fleet: Fleet, pool: Pool, bank: Bank, calls: HeldModelCalls) -> PauseHolder:
    """Starts a worker from a copy of the code, pauses it while it runs a job, and has another one take that over."""

    async def pause(tree: Path) -> PausedWorker:
        worker = await fleet.add_worker(tree)
        assessment_id = await submit(pool, bank, answers=bank.answers(essay=ESSAY))
        gpt = await job_id(pool, assessment_id, JobType.GPT)
        await calls.wait_for_calls(1)
        another = asyncio.create_task(fleet.add_worker())
        # Right after a heartbeat: paused within one, it would find when it continues that its connection was too slow.
        await ledger.wait_for_heartbeat(gpt)
        worker.send_signal(signal.SIGSTOP)
        await another
        await calls.wait_for_calls(2)
        return PausedWorker(worker, assessment_id, gpt)

    return pause


@pytest.fixture
def without_the_fence(tmp_path: Path) -> Path:
    """A copy of the code whose statements do not compare the fence."""
    copy = tmp_path / "without-the-fence"
    for part in ("app", "workers", "migrations"):
        shutil.copytree(SOURCE_TREE / part, copy / part)
    removed = 0
    for path in (copy / "app" / "repositories" / "queries").glob("*.sql"):
        text = path.read_text("utf-8")
        removed += text.count(FENCE)
        path.write_text(text.replace(FENCE, NO_FENCE), "utf-8")
    assert removed >= FENCED_STATEMENTS
    return copy


async def essay_share(pool: Pool, assessment_id: UUID) -> tuple[float, float]:
    """The share of its points that the essay got: by its score, and by the result that students see."""
    score = "SELECT score / max_score FROM scores WHERE assessment_id = $1 AND score_type = 'essay_gpt' AND NOT missing"
    shown = """
        SELECT (line ->> 'score')::float / (line ->> 'max_score')::float
        FROM results r, json_array_elements(r.body -> 'breakdown' -> 'essay' -> 'questions') AS line
        WHERE r.assessment_id = $1 AND line ->> 'scorer' = 'gpt'
    """
    return round(await pool.fetchval(score, assessment_id), 6), round(await pool.fetchval(shown, assessment_id), 6)


async def read_all_rows(pool: Pool, assessment_id: UUID) -> Any:
    """All rows of an assessment."""
    return await pool.fetchval(_ALL_ROWS, assessment_id)


async def test_nothing_changes_after_another_worker_has_finished(
    pause_holder: PauseHolder, pool: Pool, calls: HeldModelCalls
) -> None:
    paused = await pause_holder(SOURCE_TREE)
    calls.answer(1, POINTS)
    await wait_until_completed(pool, paused.assessment_id)
    finished = await read_all_rows(pool, paused.assessment_id)
    calls.answer(0, STALE_POINTS)
    paused.worker.send_signal(signal.SIGCONT)
    await paused.worker.wait_for_event("job_lease_lost")
    assert await paused.worker.end(signal.SIGTERM) == 0
    assert await read_all_rows(pool, paused.assessment_id) == finished
    assert await essay_share(pool, paused.assessment_id) == (POINTS / 25, POINTS / 25)


async def test_nothing_is_written_while_another_worker_holds_the_job(
    pause_holder: PauseHolder, pool: Pool, calls: HeldModelCalls, ledger: Ledger
) -> None:
    paused = await pause_holder(SOURCE_TREE)
    held = await read_all_rows(pool, paused.assessment_id)
    calls.answer(0, STALE_POINTS)
    paused.worker.send_signal(signal.SIGCONT)
    await paused.worker.wait_for_event("job_lease_lost")
    assert await paused.worker.end(signal.SIGTERM) == 0
    now = await read_all_rows(pool, paused.assessment_id)
    assert (now["revision"], now["scores"], now["results"]) == (held["revision"], held["scores"], None)
    calls.answer(1, POINTS)
    await wait_until_completed(pool, paused.assessment_id)
    assert await essay_share(pool, paused.assessment_id) == (POINTS / 25, POINTS / 25)
    assert await ledger.writes_by_others() == []


async def test_control_without_the_fence_the_stale_score_is_stored(
    pause_holder: PauseHolder, without_the_fence: Path, pool: Pool, calls: HeldModelCalls, ledger: Ledger
) -> None:
    paused = await pause_holder(without_the_fence)
    calls.answer(0, STALE_POINTS)
    paused.worker.send_signal(signal.SIGCONT)
    ended = "SELECT status = 'completed' FROM async_jobs WHERE id = $1"
    await until(lambda: pool.fetchval(ended, paused.job_id), 60)
    calls.answer(1, POINTS)
    await wait_until_completed(pool, paused.assessment_id)
    assert await essay_share(pool, paused.assessment_id) == (STALE_POINTS / 25, STALE_POINTS / 25)
    assert paused.worker.process_name in {process for _, _, process, _ in await ledger.writes_by_others()}
