"""The message that tells workers which job is due."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class JobNotification:
    """Names a job or webhook delivery that is due, and the queue of its workers. Notifications of the same `job_id` and
    `fence` are one message, however often they are sent. The jobs of one `owner` take turns with those of others."""

    job_id: UUID
    queue: str
    fence: int
    owner: str | None = None
