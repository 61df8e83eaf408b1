"""An identity provider that misbehaves: the last keys count, and without any the server says that it is unavailable."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fakes.conditions import until
from tests.fakes.self_signed import self_signed
from tests.fakes.tokens.identity_provider import IdentityProvider, ec_key, identity_provider, rsa_key
from tests.fakes.webhook_receiver import Endless, answer, hang, raw, reset, webhook_receiver
from tests.web.http.provider_tokens import OFTEN, RARELY, ServeFor, ask, events, status, until_status
from tests.web.problems import problem

FAILURES: dict[str, Any] = {
    "down": reset(),
    "not HTTP": raw(b"SSH-2.0-dropbear\r\n"),
    "500": answer(500),
    "404": answer(404, {"Content-Type": "application/json"}, b'{"keys": []}'),
    "204": answer(204),
    "429": answer(429, {"Retry-After": "3600"}),
    "a page": answer(200, {"Content-Type": "text/html"}, b"<html>Log in</html>"),
    "no set": answer(200, {"Content-Type": "application/json"}, b"[]"),
    "no list": answer(200, {"Content-Type": "application/json"}, b'{"keys": {"kid": "rsa"}}'),
    "not UTF-8": answer(200, {"Content-Type": "application/json"}, b'{"keys": [], "\xff": 1}'),
    "nested": answer(200, {"Content-Type": "application/json"}, b"[" * 500_000),
    "compressed": answer(200, {"Content-Encoding": "gzip"}, b"\x1f\x8b\x08\x00"),
    "cut off": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"),
}  # fmt: skip


async def test_the_last_keys_count_while_the_provider_is_away(serve_for: ServeFor) -> None:
    key = rsa_key()
    async with identity_provider(key.public()) as provider:
        with capture_logs() as logs:
            api = await serve_for(provider, OFTEN)
            assert await status(api, key.token()) == 200
            provider.behave(answer(500))
            before = provider.fetches

            async def has_failed_several_times() -> bool:
                return provider.fetches > before + 9

            await until(has_failed_several_times, 40)
            assert await status(api, key.token()) == 200
            assert len(events(logs, "jwks_unavailable")) == 1
            provider.publish(ec_key().public())
            await until_status(api, key.token(), 401)


@pytest.mark.parametrize("kind", FAILURES)
async def test_without_any_keys_the_server_is_unavailable_and_says_so_once(serve_for: ServeFor, kind: str) -> None:
    key = rsa_key()
    async with identity_provider() as provider:
        provider.behave(FAILURES[kind])
        with capture_logs() as logs:
            api = await serve_for(provider)
            for _ in range(3):
                reply = await ask(api, key.token())
                problem(reply, 503, "token-keys-unavailable")
                assert reply.headers["Retry-After"] == "5"
        [line] = events(logs, "jwks_unavailable")
        assert line["setting"] == "JWT_JWKS_URL" and key.token() not in str(logs)
        assert events(logs, "token_refused") == events(logs, "request_failed") == []
        # Neither a bad token nor none at all is the provider's fault.
        assert await status(api, "a.b.c") == 401
        async with api.client.get("/healthz") as alive:
            assert alive.status == 200


async def test_keys_count_as_soon_as_the_provider_is_there(serve_for: ServeFor) -> None:
    async with identity_provider() as provider:
        provider.behave(reset())
        api = await serve_for(provider, OFTEN)
        assert await status(api, rsa_key().token()) == 503
        provider.publish(rsa_key().public())
        await until_status(api, rsa_key().token(), 200)


async def test_a_slow_provider_does_not_keep_the_server_from_starting(serve_for: ServeFor) -> None:
    key = rsa_key()
    async with identity_provider() as provider:
        provider.behave(hang())
        api = await serve_for(provider, replace(RARELY, fetch=0.5))
        async with api.client.get("/healthz") as alive:
            assert alive.status == 200
        problem(await ask(api, key.token()), 503, "token-keys-unavailable")


async def test_a_request_waits_for_the_first_keys(serve_for: ServeFor) -> None:
    key, publish = rsa_key(), asyncio.Event()
    async with identity_provider(key.public()) as provider:
        published = provider.receiver.default

        async def when_told(request: Any) -> Any:
            await publish.wait()
            return await published(request)

        provider.behave(when_told)
        api = await serve_for(provider)
        early = asyncio.create_task(status(api, key.token()))

        async def is_asked() -> bool:
            return provider.fetches == 1

        await until(is_asked)
        assert not early.done()
        publish.set()
        assert await early == 200


async def test_a_huge_answer_is_not_read_to_its_end(serve_for: ServeFor) -> None:
    endless = Endless(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n", b" " * 65_536)
    async with identity_provider() as provider:
        provider.behave(endless)
        with capture_logs() as logs:
            api = await serve_for(provider)
            assert await status(api, rsa_key().token()) == 503
        [line] = events(logs, "jwks_unavailable")
        assert "larger than 1 MiB" in line["error"]
        # The rest is what was on its way.
        assert endless.written < 9_000_000


async def test_a_redirect_is_not_followed(serve_for: ServeFor) -> None:
    async with identity_provider() as provider, webhook_receiver() as elsewhere:
        provider.behave(answer(302, {"Location": elsewhere.url}))
        with capture_logs() as logs:
            api = await serve_for(provider)
            assert await status(api, rsa_key().token()) == 503
        [line] = events(logs, "jwks_unavailable")
        assert "redirects are not followed" in line["error"]
        assert elsewhere.requests == []


async def test_a_provider_without_a_trusted_certificate_is_not_believed(serve_for: ServeFor, tmp_path: Path) -> None:
    async with webhook_receiver(tls=self_signed(tmp_path)) as with_tls, webhook_receiver() as without:
        without.url = without.url.replace("http:", "https:")
        for receiver, words in ((with_tls, "the certificate is not valid: self-signed"), (without, "TLS failed: ")):
            provider = IdentityProvider(receiver)
            provider.publish(rsa_key().public())
            with capture_logs() as logs:
                api = await serve_for(provider)
                assert await status(api, rsa_key().token()) == 503
            [line] = events(logs, "jwks_unavailable")
            assert words in line["error"] and provider.fetches == 0
