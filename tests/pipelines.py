"""Running jobs in the test's own process, without arq."""

from collections.abc import Mapping
from typing import Literal

from app.clients import doorbell
from app.clients.doorbell import Doorbell
from app.clients.embeddings import Embedder
from app.domain.states import JobType
from app.repositories import jobs
from app.repositories.sql import Pool
from app.services.fuse_run import Fusing
from app.services.pipeline import JobLimits, Pipeline
from app.services.recommend import Recommending
from app.services.score_essays import EssayScoring, Model, Price


def pipeline(
    pool: Pool,
    redis_url: str,
    embedder: Embedder,
    *,
    model: Model | None = None,
    fallback: Literal["local", "none"] = "local",
    prices: Mapping[str, Price] | None = None,
    limits: JobLimits | None = None,
) -> Pipeline:
    """A pipeline as a worker has it; a retry comes at once unless `limits` say otherwise."""
    return Pipeline(
        pool,
        Doorbell(doorbell.connect(redis_url)),
        {
            JobType.GPT: EssayScoring(pool, model, embedder, fallback, prices or {}),
            JobType.RAG: Recommending(pool, embedder),
            JobType.FUSION: Fusing(pool),
        },
        limits or JobLimits(lease_seconds=15, max_crashes=3, retry_delay=1e-6),
    )


async def run_all(pool: Pool, running: Pipeline, most: int = 50) -> int:
    """Runs what is due, one job after the other, until nothing is; returns how many runs that took."""
    for count in range(most):
        due = await jobs.due_unrung(pool, 0, 1)
        if not due:
            return count
        await running.run(due[0].job_id)
    raise AssertionError("the jobs never end")
