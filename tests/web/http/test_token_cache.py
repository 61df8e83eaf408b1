"""Tokens that were verified a moment ago: until when, and with which keys, they need no verification."""

import time

import pytest

from app.domain.states import Role
from app.http.token_cache import TokenCache
from app.http.tokens import BadToken, SharedSecretVerifier
from app.services.caller import Caller
from tests.conftest import SECRET
from tests.web.http.test_tokens import signed, valid_claims

ANNA = Caller("anna", frozenset({Role.STUDENT}), expires_at=1_000.0)
KEYS = object()


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_caller_is_found_until_the_token_ends() -> None:
    clock = Clock()
    cache = TokenCache(clock=clock)
    assert cache.find("token", KEYS) is None
    cache.add("token", KEYS, ANNA)
    clock.now = 999.9
    assert cache.find("token", KEYS) is ANNA and cache.find("token ", KEYS) is None
    clock.now = 1_000.0
    assert cache.find("token", KEYS) is None


def test_other_keys_forget_every_caller() -> None:
    cache = TokenCache(clock=Clock())
    cache.find("token", KEYS)
    cache.add("token", KEYS, ANNA)
    newer = object()
    assert cache.find("token", newer) is None
    # Verified with the former keys, before they were replaced.
    cache.add("token", KEYS, ANNA)
    assert cache.find("token", newer) is None


def test_the_number_of_callers_is_bounded() -> None:
    cache = TokenCache(max_tokens=2, clock=Clock())
    cache.find("", KEYS)
    for number in range(3):
        cache.add(f"token {number}", KEYS, ANNA)
    assert [cache.find(f"token {number}", KEYS) for number in range(3)] == [None, ANNA, ANNA]


async def test_a_token_that_differs_in_its_signature_alone_is_verified() -> None:
    verifier = SharedSecretVerifier(SECRET, None, None)
    valid = signed(valid_claims())
    first = await verifier.verify(valid)
    assert await verifier.verify(valid) is first
    forged = valid[:-2] + ("AA" if valid[-2:] != "AA" else "BB")
    with pytest.raises(BadToken):
        await verifier.verify(forged)


async def test_a_token_that_is_accepted_for_the_leeway_is_not_accepted_after_it() -> None:
    verifier = SharedSecretVerifier(SECRET, None, None)
    caller = await verifier.verify(signed(valid_claims(exp=int(time.time()) - 2)))
    assert caller.expires_at <= time.time() + 4
