"""Tokens of an identity provider: whose keys count, and when they are fetched again."""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fakes.conditions import until
from tests.fakes.tokens.identity_provider import ProviderKey, ec_key, ed_key, identity_provider, rsa_key
from tests.fakes.webhook_receiver import answer
from tests.web.http.provider_tokens import OFTEN, RARELY, ServeFor, events, status, until_status


@dataclass
class Clock:
    """A clock that stands still."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("key", [rsa_key(), ec_key(), ed_key()], ids=lambda key: key.algorithm)
async def test_each_type_of_key_signs_tokens(serve_for: ServeFor, key: ProviderKey) -> None:
    async with identity_provider(rsa_key().public(), ec_key().public(), ed_key().public()) as provider:
        api = await serve_for(provider)
        assert await status(api, key.token()) == 200
        header = {"typ": "at+jwt", "jku": "https://elsewhere.example", "x5t": "abc", "x5c": ["abc"]}
        assert await status(api, key.token(header=header)) == 200
        assert await status(api, key.token(aud=["other", "assay"], exp=time.time() + 60.5)) == 200
        assert await status(api, key.token(header={"typ": None})) == 200
        assert provider.fetches == 1


async def test_a_new_key_is_accepted_at_once_and_a_removed_one_is_refused(serve_for: ServeFor) -> None:
    old, new = rsa_key("old"), ec_key("new")
    async with identity_provider(old.public()) as provider:
        api = await serve_for(provider)
        assert await status(api, old.token()) == 200
        provider.publish(old.public(), new.public())
        assert [await status(api, key.token()) for key in (new, old)] == [200, 200]
        assert provider.fetches == 2
    async with identity_provider(old.public(), new.public()) as provider:
        api = await serve_for(provider, OFTEN)
        assert await status(api, old.token()) == 200
        provider.publish(new.public())
        await until_status(api, old.token(), 401)
        assert await status(api, new.token()) == 200


async def test_a_key_without_kid_that_was_replaced_is_noticed(serve_for: ServeFor) -> None:
    old, new = rsa_key(None), ProviderKey(None, "RS256", rsa_key("other").private)
    async with identity_provider(old.public()) as provider:
        api = await serve_for(provider)
        assert await status(api, old.token()) == await status(api, old.token(header={"kid": "any"})) == 200
        provider.publish(new.public())
        assert [await status(api, key.token()) for key in (new, old)] == [200, 401]


async def test_unknown_keys_cause_one_refresh_in_30_seconds(serve_for: ServeFor) -> None:
    key, clock = rsa_key(), Clock()
    async with identity_provider(key.public()) as provider:
        api = await serve_for(provider, replace(RARELY, clock=clock))
        assert await status(api, key.token()) == 200
        tokens = [key.token(header={"kid": f"unknown-{n}"}) for n in range(20)]
        assert set(await asyncio.gather(*(status(api, token) for token in tokens))) == {401}
        assert provider.fetches == 2
        clock.now += 29
        assert [await status(api, token) for token in tokens[:3]] == [401] * 3
        assert provider.fetches == 2
        clock.now += 1
        provider.behave(answer(404))
        for _ in range(3):
            assert [await status(api, token) for token in tokens[:3]] == [401] * 3
            assert provider.fetches == 3
            clock.now += 9
        clock.now += 3
        provider.publish(key.public(), ec_key().public())
        assert await status(api, ec_key().token()) == 200
        assert provider.fetches == 4


async def test_concurrent_callers_share_one_refresh(serve_for: ServeFor) -> None:
    key, new, publish = rsa_key(), ec_key(), asyncio.Event()
    async with identity_provider(key.public()) as provider:
        api = await serve_for(provider)
        assert await status(api, key.token()) == 200
        provider.publish(key.public(), new.public())
        published = provider.receiver.default

        async def when_told(request: Any) -> Any:
            await publish.wait()
            return await published(request)

        provider.behave(when_told)
        requests = [asyncio.create_task(status(api, new.token())) for _ in range(20)]

        async def is_asked() -> bool:
            return provider.fetches == 2

        await until(is_asked)
        # A caller that goes away does not end the refresh for the others.
        requests[0].cancel()
        # Who needs no new key does not wait for it.
        assert await status(api, key.token()) == 200
        publish.set()
        answers = await asyncio.gather(*requests, return_exceptions=True)
        assert (set(answers[1:]), provider.fetches) == ({200}, 2)


async def test_what_is_wrong_with_a_set_is_logged_once_and_the_rest_is_used(serve_for: ServeFor) -> None:
    first, second = rsa_key("shared"), ProviderKey("shared", "RS256", rsa_key("other").private)
    third = ec_key("shared")
    symmetric = {"kty": "oct", "kid": "oct", "alg": "HS256", "k": "c2VjcmV0"}
    async with identity_provider() as provider:
        provider.publish(first.public(), symmetric, second.public(), third.public(), None, content_type="text/plain")
        with capture_logs() as logs:
            api = await serve_for(provider, OFTEN)
            assert [await status(api, key.token()) for key in (first, second, third)] == [200] * 3
            before = provider.fetches

            async def was_fetched_again() -> bool:
                return provider.fetches > before + 3

            await until(was_fetched_again)
        [line] = events(logs, "jwks_changed")
        assert line["keys"] == ["'shared' (RS256)", "'shared' (RS256)", "'shared' (ES256)"]
        assert [remark[:30] for remark in line["remarks"]] == [
            "it came as 'text/plain', which",
            "key 'oct' is ignored: it is no",
            "key number 5 is ignored: it is",
            "3 keys have the kid 'shared'; ",
        ]


async def test_a_set_without_usable_keys_refuses_every_token(serve_for: ServeFor) -> None:
    key = rsa_key()
    for members in ([], [key.public(use="enc")]):
        async with identity_provider(*members) as provider:
            with capture_logs() as logs:
                api = await serve_for(provider)
                assert await status(api, key.token()) == 401
            assert [line["log_level"] for line in events(logs, "jwks_changed")] == ["error"]
