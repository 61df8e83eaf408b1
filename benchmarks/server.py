"""An HTTP server for the benchmark, and requests for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from subprocess import Popen
from typing import Any

from app.http.tokens import issue_token
from app.settings import load_settings
from benchmarks.database_rows import AnsweredAssessment
from benchmarks.environment import Environment
from benchmarks.processes import find_events, start_service
from tests.conftest import SECRET, UNLIMITED

MAX_QUEUED = 1_000_000


@dataclass(frozen=True)
class Server:
    """A running `assay serve`, or what is compared with it; `children` are the ids of its processes, if it is only
    their supervisor."""

    process: "Popen[Any]"
    port: int
    children: tuple[int, ...] = ()

    @property
    def pids(self) -> list[int]:
        """The ids of all its processes."""
        return [self.process.pid, *self.children]


@contextmanager
def start_server(environment: Environment, processes: int = 1) -> Iterator[Server]:
    """Runs a server of so many processes, whose queue is long enough for every submission of the benchmark."""
    log = environment.folder / f"serve-{processes}.log"
    settings = {
        "DATABASE_URL": environment.database_url,
        "REDIS_URL": environment.redis_url,
        "JWT_SECRET": SECRET,
        "PORT": "0",
        "MAX_QUEUED_ASSESSMENTS": str(MAX_QUEUED),
        **UNLIMITED,
    }
    with start_service("serve", log, "serving", settings, processes) as process:
        [serving] = find_events(log, "serving")
        children = tuple(entry["pid"] for entry in find_events(log, "process_ready"))
        yield Server(process, int(serving["addresses"][0].rpartition(":")[2]), children)


def submit_request(assessment: AnsweredAssessment) -> str:
    """The HTTP request that submits the assessment, ready to be sent."""
    return _request("POST", assessment, "submit", "Content-Length: 0\r\n")


def status_request(assessment: AnsweredAssessment, tag: str | None) -> str:
    """The HTTP request that reads its status, unless it is the one with this entity tag."""
    return _request("GET", assessment, "status", f"If-None-Match: {tag}\r\n" if tag else "")


def _request(method: str, assessment: AnsweredAssessment, action: str, headers: str) -> str:
    token = issue_token(load_settings(jwt_secret=SECRET), assessment.owner, ["student"], 3600)
    return (
        f"{method} /assessments/{assessment.assessment_id}/{action} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {token}\r\n{headers}\r\n"
    )
