"""The message that tells workers which job is due."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class JobNotification:
    """Names a job or webhook delivery that is due, and the queue of its workers. Notifications of the same `job_id` and
    `fence` are one message, however often they are sent."""

    job_id: UUID
    queue: str
    fence: int
