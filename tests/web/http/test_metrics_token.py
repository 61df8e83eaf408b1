"""`/metrics` is open without METRICS_TOKEN, and needs exactly that token where it is set."""

import asyncio
import hmac

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from app.http import access
from app.repositories.sql import Pool
from tests.api import Api, Reply
from tests.api_keys import new_api_key
from tests.web.conftest import Serve
from tests.web.problems import problem

TOKEN = "a token of metrics, which may be any text"


@pytest.fixture
async def guarded_api(serve: Serve) -> Api:
    """A server whose metrics need a token."""
    return await serve(metrics_token=SecretStr(TOKEN))


async def ask(api: Api, *authorizations: str, method: str = "GET") -> Reply:
    """The answer to a request for the metrics with these headers."""
    headers = [("Authorization", value) for value in authorizations]
    async with api.client.request(method, "/metrics", headers=headers) as answer:
        return Reply(answer.status, answer.headers, await answer.read())


async def test_without_the_setting_they_are_open(api: Api) -> None:
    for authorizations in ((), ("Bearer x",), ("Basic eDp5",)):
        assert (await ask(api, *authorizations)).status == 200


async def test_with_it_they_need_the_token(guarded_api: Api) -> None:
    for sent in (f"Bearer {TOKEN}", f"bearer   {TOKEN}"):
        reply = await ask(guarded_api, sent)
        assert reply.status == 200 and b"assay_http_request_seconds" in reply.raw
    assert (await ask(guarded_api, f"Bearer {TOKEN}", method="HEAD")).status == 200


async def test_another_token_is_refused(guarded_api: Api, pool: Pool) -> None:
    """Those of admins, too: they stand for callers, and the metrics are for a monitoring system."""
    key = (await new_api_key(pool, "admin")).key
    wrong = [TOKEN[:-1], f"{TOKEN}x", TOKEN.upper(), "x", "ü", key, guarded_api.as_("admin").bearer[7:]]
    for sent in (f"Bearer {token}" for token in wrong):
        with capture_logs() as logs:
            reply = await ask(guarded_api, sent)
            assert problem(reply, 401, "unauthenticated")["detail"] == "the token is not valid"
        assert reply.headers["WWW-Authenticate"] == 'Bearer realm="assay", error="invalid_token"'
        assert [line["reason"] for line in logs if line["event"] == "token_refused"] == ["it is not METRICS_TOKEN"]
        assert TOKEN not in str(logs) and key not in str(logs)
        assert problem(await ask(guarded_api, sent, method="POST"), 405, "method-not-allowed")


async def test_a_token_that_is_no_text_is_refused(guarded_api: Api) -> None:
    reader, writer = await asyncio.open_connection(guarded_api.client.host, guarded_api.client.port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n")
    async with asyncio.timeout(20):
        assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
    writer.close()


async def test_no_token_is_refused(guarded_api: Api) -> None:
    right = f"Bearer {TOKEN}"
    for authorizations in ((), ("",), ("Bearer",), ("Bearer ",), (TOKEN,), (right, right)):
        reply = await ask(guarded_api, *authorizations)
        problem(reply, 401, "unauthenticated")
        assert reply.headers["WWW-Authenticate"] == 'Bearer realm="assay"'


async def test_it_opens_nothing_else(guarded_api: Api) -> None:
    for path in ("/tracks", "/jobs"):
        async with guarded_api.client.get(path, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
            assert answer.status == 401
    for path in ("/healthz", "/readyz", "/openapi.json"):
        async with guarded_api.client.get(path) as answer:
            assert answer.status == 200


async def test_it_is_compared_in_constant_time(guarded_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(first: bytes, second: bytes) -> bool:
        compared.append(second)
        return hmac.compare_digest(first, second)

    monkeypatch.setattr(access, "hmac", type("hmac", (), {"compare_digest": staticmethod(compare)}))
    assert [(await ask(guarded_api, f"Bearer {sent}")).status for sent in ("x", TOKEN)] == [401, 200]
    assert compared == [TOKEN.encode()] * 2
