"""Sessions: how they begin and end, and what they may not be used for."""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from app.domain.states import Role
from app.repositories import erasures
from app.repositories.sql import Pool
from app.server import create_app
from app.services import sessions
from app.services.caller import Caller
from app.settings import Settings
from tests.api import Api, token
from tests.api_keys import new_api_key
from tests.fakes.conditions import until
from tests.pages.conftest import SIGN_IN, NewPerson
from tests.web.conftest import ProductServer


async def test_a_session_begins_with_a_token_and_ends_with_signing_out(person: NewPerson, pool: Pool) -> None:
    ada = await person()
    answer = await ada.sign_in("ada", "student")
    assert (answer.status, answer.target) == (303, "/dashboard")
    assert (await ada.get("/dashboard")).status == 200
    session_id = ada.cookie
    assert [row["owner"] for row in await pool.fetch("SELECT owner FROM sessions")] == ["ada"]
    left = await ada.post("/dashboard/sign-out", {})
    assert (left.status, ada.signed_in) == (303, False)
    # Whoever has kept the cookie cannot use it any more.
    again = await ada.get("/dashboard", Cookie=f"assay-session={session_id}")
    assert (again.status, again.target) == (303, f"{SIGN_IN}?next=%2Fdashboard")


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(person: NewPerson) -> None:
    answer = await (await person()).sign_in("ada", "student")
    [cookie] = [value for value in answer.headers.getall("Set-Cookie") if value.startswith("assay-session=")]
    attributes = {part.strip().partition("=")[0].lower(): part.strip() for part in cookie.split(";")[1:]}
    assert {"httponly", "path", "samesite", "max-age"} == set(attributes)
    assert (attributes["samesite"], attributes["path"]) == ("SameSite=Lax", "Path=/")
    assert 0 < int(attributes["max-age"].partition("=")[2]) <= 8 * 3600


async def test_over_https_only_this_server_may_set_the_cookie(
    aiohttp_client: AiohttpClient, settings: Settings
) -> None:
    behind_proxy = settings.model_copy(update={"trusted_proxies": ["127.0.0.0/8"]})
    client: Any = await aiohttp_client(ProductServer(create_app(behind_proxy)))
    https = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    async with client.get(SIGN_IN, headers=https) as page:
        visitor = SimpleCookie(page.headers["Set-Cookie"])["__Host-assay-visitor"].value
        match = re.search(r'name="csrf" value="([^"]+)"', await page.text())
    assert match
    form = {"token": token("ada", "student"), "csrf": match[1]}
    headers = https | {"Cookie": f"__Host-assay-visitor={visitor}"}
    async with client.post(SIGN_IN, data=form, headers=headers, allow_redirects=False) as answer:
        assert answer.status == 303
        [cookie] = [value for value in answer.headers.getall("Set-Cookie") if "session" in value]
        assert cookie.startswith("__Host-assay-session=") and "; Secure" in cookie and "Domain" not in cookie
        assert answer.headers["Strict-Transport-Security"]
    session_id = SimpleCookie(cookie)["__Host-assay-session"].value
    for name, status in (("__Host-assay-session", 200), ("assay-session", 303)):
        cookies = https | {"Cookie": f"{name}={session_id}"}
        async with client.get("/dashboard", headers=cookies, allow_redirects=False) as answer:
            assert answer.status == status


async def test_links_have_the_path_of_the_public_address(aiohttp_client: AiohttpClient, settings: Settings) -> None:
    changed = settings.model_copy(update={"public_url": "https://example.org/assay"})
    client: Any = await aiohttp_client(ProductServer(create_app(changed)))
    async with client.get(SIGN_IN) as page:
        html = await page.text()
    paths = re.findall(r'(?:href|src|action)="(/[^"]*)"', html)
    assert paths and all(path.startswith("/assay/") for path in paths)
    async with client.get("/dashboard", allow_redirects=False) as answer:
        assert answer.headers["Location"] == f"https://example.org/assay{SIGN_IN}?next=%2Fdashboard"


async def test_signing_in_makes_a_new_id_and_ends_the_session_before(person: NewPerson, pool: Pool) -> None:
    # Somebody has planted an id of their own: it does not become the id of the session.
    planted = "x" * 43
    ada = await person()
    await ada.post(SIGN_IN, {"token": token("ada", "student")}, Cookie=f"assay-session={planted}")
    former = ada.cookie
    assert former not in ("", planted)
    assert (await ada.sign_in("ada", "student")).status == 303
    assert ada.cookie not in (former, planted)
    assert await sessions.find(pool, former) is None
    assert await pool.fetchval("SELECT count(*) FROM sessions") == 1


async def test_a_session_lasts_no_longer_than_its_token(person: NewPerson, pool: Pool) -> None:
    ada = await person()
    await ada.sign_in("ada", "student", exp=int(time.time()) + 100)
    assert await pool.fetchval("SELECT expires_at - now() FROM sessions") <= timedelta(seconds=100)
    await ada.sign_in("ada", "student", exp=int(time.time()) + 1_000_000)
    assert await pool.fetchval("SELECT max(expires_at) - now() FROM sessions") <= timedelta(hours=8)
    await pool.execute("UPDATE sessions SET expires_at = $1", datetime.now(UTC))
    assert (await ada.get("/dashboard")).status == 303
    assert await sessions.delete_expired(pool) == 1


async def test_one_person_has_a_limited_number_of_sessions(person: NewPerson, pool: Pool) -> None:
    first = await person("ada", "student")
    for _ in range(20):
        await (await person()).sign_in("ada", "student")
    assert await pool.fetchval("SELECT count(*) FROM sessions") == 20
    assert (await first.get("/dashboard")).status == 303


@pytest.mark.parametrize("bad", ["", "x", "a.b.c", token("ada", "teacher"), token("ada", "student", exp=1)])
async def test_a_bad_token_begins_no_session(person: NewPerson, pool: Pool, bad: str) -> None:
    ada = await person()
    answer = await ada.post(SIGN_IN, {"token": bad})
    assert (answer.status, 'role="alert"' in answer.html, ada.signed_in) == (422, True, False)
    assert await pool.fetchval("SELECT count(*) FROM sessions") == 0


async def test_an_api_key_begins_no_session(person: NewPerson, pool: Pool) -> None:
    key = (await new_api_key(pool, "admin")).key
    answer = await (await person()).post(SIGN_IN, {"token": key})
    assert answer.status == 422 and "API key is for programs" in answer.text
    assert key not in answer.html


async def test_cookies_do_not_count_for_the_api_nor_tokens_for_pages(person: NewPerson, api: Api) -> None:
    ada = await person("ada", "student")
    assert (await ada.get("/assessments")).status == 401
    assert (await ada.get("/assessments", Authorization=api.bearer)).status == 200
    stranger = await person()
    assert (await stranger.get("/dashboard", Authorization=api.bearer)).status == 303


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example/dashboard", "/dashboard//evil.example@", "/dashboard/\\evil.example",
     "/dashboard\t/x", "/docs", "javascript:alert(1)", "/dashboard/../docs", "/dashboard@evil.example",
     "/dashboard\n/x"],
)  # fmt: skip
async def test_signing_in_leads_to_pages_of_our_own_alone(person: NewPerson, target: str) -> None:
    answer = await (await person()).post(SIGN_IN, {"token": token("ada", "student"), "next": target})
    assert answer.status == 303
    location = answer.target
    assert location == "/dashboard" or (location.startswith("/dashboard/") and "\\" not in location), location
    assert ".." not in location and "//" not in location


async def test_signing_in_leads_to_the_page_that_was_asked_for(person: NewPerson, path: str) -> None:
    ada = await person()
    redirected = await ada.get(f"{path}?a=b&c=%C3%A4")
    page = await ada.get(redirected.target)
    assert 'name="next"' in page.html
    answer = await ada.post(SIGN_IN, {"token": token("student-1", "student"), "next": f"{path}?a=b&c=%C3%A4"})
    assert answer.target == f"{path}?a=b&c=%C3%A4"


async def test_an_address_that_no_cookie_could_hold_is_not_gone_on_to(person: NewPerson) -> None:
    """Otherwise a link from elsewhere could make signing in at a provider impossible, which keeps it in a cookie."""
    page = await (await person()).get(f"{SIGN_IN}?next=/dashboard?{'a' * 5000}")
    assert 'name="next" value="/dashboard"' in page.html


async def test_signing_in_waits_for_the_end_of_an_erasure(pool: Pool) -> None:
    """Or else the session could be stored just when the erasure has deleted those of the person."""
    async with pool.acquire() as conn, conn.transaction():
        await erasures.lock_owner(conn, "ada")
        signing_in = asyncio.create_task(sessions.begin(pool, Caller("ada", frozenset({Role.STUDENT}))))

        async def waits_or_is_done() -> bool:
            waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory')"
            return signing_in.done() or bool(await pool.fetchval(waiting))

        await until(waits_or_is_done)
        assert not signing_in.done()
    session_id, _ = await signing_in
    assert await sessions.find(pool, session_id)


async def test_roles_are_for_a_loopback_address_alone(person: NewPerson) -> None:
    ada = await person()
    assert "Sign in as admin" in (await ada.get(SIGN_IN)).text
    # A name of another site that leads to this machine.
    page = await ada.get(SIGN_IN, Host="evil.example")
    assert "Sign in as admin" not in page.text
    answer = await ada.post(f"{SIGN_IN}/role", {"role": "admin"}, Host="evil.example")
    assert (answer.status, ada.signed_in) == (404, False)
    assert (await ada.post(f"{SIGN_IN}/role", {"role": "king"})).status == 404


async def test_what_was_typed_is_shown_to_somebody_whose_session_is_over(
    person: NewPerson, pool: Pool, path: str
) -> None:
    ada = await person("student-1", "student")
    csrf = await ada.csrf()
    await pool.execute("DELETE FROM sessions")
    answer = await ada.post(f"{path}/responses", {"answer-1": "<b>long</b> thoughts"}, csrf=csrf)
    assert answer.status == 401
    assert "&lt;b&gt;long&lt;/b&gt; thoughts" in answer.html
    problem = await ada.post(f"{path}/responses", {"answer-1": "x"}, csrf=csrf, Accept="application/json")
    assert (problem.status, problem.headers["Content-Type"]) == (401, "application/problem+json")
