"""Rate limits: of each caller with a valid token, and of each address without one."""

import asyncio
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.http.rate_limits import TokenBuckets
from app.repositories.sql import Pool
from app.setting_types import Rate
from app.settings import load_settings
from tests.api import Api, Reply, token
from tests.bank import SLUG
from tests.conftest import SECRET
from tests.web.assessments.test_events import stream
from tests.web.conftest import Serve
from tests.web.http.test_server_connections import GARBAGE, TOO_LONG, send
from tests.web.problems import problem
from tests.web.test_bodies import MIB, padded, send_stream

# So slow that no token comes back during a test.
FEW = Rate(3, 80_000)
MANY = Rate(1_000, 80_000)
OFF = Rate()


class Clock:
    """A clock that the test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def left(reply: Reply) -> int:
    """How many requests are left, as the answer says."""
    assert reply.headers["RateLimit-Policy"] in (f'"default";q={rate.requests};w=80000' for rate in (FEW, MANY))
    name, remaining, reset = reply.headers["RateLimit"].split(";")
    assert name == '"default"' and reset.startswith("t=") and 0 <= int(reset[2:]) <= 80_000
    return int(remaining.removeprefix("r="))


def refused(reply: Reply) -> dict[str, Any]:
    """The problem of a request over the limit."""
    body = problem(reply, 429, "rate-limited")
    assert 20_000 < int(reply.headers["Retry-After"]) <= 26_667 and left(reply) == 0
    return body


async def test_each_caller_has_a_quota_of_their_own(serve: Serve) -> None:
    api = await serve(rate_limit=FEW, rate_limit_address=FEW)
    assert [left(await api.get("/tracks")) for _ in range(3)] == [2, 1, 0]
    for _ in range(2):
        assert "second" in refused(await api.get("/tracks"))["detail"]
    other = api.as_("student", sub="student-2")
    assert left(await other.get("/tracks")) == 2
    # Another token of the same person, and other roles, are the same caller.
    refused(await Api(api.client, "student-1", ("admin",)).get("/tracks"))


async def test_the_limit_comes_before_everything_else(serve: Serve, path: str) -> None:
    api = await serve(rate_limit=FEW, rate_limit_address=FEW)
    for _ in range(3):
        await api.get("/tracks")
    for method, target, body in (
        ("GET", "/nowhere", None),
        ("DELETE", "/tracks", None),
        ("POST", "/tracks", None),
        ("POST", "/assessments", [1]),
        ("GET", path, None),
        ("OPTIONS", "/tracks", None),
    ):
        refused(await api.send(method, target, body))


async def test_requests_without_a_valid_token_count_for_their_address(serve: Serve) -> None:
    api = await serve(rate_limit=MANY, rate_limit_address=Rate(12, 80_000))
    bad = {
        "none": {},
        "garbage": {"Authorization": "Bearer a.b.c"},
        "another scheme": {"Authorization": "Basic YTpi"},
        "another secret": {"Authorization": f"Bearer {token('student-1', 'student', secret=SECRET[::-1])}"},
        "expired": {"Authorization": f"Bearer {token('student-1', 'student', exp=1)}"},
        "no name": {"Authorization": f"Bearer {token('', 'student')}"},
    }
    for headers in bad.values():
        async with api.client.get("/tracks", headers=headers) as reply:
            assert reply.status == 401
    for target in ("/openapi.json", "/docs", "/docs/docs.js", "/nowhere", "/tracks", "/"):
        async with api.client.get(target) as reply:
            assert "RateLimit" in reply.headers
    for headers in bad.values():
        async with api.client.get("/tracks", headers=headers) as reply:
            assert (reply.status, reply.headers["Content-Type"]) == (429, "application/problem+json")
            assert "WWW-Authenticate" not in reply.headers
    # Whoever sends bad tokens takes nothing from the callers behind the same address.
    assert [left(await api.get("/openapi.json")) for _ in range(2)] == [999, 998]


async def test_a_bad_token_is_logged_once(serve: Serve) -> None:
    api = await serve(rate_limit=FEW, rate_limit_address=FEW)
    for target in ("/tracks", "/openapi.json"):
        with capture_logs() as logs:
            async with api.client.get(target, headers={"Authorization": "Bearer a.b.c"}):
                pass
        assert [line["event"] for line in logs] == ["token_refused", "request"]


async def test_health_checks_do_not_count_and_have_the_headers(serve: Serve) -> None:
    api = await serve(rate_limit=FEW, rate_limit_address=FEW)
    for target in ("/healthz", "/readyz", "/metrics"):
        for _ in range(2):
            reply = await api.get(target)
            assert (reply.status, left(reply)) == (200, 3)
    for _ in range(3):
        async with api.client.get("/nowhere"):
            pass
    assert ((await api.get("/healthz")).status, left(await api.get("/healthz"))) == (200, 0)


async def test_every_answer_says_what_is_left(serve: Serve, path: str) -> None:
    api = await serve(rate_limit=MANY, rate_limit_address=MANY)
    tag = (await api.get(f"{path}/status")).headers["ETag"]
    answers = [
        await api.get(f"{path}/status", If_None_Match=tag),
        await api.post("/assessments", {"track": SLUG}),
        await api.post("/assessments", {"track": 1}),
        await api.send_raw("POST", "/assessments", b"{", {"Content-Type": "application/json"}),
        await send_stream(api, "POST", "/assessments", padded(MIB + 1)),
        await api.send_raw("POST", "/assessments", b"{}", {"Content-Type": "text/plain"}),
        await api.send("HEAD", "/tracks"),
        await api.get("/nowhere"),
        await api.delete("/tracks"),
        await api.post("/tracks", {}),
        await api.get("/assessments/00000000-0000-0000-0000-000000000007"),
        await api.get("/tracks?limit=0"),
    ]
    assert [reply.status for reply in answers] == [304, 200, 422, 400, 413, 415, 200, 404, 405, 403, 404, 400]
    assert [before - after for before, after in pairwise(map(left, answers))] == [1] * (len(answers) - 1)


async def test_answers_of_a_server_without_postgres_say_what_is_left(serve: Serve) -> None:
    nowhere = load_settings(database_url="postgresql://assay@127.0.0.1:1/assay").database_url
    reply = await (await serve(rate_limit=MANY, database_url=nowhere)).get("/tracks")
    assert (reply.status, left(reply)) == (503, 999)


async def test_answers_before_any_route_count_for_the_address(serve: Serve) -> None:
    api = await serve(rate_limit=FEW, rate_limit_address=MANY)
    raw = [*GARBAGE.values(), *(head for head, _, _ in TOO_LONG.values())]
    raw += [b"GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n"]
    remaining = []
    for request in raw:
        answer = await send(api, request)
        assert (
            answer.status in (400, 414, 417, 431) and answer.headers["RateLimit-Policy"] == '"default";q=1000;w=80000'
        )
        remaining.append(int(answer.headers["RateLimit"].split(";")[1].removeprefix("r=")))
    assert remaining == list(range(999, 999 - len(raw), -1))


async def test_the_document_says_which_requests_count(serve: Serve) -> None:
    paths = (await (await serve()).get("/openapi.json")).body["paths"]
    uncounted = {
        path for path, item in paths.items() for operation in item.values() if "429" not in operation["responses"]
    }
    assert uncounted == {"/healthz", "/readyz", "/metrics"}


async def test_a_long_poll_and_a_stream_count_once(serve: Serve, path: str, pool: Pool) -> None:
    api = await serve(rate_limit=MANY)
    before = left(await api.get("/tracks"))
    async with stream(api, path) as events:
        assert f"r={before - 1};" in events.reply.headers["RateLimit"]
        await events.event()
        for _ in range(3):
            await pool.execute("UPDATE assessments SET revision = revision + 1")
        known = await api.get(f"{path}/status")
        waiting = asyncio.create_task(api.get(f"{path}/status?wait=60", If_None_Match=known.headers["ETag"]))
        await api.post(f"{path}/submit")
        assert left(await waiting) == before - 4
        while (await events.event()).data["status"] != "submitted":
            pass
    assert left(await api.get("/tracks")) == before - 5


async def test_without_limits_there_are_no_headers(serve: Serve) -> None:
    api = await serve(rate_limit=OFF, rate_limit_address=FEW)
    for _ in range(5):
        reply = await api.get("/tracks")
        assert (reply.status, {"RateLimit", "RateLimit-Policy"} & set(reply.headers)) == (200, set())
    async with api.client.get("/tracks") as anonymous:
        assert anonymous.headers["RateLimit-Policy"] == '"default";q=3;w=80000'


def test_a_bucket_is_refilled_evenly() -> None:
    clock = Clock()
    buckets = TokenBuckets(Rate(600, 60), clock=clock)
    assert [buckets.take("a") for _ in range(600)] == [0] * 600
    assert buckets.left("a") == '"default";r=0;t=60'
    assert buckets.take("a") == pytest.approx(0.1)
    clock.now += 0.1
    assert buckets.take("a") == 0 and buckets.take("a") > 0
    clock.now += 30
    assert buckets.left("a") == '"default";r=300;t=30'
    clock.now += 1000
    assert buckets.left("a") == '"default";r=600;t=0'


@given(
    rate=st.builds(Rate, st.integers(1, 50), st.integers(1, 100)),
    pauses=st.lists(st.one_of(st.just(0), st.integers(0, 100_000)), max_size=150),
)
def test_buckets_allow_what_the_rate_says(rate: Rate, pauses: list[int]) -> None:
    """Pauses are in milliseconds. The comparison keeps a count of tokens, in exact numbers."""
    clock = Clock()
    buckets = TokenBuckets(rate, clock=clock)
    tokens, elapsed = Fraction(rate.requests), Fraction()
    for pause in pauses:
        elapsed += Fraction(pause, 1000)
        clock.now = 1000 + float(elapsed)
        tokens = min(tokens + Fraction(pause * rate.requests, 1000 * rate.seconds), Fraction(rate.requests))
        seconds = buckets.take("a")
        if not seconds:
            tokens -= 1
        assert tokens > Fraction(-1, 50) and (not seconds or tokens < 1)
        # Whoever waits as long as they are told is let in.
        assert not seconds or tokens + Fraction(seconds) * rate.requests / rate.seconds > Fraction(98, 100)


def test_an_empty_bucket_cannot_be_pushed_out() -> None:
    """A thousand others are tracked at most; many more callers come, each of whom takes one token."""
    clock = Clock()
    buckets = TokenBuckets(Rate(10, 3600), max_buckets=1000, clock=clock)
    for _ in range(10):
        buckets.take("attacker")
    for number in range(20_000):
        assert buckets.take(f"address-{number}") == 0
        assert len(buckets._full_at) <= 1000
    assert buckets.take("attacker") > 0


def test_full_buckets_are_given_up_first() -> None:
    clock = Clock()
    buckets = TokenBuckets(Rate(600, 60), max_buckets=1000, clock=clock)
    for second in range(50):
        clock.now += 1
        for number in range(400):
            buckets.take(f"{second}-{number}")
        # Two tokens of each busy caller's ten come back every second.
        for number in range(20):
            for _ in range(12):
                buckets.take(f"busy-{number}")
    assert all(buckets.left(f"busy-{number}").startswith('"default";r=49') for number in range(20))
