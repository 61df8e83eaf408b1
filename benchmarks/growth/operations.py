"""What is measured with many assessments in the tables: requests of a server, and what workers do periodically."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from uuid import UUID

from app.domain.states import JobType, Role
from app.http.tokens import issue_token
from app.repositories import assessments, idempotency, jobs, scores, webhooks
from app.repositories.results import reviews
from app.repositories.sql import Pool
from app.services.day_counts import count_next_day
from app.settings import load_settings
from benchmarks.database_rows import AnsweredAssessment
from benchmarks.growth import growth_rows
from tests.bank import SLUG
from tests.conftest import SECRET


@dataclass(frozen=True)
class Request:
    """A request of a caller, and the status of its answer."""

    method: str
    path: str
    headers: dict[str, str]
    body: str = ""
    status: int = 200


@dataclass(frozen=True)
class Operation:
    """Requests that are measured together, one after the other. `limit` is how many times the CPU time with the fewest
    rows it may need (None: it has no such limit), and `most_ms` a limit of the time."""

    name: str
    requests: Sequence[Request] = field(repr=False)
    limit: float | None = 1.5
    most_ms: float | None = None


@dataclass(frozen=True)
class Periodic:
    """What a worker does again and again, also while there is nothing to do."""

    name: str
    work: Callable[[Pool], Awaitable[object]]


_COUNT = 200
_HEALING_SECONDS = 7 * 86400.0
# A statement that reads all would take minutes for so many requests.
_FEW = 10
_MOST_MS = 300.0
PERIODIC = (
    Periodic("relay: jobs", lambda pool: jobs.take_unclaimed(pool, list(JobType), 2.0, 500)),
    Periodic("relay: webhooks", lambda pool: webhooks.take_unclaimed(pool, 2.0, 500)),
    Periodic("overdue assessments", lambda pool: assessments.expire_overdue(pool, 500)),
    Periodic("expired keys", lambda pool: idempotency.delete_expired(pool, 500)),
    Periodic("expired reservations", lambda pool: reviews.delete_expired(pool, 500)),
    Periodic("healing: degraded essays", lambda pool: scores.find_degraded(pool, _HEALING_SECONDS, 5, 100)),
    Periodic("counting days", count_next_day),
    Periodic("metrics: jobs by status", jobs.count_by_status),
)


def operations(
    answered: Sequence[AnsweredAssessment], ended: Sequence[tuple[UUID, str]], cookie: str
) -> list[Operation]:
    """All operations: `answered` are open assessments, `ended` completed ones with their owners, `cookie` is that of a
    session of staff."""
    return [*_of_students(answered, ended), *_lists(), *_figures(cookie)]


def _of_students(answered: Sequence[AnsweredAssessment], ended: Sequence[tuple[UUID, str]]) -> Iterator[Operation]:
    owned = [(assessment_id, _token(owner, Role.STUDENT)) for assessment_id, owner in ended]
    submissions = [
        Request("POST", f"/assessments/{one.assessment_id}/submit", _token(one.owner, Role.STUDENT), status=202)
        for one in answered
    ]
    yield Operation("submit", submissions)
    yield Operation("start", [_start(number) for number in range(_COUNT)])
    yield Operation("poll", [Request("GET", f"/assessments/{i}/status", token) for i, token in owned])
    yield Operation("result", [Request("GET", f"/assessments/{i}/result", token) for i, token in owned])
    yield Operation("list: one's own", [Request("GET", "/assessments", token) for _, token in owned])


def _lists() -> Iterator[Operation]:
    staff = _token("advisor", Role.ADVISOR, Role.ADMIN)
    for name, path in (
        ("list: newest of all", "/assessments"),
        ("list: a rare track", f"/assessments?track={growth_rows.RARE_TRACK}"),
        ("list: failed", "/assessments?status=failed"),
        ("review queue", "/reviews"),
        ("review queue of a track", f"/reviews?track={SLUG}&order=confidence"),
        ("failed jobs", "/jobs?status=failed"),
    ):
        yield Operation(name, [Request("GET", path, staff)] * _COUNT)


def _figures(cookie: str) -> Iterator[Operation]:
    staff, now = _token("advisor", Role.ADVISOR, Role.ADMIN), datetime.now(UTC)
    for what in ("overview", "scores", "model-calls", "feedback"):
        for name, days in (("a month", 30), ("a year", 365)):
            periods = islice(_periods(now, days), _FEW)
            requests = [Request("GET", f"/analytics/{what}?{period}", staff) for period in periods]
            yield Operation(f"analytics: {what}, {name}", requests, None, _MOST_MS)
    periods = islice(_periods(now, 365), _FEW)
    path, headers = f"/dashboard/insights?track={SLUG}", {"Cookie": cookie}
    requests = [Request("GET", f"{path}&{period}", headers) for period in periods]
    yield Operation("insights of a track, a year", requests, None, _MOST_MS)


def gradebook() -> Request:
    """The grade book of all assessments."""
    return Request("GET", "/gradebook?format=csv", _token("advisor", Role.ADVISOR))


def _periods(now: datetime, days: int) -> Iterator[str]:
    """Periods that end now or a little earlier, as queries: each another one, because figures of one are kept."""
    for number in count():
        end = now - timedelta(seconds=number)
        yield f"from={(end - timedelta(days=days)):%Y-%m-%dT%H:%M:%SZ}&to={end:%Y-%m-%dT%H:%M:%SZ}"


def _start(number: int) -> Request:
    headers = _token(f"newcomer-{number}", Role.STUDENT) | {"Content-Type": "application/json"}
    return Request("POST", "/assessments", headers, f'{{"track": "{SLUG}"}}', 201)


def _token(owner: str, *roles: Role) -> dict[str, str]:
    token = issue_token(load_settings(jwt_secret=SECRET), owner, list(roles), 7200)
    return {"Authorization": f"Bearer {token}"}
