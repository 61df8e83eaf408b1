"""Part "pages": the server's time for each page with 10,000 assessments, the bytes of a first view, and people who
watch the progress of their assessments."""

import asyncio
import http.client
import re
import time
from collections.abc import Iterable
from uuid import UUID, uuid4

import aiohttp

from app.domain.states import Role
from app.pages.routes import ROUTES, PageRoute
from app.repositories.sql import Pool
from app.services import sessions
from app.services.caller import Caller
from app.services.erasure import request_erasure
from benchmarks import database_rows
from benchmarks.environment import Environment
from benchmarks.pages import page_rows
from benchmarks.processes import cpu_seconds, memory_bytes
from benchmarks.report import Measurement, at_most, percentile
from benchmarks.server import Server, start_server
from tests.api_keys import new_api_key
from tests.bank import SLUG
from tests.subscriptions import insert_subscription_delivery, new_subscription

NOTES = (
    "pages: each page over HTTP, one request after the other, as somebody with every role sees it, among 10,000 scored "
    "assessments of 1,000 students; downloads and answers other than 200 are left out. CPU times are means. The "
    "slowest request is mostly the first; that of the insights computes what the others show. The first view is the "
    "page with its styles, scripts and icon, uncompressed. A watcher is an event stream with a session of its own.",
)
_ASSESSMENTS = 10_000
_STUDENTS = 1_000
_REQUESTS = 40
_MAX_MS = 50.0
_MAX_BYTES = 100_000
_WATCHERS = 2_000
_AT_ONCE = 100
_CONNECT_SECONDS = 30
# What pages need beside their path, and what makes them read the most.
_QUERIES = {
    "/dashboard/questions": "?track={slug}",
    "/dashboard/questions/new": "?track={slug}&type=essay",
    "/dashboard/insights": "?track={slug}",
    "/dashboard/jobs": "?status=completed",
    "/dashboard/people/erase": "?person=student-7",
}
_ASSET = re.compile(r'(?:href|src)="([^"]*/dashboard/assets/[^"]*)"')


def run(environment: Environment) -> list[Measurement]:
    """A measurement for each page, then the first view and the watchers."""
    assessment_id = environment.run(lambda pool: page_rows.plant(pool, environment, _ASSESSMENTS, _STUDENTS))
    cookie = environment.run(lambda pool: _signed_in(pool, page_rows.STUDENT))
    ids = environment.run(lambda pool: _ids(pool, environment, assessment_id))
    with start_server(environment) as server:
        measurements = list(_page_measurements(environment, server, cookie, ids))
        measurements.append(_first_view(server, cookie, f"/dashboard/assessments/{assessment_id}"))
    environment.reset()
    cookies = environment.run(_watchers)
    with start_server(environment) as server:
        return measurements + asyncio.run(_watch(server, cookies))


async def _signed_in(pool: Pool, owner: str) -> str:
    session_id, _ = await sessions.begin(pool, Caller(owner, frozenset(Role)))
    return f"assay-session={session_id}"


async def _ids(pool: Pool, environment: Environment, assessment_id: UUID) -> dict[str, str]:
    """What stands in paths, by the names of path parameters."""
    other = await pool.fetchval("SELECT id FROM assessments WHERE owner = 'student-7' LIMIT 1")
    key = await new_api_key(pool, Role.STUDENT)
    erasure = await request_erasure(pool, "admin-1", "student-8")
    subscription_id = await new_subscription(pool)
    delivery_id = await insert_subscription_delivery(pool, assessment_id, subscription_id)
    return {
        "assessment_id": str(assessment_id),
        "other_assessment_id": str(other),
        "question_id": str(environment.bank.ids["essay"]),
        "slug": SLUG,
        "credential_id": str(await pool.fetchval("SELECT id FROM credentials LIMIT 1")),
        "job_id": str(await pool.fetchval("SELECT id FROM async_jobs WHERE assessment_id = $1 LIMIT 1", assessment_id)),
        "key_id": str(key.record.key_id),
        "erasure_id": str(erasure.erasure_id),
        "subscription_id": str(subscription_id),
        "delivery_id": str(delivery_id),
    }


def _page_measurements(
    environment: Environment, server: Server, cookie: str, ids: dict[str, str]
) -> Iterable[Measurement]:
    for route in ROUTES:
        path = _path(route, ids)
        if route.method != "GET" or path is None:
            continue
        before = _cpu_times(environment, server)
        durations = _durations(server.port, path, cookie)
        if not durations:
            continue
        after = _cpu_times(environment, server)
        spent = {pid: after[pid] - before[pid] for pid in before.keys() & after.keys()}
        in_server = spent.pop(server.process.pid)
        note = (
            f"median {percentile(durations, 50):.1f} ms, slowest {max(durations):.1f} ms; CPU: server "
            f"{1000 * in_server / len(durations):.1f} ms, database {1000 * sum(spent.values()) / len(durations):.1f} ms"
        )
        yield at_most(
            "pages",
            f"{route.path}{_QUERIES.get(route.path, '')} (p95)",
            "ms",
            percentile(durations, 95),
            {},
            _MAX_MS,
            note,
        )


def _cpu_times(environment: Environment, server: Server) -> dict[int, float]:
    """CPU seconds of the server and of the database's processes that work for it, by process id."""
    return {pid: cpu_seconds(pid) for pid in [server.process.pid, *environment.run(_backends)]}


async def _backends(pool: Pool) -> list[int]:
    """The processes of the database that work for the server."""
    rows = await pool.fetch(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'assay serve%'"
    )
    return [row["pid"] for row in rows]


def _path(route: PageRoute, ids: dict[str, str]) -> str | None:
    """The route's path to something that exists; None for a stream and for things that were not planted."""
    names = re.findall(r"{(\w+)}", route.path)
    if route.path.endswith("/events") or not set(names) <= set(ids):
        return None
    # Nobody reviews an assessment of their own.
    others = {"assessment_id": ids["other_assessment_id"]} if "/review/" in route.path else {}
    return (route.path + _QUERIES.get(route.path, "")).format(**ids | others)


def _durations(port: int, path: str, cookie: str) -> list[float]:
    """Milliseconds of each request; none if there is no page, but a download or another answer than 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    durations = []
    for _ in range(_REQUESTS):
        started = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        durations.append(1000 * (time.perf_counter() - started))
        if answer.status != http.client.OK or answer.headers.get_content_type() != "text/html":
            durations.clear()
            break
    connection.close()
    return durations


def _first_view(server: Server, cookie: str, path: str) -> Measurement:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def read(path: str) -> bytes:
        connection.request("GET", path, headers={"Cookie": cookie})
        return connection.getresponse().read()

    page = read(path)
    total = len(page) + sum(len(read(asset)) for asset in set(_ASSET.findall(page.decode())))
    connection.close()
    return at_most("pages", "first view of a result", "bytes", total, {}, _MAX_BYTES, f"{len(page)} are the page")


async def _watchers(pool: Pool) -> list[tuple[str, str]]:
    """The path of the events and the cookie of each person who waits for a result."""
    await database_rows.insert_queued_jobs(pool, _WATCHERS)
    rows = await pool.fetch("SELECT id, owner FROM assessments WHERE status = 'submitted'")
    return [(f"/dashboard/assessments/{row['id']}/events", await _signed_in(pool, row["owner"])) for row in rows]


async def _watch(server: Server, watchers: list[tuple[str, str]]) -> list[Measurement]:
    """Memory of a watcher, and the share of a core while all wait."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def connect(path: str, cookie: str) -> aiohttp.ClientResponse:
            url, headers = f"http://127.0.0.1:{server.port}{path}", {"Cookie": cookie, "X-Request-ID": str(uuid4())}
            async with asyncio.timeout(_CONNECT_SECONDS):
                answer = await session.get(url, headers=headers, timeout=aiohttp.ClientTimeout())
                if answer.status == http.client.OK:
                    # The end of the first event.
                    await answer.content.readuntil(b"\r\n\r\n")
            return answer

        # What the first requests make the server allocate is not counted.
        answers = [await connect(*watcher) for watcher in watchers[:_AT_ONCE]]
        before = memory_bytes(server.process.pid)
        for start in range(_AT_ONCE, len(watchers), _AT_ONCE):
            answers += await asyncio.gather(*(connect(*watcher) for watcher in watchers[start : start + _AT_ONCE]))
        memory = (memory_bytes(server.process.pid) - before) / (len(watchers) - _AT_ONCE)
        open_streams = sum(answer.status == http.client.OK for answer in answers)
        cpu, seconds = cpu_seconds(server.process.pid), 10
        await asyncio.sleep(seconds)
        percent = 100 * (cpu_seconds(server.process.pid) - cpu) / seconds
        for answer in answers:
            answer.close()
    fits = f"{open_streams} of {len(watchers)} streams are open; a gigabyte holds {1024**3 / memory:,.0f}"
    return [
        at_most("pages", "memory of a watcher", "KiB", memory / 1024, {}, None, fits),
        at_most("pages", f"CPU while {open_streams} watch", "% of a core", percent, {}, None),
    ]
