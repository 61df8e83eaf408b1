"""The HTTP server of the bench, and requests for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from subprocess import Popen

from app.http.tokens import issue
from app.settings import load_settings
from benchmarks.database_rows import Answered
from benchmarks.environment import Ground
from benchmarks.processes import event, service
from tests.conftest import SECRET

MOST_WAITING = 1_000_000


@dataclass(frozen=True)
class Server:
    """A running `assay serve`."""

    process: "Popen[bytes]"
    port: int


@contextmanager
def serving(ground: Ground) -> Iterator[Server]:
    """A server that turns nobody away for the length of its queue."""
    log = ground.folder / "serve.log"
    settings = {
        "DATABASE_URL": ground.database_url,
        "REDIS_URL": ground.redis_url,
        "JWT_SECRET": SECRET,
        "PORT": "0",
        "MAX_QUEUED_ASSESSMENTS": str(MOST_WAITING),
    }
    with service("serve", log, "serving", settings) as process:
        told = event(log, "serving")
        assert told
        yield Server(process, int(told["addresses"][0].rpartition(":")[2]))


def submission(assessment: Answered) -> str:
    """The bytes of a request that submits what was saved."""
    token = issue(load_settings(jwt_secret=SECRET), assessment.owner, ["student"], 3600)
    return (
        f"POST /assessments/{assessment.assessment_id}/submit HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
    )
