"""A worker that was stopped, lost its job and goes on as if it had not: what it writes must not count.

The control runs it from a copy of the tree without the fence, and shows that the fence is what keeps its writes out.
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
from tests.fakes.held_calls import HeldCalls
from tests.faults.ledger import Ledger
from tests.faults.processes import TREE, Fleet, Service
from tests.faults.students import completed
from tests.pipelines import job_id, submit

FENCE, NO_FENCE = "AND fence = $2", "AND $2::bigint IS NOT NULL"
# Renewing, handing back, ending each kind of job, storing a score: all of them name the fence.
FENCED = 6
STALE_POINTS, POINTS = 1, 20
_EVERYTHING = """
SELECT to_jsonb(a) || jsonb_build_object(
    'jobs', (SELECT jsonb_agg(to_jsonb(j) ORDER BY j.id) FROM async_jobs j WHERE j.assessment_id = a.id),
    'scores', (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.question_id) FROM scores s WHERE s.assessment_id = a.id),
    'results', (SELECT jsonb_agg(to_jsonb(r)) FROM results r WHERE r.assessment_id = a.id))
FROM assessments a WHERE a.id = $1
"""


@dataclass(frozen=True)
class Stopped:
    """A worker that was stopped with a job in its hands, while the model holds its call (the first)."""

    worker: Service
    assessment_id: UUID
    job_id: UUID


Stop = Callable[[Path], Awaitable[Stopped]]


@pytest.fixture
def stop_a_holder(ledger: Ledger, fleet: Fleet, pool: Pool, bank: Bank, calls: HeldCalls) -> Stop:
    """Has a worker out of the given tree take a job, stops it, and starts another worker."""

    async def stop(tree: Path) -> Stopped:
        worker = await fleet.add_worker(tree)
        assessment_id = await submit(pool, bank, answers=bank.answers(essay=ESSAY))
        gpt = await job_id(pool, assessment_id, JobType.GPT)
        await calls.arrived(1)
        another = asyncio.create_task(fleet.add_worker())
        # Right after a heartbeat: in the middle of one, it would wake up to find its connection too slow.
        await ledger.renewed(gpt)
        worker.send(signal.SIGSTOP)
        await another
        await calls.arrived(2)
        return Stopped(worker, assessment_id, gpt)

    return stop


@pytest.fixture
def without_the_fence(tmp_path: Path) -> Path:
    """A copy of the tree whose writes take no notice of who holds a job."""
    copy = tmp_path / "without-the-fence"
    for part in ("app", "workers", "migrations"):
        shutil.copytree(TREE / part, copy / part)
    removed = 0
    for path in (copy / "app" / "repositories" / "queries").glob("*.sql"):
        text = path.read_text("utf-8")
        removed += text.count(FENCE)
        path.write_text(text.replace(FENCE, NO_FENCE), "utf-8")
    assert removed >= FENCED
    return copy


async def essay_share(pool: Pool, assessment_id: UUID) -> tuple[float, float]:
    """The essay's share of its points: in its score, and in the result that students see."""
    score = "SELECT score / max_score FROM scores WHERE assessment_id = $1 AND score_type = 'essay_gpt' AND NOT missing"
    shown = """
        SELECT (line ->> 'score')::float / (line ->> 'max_score')::float
        FROM results r, json_array_elements(r.body -> 'breakdown' -> 'essay' -> 'questions') AS line
        WHERE r.assessment_id = $1 AND line ->> 'scorer' = 'gpt'
    """
    return round(await pool.fetchval(score, assessment_id), 6), round(await pool.fetchval(shown, assessment_id), 6)


async def everything(pool: Pool, assessment_id: UUID) -> Any:
    """All that the rows say about an assessment."""
    return await pool.fetchval(_EVERYTHING, assessment_id)


async def test_after_another_has_finished_nothing_changes_any_more(
    stop_a_holder: Stop, pool: Pool, calls: HeldCalls
) -> None:
    stopped = await stop_a_holder(TREE)
    calls.answer(1, POINTS)
    await completed(pool, stopped.assessment_id)
    finished = await everything(pool, stopped.assessment_id)
    calls.answer(0, STALE_POINTS)
    stopped.worker.send(signal.SIGCONT)
    await stopped.worker.says("job_lease_lost")
    assert await stopped.worker.end(signal.SIGTERM) == 0
    assert await everything(pool, stopped.assessment_id) == finished
    assert await essay_share(pool, stopped.assessment_id) == (POINTS / 25, POINTS / 25)


async def test_while_another_holds_the_job_nothing_is_written(
    stop_a_holder: Stop, pool: Pool, calls: HeldCalls, ledger: Ledger
) -> None:
    stopped = await stop_a_holder(TREE)
    held = await everything(pool, stopped.assessment_id)
    calls.answer(0, STALE_POINTS)
    stopped.worker.send(signal.SIGCONT)
    await stopped.worker.says("job_lease_lost")
    assert await stopped.worker.end(signal.SIGTERM) == 0
    now = await everything(pool, stopped.assessment_id)
    assert (now["revision"], now["scores"], now["results"]) == (held["revision"], held["scores"], None)
    calls.answer(1, POINTS)
    await completed(pool, stopped.assessment_id)
    assert await essay_share(pool, stopped.assessment_id) == (POINTS / 25, POINTS / 25)
    assert await ledger.strangers() == []


async def test_control_without_the_fence_the_stale_score_counts(
    stop_a_holder: Stop, without_the_fence: Path, pool: Pool, calls: HeldCalls, ledger: Ledger
) -> None:
    stopped = await stop_a_holder(without_the_fence)
    calls.answer(0, STALE_POINTS)
    stopped.worker.send(signal.SIGCONT)
    ended = "SELECT status = 'completed' FROM async_jobs WHERE id = $1"
    await until(lambda: pool.fetchval(ended, stopped.job_id), 60)
    calls.answer(1, POINTS)
    await completed(pool, stopped.assessment_id)
    assert await essay_share(pool, stopped.assessment_id) == (STALE_POINTS / 25, STALE_POINTS / 25)
    assert stopped.worker.process_name in {process for _, _, process, _ in await ledger.strangers()}
