"""Tokens that were verified a moment ago, so that each request of a client need not verify its token again."""

import time
from collections.abc import Callable
from hashlib import sha256

from app.services.caller import Caller

# Each takes some 300 bytes. The token of a client that polls comes back within seconds.
_MAX_TOKENS = 10_000


class TokenCache:
    """The callers of valid tokens by the hash of the token, each until the token ends. They are forgotten together as
    soon as tokens are verified with other keys: a key that was withdrawn must not let anybody in."""

    def __init__(self, max_tokens: int = _MAX_TOKENS, clock: Callable[[], float] = time.time) -> None:
        self._max_tokens = max_tokens
        self._clock = clock
        self._keys: object = None
        self._callers: dict[bytes, Caller] = {}

    def find(self, token: str, keys: object) -> Caller | None:
        """The caller of this token, if it was valid with these very keys and has not ended."""
        if keys is not self._keys:
            self._keys, self._callers = keys, {}
            return None
        caller = self._callers.get(_hash(token))
        return caller if caller and self._clock() < caller.expires_at else None

    def add(self, token: str, keys: object, caller: Caller) -> None:
        """Keeps the caller of a token that was verified with these keys; the one that was added first makes room."""
        if keys is not self._keys:
            return
        if len(self._callers) >= self._max_tokens:
            del self._callers[next(iter(self._callers))]
        self._callers[_hash(token)] = caller


def _hash(token: str) -> bytes:
    # Whoever can read the memory of the process has the tokens of its open requests, but not also those of others.
    return sha256(token.encode(errors="surrogateescape")).digest()
