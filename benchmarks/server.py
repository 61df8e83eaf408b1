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
from benchmarks.processes import find_event, start_service
from tests.conftest import SECRET, UNLIMITED

MAX_QUEUED = 1_000_000


@dataclass(frozen=True)
class Server:
    """A running `assay serve`, or what is compared with it."""

    process: "Popen[Any]"
    port: int


@contextmanager
def start_server(environment: Environment) -> Iterator[Server]:
    """Runs a server whose queue is long enough for every submission of the benchmark."""
    log = environment.folder / "serve.log"
    settings = {
        "DATABASE_URL": environment.database_url,
        "REDIS_URL": environment.redis_url,
        "JWT_SECRET": SECRET,
        "PORT": "0",
        "MAX_QUEUED_ASSESSMENTS": str(MAX_QUEUED),
        **UNLIMITED,
    }
    with start_service("serve", log, "serving", settings) as process:
        serving = find_event(log, "serving")
        assert serving
        yield Server(process, int(serving["addresses"][0].rpartition(":")[2]))


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
