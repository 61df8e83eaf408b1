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
from benchmarks import database_rows
from benchmarks.environment import Environment
from benchmarks.pages import page_rows
from benchmarks.processes import cpu_seconds, memory_bytes
from benchmarks.report import Measurement, at_most, percentile
from benchmarks.server import Server, start_server
from tests.bank import SLUG

NOTES = (
    "pages: each page over HTTP, one request after the other, as somebody with every role sees it, among 10,000 scored "
    "assessments of 1,000 students; pages of a thing that is not there are left out. The first view is the page with "
    "its styles, scripts and icon, uncompressed. A watcher is an event stream with a session of its own.",
)
_ASSESSMENTS = 10_000
_STUDENTS = 1_000
_REQUESTS = 40
_MAX_MS = 50.0
_MAX_BYTES = 100_000
_WATCHERS = 2_000
_AT_ONCE = 100
_ASSET = re.compile(r'(?:href|src)="([^"]*/dashboard/assets/[^"]*)"')


def run(environment: Environment) -> list[Measurement]:
    """A measurement for each page, then the first view and the watchers."""
    assessment_id = environment.run(lambda pool: page_rows.plant(pool, environment, _ASSESSMENTS, _STUDENTS))
    cookie = environment.run(lambda pool: _signed_in(pool, page_rows.STUDENT))
    ids = environment.run(lambda pool: _ids(pool, environment, assessment_id))
    with start_server(environment) as server:
        measurements = list(_page_measurements(server, cookie, ids))
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
    return {
        "assessment_id": str(assessment_id),
        "other_assessment_id": str(other),
        "question_id": str(environment.bank.ids["essay"]),
        "slug": SLUG,
        "credential_id": str(await pool.fetchval("SELECT id FROM credentials LIMIT 1")),
        "job_id": str(await pool.fetchval("SELECT id FROM async_jobs WHERE assessment_id = $1 LIMIT 1", assessment_id)),
    }


def _page_measurements(server: Server, cookie: str, ids: dict[str, str]) -> Iterable[Measurement]:
    for route in ROUTES:
        path = _path(route, ids)
        if route.method != "GET" or path is None:
            continue
        status, durations = _durations(server.port, path, cookie)
        if status == http.client.OK:
            note = f"median {percentile(durations, 50):.1f} ms"
            yield at_most("pages", f"{route.path} (p95)", "ms", percentile(durations, 95), {}, _MAX_MS, note)


def _path(route: PageRoute, ids: dict[str, str]) -> str | None:
    """The route's path to something that exists; None for a stream and for things that were not planted."""
    names = re.findall(r"{(\w+)}", route.path)
    if route.path.endswith("/events") or not set(names) <= set(ids):
        return None
    # Nobody reviews an assessment of their own.
    others = {"assessment_id": ids["other_assessment_id"]} if "/review/" in route.path else {}
    return route.path.format(**ids | others)


def _durations(port: int, path: str, cookie: str) -> tuple[int, list[float]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    durations, status = [], 0
    for _ in range(_REQUESTS):
        started = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        durations.append(1000 * (time.perf_counter() - started))
        status = answer.status
        if status != http.client.OK:
            break
    connection.close()
    return status, durations


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
            answer = await session.get(url, headers=headers, timeout=aiohttp.ClientTimeout())
            await answer.content.readuntil(b"\n\n" if answer.status == http.client.OK else b"")
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
