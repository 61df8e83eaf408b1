"""What arq calls."""

from typing import Any
from uuid import UUID

from app.services.pipeline import Pipeline


async def run_job(context: dict[Any, Any], job_id: str) -> None:
    """Runs the job that a message names."""
    pipeline: Pipeline = context["pipeline"]
    await pipeline.run(UUID(job_id))
