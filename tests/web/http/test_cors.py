"""CORS headers: for pages of the named origins alone, on every answer, and never with credentials."""

from typing import Any

import pytest

from app.setting_types import Rate
from app.settings import WrongSetting, load_settings
from tests.api import Api, Reply
from tests.bank import SLUG, Bank
from tests.web.assessments.test_events import stream
from tests.web.conftest import Serve
from tests.web.test_bodies import MIB, padded, send_stream

ORIGIN = "https://campus.example"
OTHERS = (
    "https://elsewhere.example", "http://campus.example", "https://campus.example:8443", "https://campus.example.evil",
    "https://sub.campus.example", "HTTPS://CAMPUS.EXAMPLE", "null", "*", "", "https://campus.example/",
)  # fmt: skip
EXPOSED = {"ETag", "Location", "Retry-After", "X-Request-ID", "RateLimit", "RateLimit-Policy"}
ALLOWED = {
    "Authorization", "Content-Type", "If-None-Match", "Idempotency-Key", "Last-Event-ID", "Prefer", "X-Request-ID",
    "traceparent",
}  # fmt: skip


@pytest.fixture
async def page(serve: Serve) -> Api:
    """The API as a page of a named origin uses it."""
    api = await serve(cors_origins=["http://localhost:3000", ORIGIN])
    return Api(api.client, headers={"Origin": ORIGIN})


def words(value: str) -> set[str]:
    """The members of a list in a header."""
    return {word.strip() for word in value.split(",")}


def cors_headers(reply: Reply) -> dict[str, str]:
    """The CORS headers of an answer."""
    return {name: value for name, value in reply.headers.items() if name.startswith("Access-Control-")}


def is_readable(reply: Reply, origin: str = ORIGIN) -> bool:
    """Whether the browser lets a page of the origin read the answer and its headers."""
    headers = cors_headers(reply)
    assert "Access-Control-Allow-Credentials" not in headers and "Origin" in words(reply.headers["Vary"])
    assert set(headers) <= {"Access-Control-Allow-Origin", "Access-Control-Expose-Headers"}
    readable = headers.get("Access-Control-Allow-Origin") == origin
    assert readable is (words(headers.get("Access-Control-Expose-Headers", "")) >= EXPOSED)
    return readable


async def test_a_page_reads_all_kinds_of_answers(page: Api, bank: Bank, serve: Serve) -> None:
    started = await page.post("/assessments", {"track": SLUG})
    path = started.headers["Location"]
    tag = (await page.get(f"{path}/status")).headers["ETag"]
    nowhere = load_settings(database_url="postgresql://assay@127.0.0.1:1/assay").database_url
    without_postgres = await serve(cors_origins=[ORIGIN], database_url=nowhere)
    nobody: dict[str, Any] = {"Authorization": "Bearer a.b.c"}
    answers = {
        201: started,
        200: await page.get(path),
        304: await page.get(f"{path}/status", If_None_Match=tag),
        400: await page.get("/tracks?limit=0"),
        401: await page.get("/tracks", **nobody),
        403: await page.get("/jobs"),
        404: await page.get("/nowhere"),
        405: await page.delete("/tracks"),
        413: await send_stream(page, "POST", "/assessments", padded(MIB + 1)),
        422: await page.post("/assessments", {}),
        503: await Api(without_postgres.client, headers=page.headers).get("/tracks"),
    }
    for status, reply in answers.items():
        assert (reply.status, is_readable(reply)) == (status, True)


async def test_a_page_reads_that_it_has_sent_too_much(serve: Serve) -> None:
    api = await serve(cors_origins=[ORIGIN], rate_limit=Rate(1, 80_000), rate_limit_address=Rate(1, 80_000))
    page = Api(api.client, headers={"Origin": ORIGIN})
    replies = [await page.get("/tracks") for _ in range(2)]
    assert [(reply.status, is_readable(reply)) for reply in replies] == [(200, True), (429, True)]
    # Preflights count for the address.
    assert (await preflight(page)).status == 204
    reply = await preflight(page)
    assert (reply.status, is_readable(reply)) == (429, True)


async def test_a_page_reads_the_event_stream(page: Api, bank: Bank) -> None:
    path = (await page.post("/assessments", {"track": SLUG})).headers["Location"]
    async with stream(page, path, Origin=ORIGIN) as events:
        reply = Reply(events.reply.status, events.reply.headers, b"")
        assert (reply.status, is_readable(reply)) == (200, True)
        assert (await events.event()).data["status"] == "in_progress"


async def test_pages_of_other_origins_read_nothing(page: Api) -> None:
    for origin in OTHERS:
        for target in ("/tracks", "/nowhere", "/openapi.json"):
            reply = await page.get(target, Origin=origin)
            assert (is_readable(reply), cors_headers(reply)) == (False, {}), origin
        answer = await preflight(page, Origin=origin)
        assert (answer.status, cors_headers(answer)) == (405, {}), origin
    # Not even with the help of another header.
    both = await page.client.get("/tracks", headers=[("Origin", OTHERS[0]), ("Origin", ORIGIN)])
    assert "Access-Control-Allow-Origin" not in both.headers
    without = await Api(page.client).get("/tracks")
    assert (is_readable(without), without.status) == (False, 200)


async def preflight(page: Api, path: str = "/assessments/x/responses", **headers: str) -> Reply:
    """The answer to a browser that asks before a PATCH; it sends no token."""
    asking = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization,content-type"}
    async with page.client.options(path, headers=page.headers | asking | headers) as answer:
        return Reply(answer.status, answer.headers, await answer.read())


async def test_preflights_are_answered_for_the_named_origins(page: Api) -> None:
    for path in ("/assessments/x/responses", "/tracks", "/nowhere"):
        reply = await preflight(page, path)
        headers = cors_headers(reply)
        assert (reply.status, reply.raw, headers["Access-Control-Allow-Origin"]) == (204, b"", ORIGIN)
        assert words(headers["Access-Control-Allow-Methods"]) == {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
        assert words(headers["Access-Control-Allow-Headers"]) == ALLOWED
        assert 0 < int(headers["Access-Control-Max-Age"]) <= 86_400
        assert "Access-Control-Allow-Credentials" not in headers and "Origin" in words(reply.headers["Vary"])
    # OPTIONS alone is a method like any other.
    assert (await page.send("OPTIONS", "/tracks")).status == 405


async def test_other_reasons_to_vary_are_kept(page: Api) -> None:
    reply = await Api(page.client, "advisor-1", ("advisor",), page.headers).get("/analytics/feedback")
    assert words(reply.headers["Vary"]) == {"Accept", "Origin"}


async def test_without_origins_nothing_is_added(serve: Serve) -> None:
    api = await serve()
    reply = await api.get("/tracks", Origin=ORIGIN)
    assert (cors_headers(reply), "Vary" in reply.headers) == ({}, False)
    assert (await preflight(api, Origin=ORIGIN)).status == 405


@pytest.mark.parametrize(
    "value",
    ["*", "null", "campus.example", "https://campus.example/", "https://campus.example/app", "https://*.example",
     "HTTPS://campus.example", "https://Campus.example", "https://campus.example:443", "http://campus.example:80",
     "https://campus.example:0", "https://campus.example:65536", "https://u@campus.example", "https://c.example?a",
     "https://c.example#a", "https://", "//campus.example", "https://campus.example https://b.example", "https://é"],
)  # fmt: skip
def test_what_is_no_origin_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CORS_ORIGINS", f"{ORIGIN}, {value}")
    with pytest.raises(WrongSetting, match=r"^CORS_ORIGINS: "):
        load_settings()


def test_origins_are_named_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    origins = ["https://campus.example:8443", "http://localhost:3000", "http://[::1]:3000", "capacitor://localhost"]
    monkeypatch.setenv("CORS_ORIGINS", " , ".join(origins))
    assert load_settings().cors_origins == origins
