"""Part "gradebook": the grade book of 100,000 finished assessments, streamed over HTTP."""

import http.client
import time
from dataclasses import dataclass

from app.http.tokens import issue_token
from app.repositories.sql import Pool
from app.settings import load_settings
from benchmarks.environment import Environment
from benchmarks.processes import cpu_seconds, memory_bytes
from benchmarks.report import Measurement, at_most
from benchmarks.server import Server, start_server
from tests.bank import SLUG
from tests.conftest import SECRET

NOTES = (
    "gradebook: `GET /gradebook` with a row for each of 100,000 assessments, from the request to the last byte; memory "
    "is what the server's process has more at its most during the answer than before it.",
)
_ASSESSMENTS = 100_000
_LEAST_ROWS = 5_000
_MAX_MEMORY_MB = 20.0
_CHUNK = 256 * 1024
_SECONDS = 120
_ASSESSMENTS_SQL = """
    INSERT INTO assessments (owner, track_id, status, created_at, expires_at, submitted_at, completed_at)
    SELECT 'student-' || n, t.id, 'completed', moment, moment + interval '1 hour', moment, moment
    FROM tracks t, generate_series(1, $2::int) AS n,
    LATERAL (SELECT now() - random() * n * interval '1 minute' AS moment) AS started
    WHERE t.slug = $1
"""
_RESULTS_SQL = """
    INSERT INTO results (assessment_id, run, body, overall_score, overall_max_score, overall_percentage,
                         theoretical_score, theoretical_max_score, theoretical_percentage, profile_score,
                         profile_max_score, profile_percentage, essay_score, essay_max_score, essay_percentage,
                         provisional)
    SELECT id, 1, '{}', points, 80, round(points * 125) / 100, 20, 30, 66.67, 10, 10, 100, points - 30, 40,
           round((points - 30) * 250) / 100, false
    FROM assessments, LATERAL (SELECT 30 + round(random()::numeric * 400) / 10 AS points) AS drawn
"""


@dataclass(frozen=True)
class _Download:
    """How long a grade book took, the server's CPU time for it, its size, and how the server's memory grew."""

    seconds: float
    cpu_seconds: float
    size: int
    growth: int


def run(environment: Environment) -> list[Measurement]:
    """For each format: rows per second, and the growth of the server's memory."""
    environment.run(_plant)
    measurements = []
    with start_server(environment) as server:
        for file_format in ("csv", "json"):
            # What the first answer loads once is no growth of later ones.
            _download(server, f"?format={file_format}&to=2000-01-01")
            measurements += _measured(file_format, _download(server, f"?format={file_format}"))
    return measurements


async def _plant(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await conn.execute("SET statement_timeout = 0")
        # Without the triggers, which would read the points out of a body that grade books do not read.
        await conn.execute("SET session_replication_role = replica")
        await conn.execute(_ASSESSMENTS_SQL, SLUG, _ASSESSMENTS, timeout=_SECONDS)
        await conn.execute(_RESULTS_SQL, timeout=_SECONDS)
        await conn.execute("VACUUM ANALYZE", timeout=_SECONDS)


def _download(server: Server, query: str) -> _Download:
    token = issue_token(load_settings(jwt_secret=SECRET), "advisor", ["advisor"], 3600)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=_SECONDS)
    before = most = memory_bytes(server.process.pid)
    started, cpu_before, size = time.perf_counter(), cpu_seconds(server.process.pid), 0
    connection.request("GET", f"/gradebook{query}", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    if answer.status != http.client.OK:
        raise RuntimeError(f"the grade book was answered {answer.status}: {answer.read(200)!r}")
    while piece := answer.read(_CHUNK):
        size += len(piece)
        most = max(most, memory_bytes(server.process.pid))
    seconds = time.perf_counter() - started
    connection.close()
    return _Download(seconds, cpu_seconds(server.process.pid) - cpu_before, size, most - before)


def _measured(file_format: str, download: _Download) -> list[Measurement]:
    rate, growth = _ASSESSMENTS / download.seconds, download.growth / 1e6
    target = f"≥ {_LEAST_ROWS:,} /s"
    note = f"{download.size / 1e6:.0f} MB in {download.seconds:.1f} s; CPU time: {download.cpu_seconds:.1f} s"
    return [
        Measurement("gradebook", f"rows as {file_format}", "/s", rate, {}, None, target, rate >= _LEAST_ROWS, note),
        at_most("gradebook", f"memory, {file_format}", "MB", growth, {}, _MAX_MEMORY_MB),
    ]
