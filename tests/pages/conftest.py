"""Fixtures: people with a browser's cookies, on a server with pages."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar
from multidict import CIMultiDictProxy
from pytest_aiohttp.plugin import AiohttpClient

from app.repositories.sql import Pool
from app.server import create_app
from app.settings import Settings
from tests.api import Api, token
from tests.bank import SLUG, Bank, create_bank
from tests.pages.page_ids import Ids, planted
from tests.web.conftest import ProductServer

_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass(frozen=True)
class Shown:
    """An answer of a page."""

    status: int
    headers: CIMultiDictProxy[str]
    html: str

    @property
    def text(self) -> str:
        """What a person reads of it, without markup."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.html)).split())

    @property
    def target(self) -> str:
        """The path that a redirect leads to."""
        return self.headers.get("Location", "")

    @property
    def csrf(self) -> str:
        """The token of the page's forms."""
        match = _CSRF.search(self.html)
        assert match, self.html
        return match[1]


@dataclass(frozen=True)
class Person:
    """Somebody with cookies of their own, as a browser has them, but without scripts. Redirects are not followed."""

    session: ClientSession
    origin: str

    async def get(self, path: str, **headers: str) -> Shown:
        """The page; header names have underscores instead of dashes."""
        return await self._send("GET", path, None, headers)

    async def post(
        self, path: str, fields: Mapping[str, Any] | list[tuple[str, str]], *, csrf: str | None = "own", **headers: str
    ) -> Shown:
        """Sends a form with the token of this session, another one, or none."""
        pairs = list(fields.items()) if isinstance(fields, Mapping) else list(fields)
        if csrf is not None:
            pairs.append(("csrf", await self.csrf() if csrf == "own" else csrf))
        return await self._send("POST", path, pairs, headers)

    async def csrf(self) -> str:
        """The token of this session's forms."""
        return (await self.get("/dashboard/nowhere")).csrf if self.signed_in else (await self.get(SIGN_IN)).csrf

    @property
    def signed_in(self) -> bool:
        """Whether the browser has the cookie of a session."""
        return bool(self.cookie)

    @property
    def cookie(self) -> str:
        """The id of the session."""
        return next((cookie.value for cookie in self.session.cookie_jar if cookie.key == "assay-session"), "")

    async def sign_in(self, sub: str, *roles: str, **claims: Any) -> Shown:
        """Signs in with a token."""
        return await self.post(SIGN_IN, {"token": token(sub, *roles, **claims)})

    async def _send(self, method: str, path: str, form: list[tuple[str, str]] | None, headers: dict[str, str]) -> Shown:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(
            method, f"{self.origin}{path}", data=form, headers=named, allow_redirects=False
        ) as answer:
            return Shown(answer.status, answer.headers, await answer.text())


SIGN_IN = "/dashboard/sign-in"
# Somebody new, signed in with this `sub` and these roles, or not at all.
NewPerson = Callable[..., Awaitable[Person]]


@pytest.fixture
async def api(aiohttp_client: AiohttpClient, settings: Settings) -> Api:
    """A server with pages, on which one may sign in by role, and its API as a student uses it."""
    client: Any = await aiohttp_client(ProductServer(create_app(settings, sign_in_by_role=True)))
    return Api(client)


@pytest.fixture
async def person(api: Api) -> AsyncIterator[NewPerson]:
    """Makes people."""
    origin = str(api.client.make_url("")).rstrip("/")
    async with AsyncExitStack() as stack:

        async def make(sub: str = "", *roles: str) -> Person:
            made = Person(await stack.enter_async_context(ClientSession(cookie_jar=CookieJar(unsafe=True))), origin)
            if sub:
                assert (await made.sign_in(sub, *roles)).status == 303
            return made

        yield make


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """The small track and its questions."""
    return await create_bank(pool)


@pytest.fixture
async def path(api: Api, bank: Bank) -> str:
    """The page of an assessment that `student-1` has just started."""
    started = await api.post("/assessments", {"track": SLUG})
    return f"/dashboard{started.headers['Location']}"


@pytest.fixture
async def ids(path: str, bank: Bank, pool: Pool) -> Ids:
    """Something of each kind; the assessment belongs to `student-1`."""
    return await planted(path.rsplit("/", 1)[1], bank, pool)
