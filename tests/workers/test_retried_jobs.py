"""A failed job is retried from the command line and run by a worker that Valkey wakes."""

from app.cli.jobs import retry
from app.domain.states import JobType
from app.repositories.sql import Pool
from app.settings import Settings
from tests.bank import Bank
from tests.dead_letters import read_state
from tests.fakes.conditions import until
from tests.fakes.model_server import ModelServer, failure, scores
from tests.job_runner import job_id, submit
from tests.workers.conftest import StartWorker
from tests.workers.test_worker_process import SECONDS, by_model


async def test_when_the_model_is_back_a_retry_scores_the_essays_once(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer, settings: Settings
) -> None:
    provider.default = failure(401)
    await start_worker(**by_model(provider), ESSAY_FALLBACK="none")
    assessment_id = await submit(pool, bank)

    async def over() -> bool:
        seen = await read_state(pool, assessment_id)
        return seen.row["status"] == "completed" and set(seen.states.values()) <= {"completed", "failed"}

    await until(over, SECONDS)
    before = await read_state(pool, assessment_id)
    assert (before.states["gpt"], before.row["run"], "essay_unscored" in before.reasons) == ("failed", 1, True)
    requests, provider.default = len(provider.requests), scores(20)
    assert await retry(settings, [await job_id(pool, assessment_id, JobType.GPT)])
    await until(over, SECONDS)
    after = await read_state(pool, assessment_id)
    assert (after.states["gpt"], after.row["run"], "essay_unscored" in after.reasons) == ("completed", 2, False)
    assert len(provider.requests) == requests + 2
    assert await pool.fetchval("SELECT count(*) FROM results") == 2
