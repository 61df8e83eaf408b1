"""Part "reviews": the time of a page of the review queue, with an item of each of 100,000 assessments in it."""

import http.client
import random
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from app.http.tokens import issue_token
from app.repositories.sql import Pool
from app.settings import load_settings
from benchmarks.environment import Environment
from benchmarks.report import Measurement, at_most
from benchmarks.server import start_server
from tests.bank import SLUG
from tests.conftest import SECRET

NOTES = (
    "reviews: pages of 50 items over HTTP, one request after the other, with an item of each assessment in the queue. "
    "The rare reason is that of one item in a thousand, so that such a page passes over many others.",
)
_ASSESSMENTS = 100_000
_REQUESTS = 40
_MAX_MS = 100.0
_QUERIES = {
    "longest waiting first": "",
    "least confident first": "?order=confidence",
    "shuffled": "?order=shuffled",
    "one track, a rare reason": f"?track={SLUG}&reason=suspected_injection",
}


def run(environment: Environment) -> list[Measurement]:
    """A measurement for each way to read the queue: the 95th percentile of a page."""
    essay = environment.bank.ids["essay"]
    environment.run(lambda pool: plant(pool, essay, _ASSESSMENTS))
    with start_server(environment) as server:
        return [_measured(name, page_milliseconds(server.port, query)) for name, query in _QUERIES.items()]


async def plant(pool: Pool, essay: UUID, count: int) -> None:
    """So many completed assessments of one essay, each with an item in the queue."""
    track = await pool.fetchval("SELECT id FROM tracks WHERE slug = $1", SLUG)
    numbers, now, day = random.Random(1), datetime.now(UTC), timedelta(days=1)  # noqa: S311 - no secret
    ids = [uuid4() for _ in range(count)]
    assessments = [(row, f"student-{row}", track, "completed", now, now, now, now, True) for row in ids]
    questions = [(row, essay, 1, 0) for row in ids]
    reasons = [["suspected_injection"] if number % 1000 == 0 else ["low_confidence"] for number in range(count)]
    items = [
        (row, essay, track, reason, numbers.random(), now - day * numbers.random())
        for row, reason in zip(ids, reasons, strict=True)
    ]
    columns = ["id", "owner", "track_id", "status", "created_at", "expires_at", "submitted_at", "completed_at"]
    item_columns = ["assessment_id", "question_id", "track_id", "reasons", "confidence", "created_at"]
    async with pool.acquire() as conn:
        await conn.execute("SET statement_timeout = 0")
        for table, records, names in (
            ("assessments", assessments, [*columns, "needs_review"]),
            ("assessment_questions", questions, ["assessment_id", "question_id", "version", "position"]),
            ("review_items", items, item_columns),
        ):
            await conn.copy_records_to_table(table, records=records, columns=names, timeout=120)
        await conn.execute("VACUUM ANALYZE", timeout=120)


def page_milliseconds(port: int, query: str) -> list[float]:
    """The durations of requests for the first page, one after the other."""
    token = issue_token(load_settings(jwt_secret=SECRET), "advisor", ["advisor"], 3600)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    durations = []
    for _ in range(_REQUESTS):
        started = time.perf_counter()
        connection.request("GET", f"/reviews{query}", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
        durations.append(1000 * (time.perf_counter() - started))
        if answer.status != http.client.OK:
            raise RuntimeError(f"a page of the queue was answered {answer.status}: {body[:200]!r}")
    connection.close()
    return durations


def _measured(name: str, durations: list[float]) -> Measurement:
    ordered = sorted(durations)
    note = f"median {ordered[len(ordered) // 2]:.1f} ms"
    return at_most("reviews", f"page, {name} (p95)", "ms", ordered[int(0.95 * len(ordered))], {}, _MAX_MS, note)
