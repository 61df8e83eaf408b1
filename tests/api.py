"""An HTTP client of the API with a token for any role."""

import time
from dataclasses import dataclass, field
from typing import Any

import jwt
import orjson
from aiohttp.test_utils import TestClient
from multidict import CIMultiDictProxy

from tests.conftest import SECRET


@dataclass(frozen=True)
class Reply:
    """An answer whose body was read."""

    status: int
    headers: CIMultiDictProxy[str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.raw)


@dataclass(frozen=True)
class Api:
    """A caller of the API."""

    client: "TestClient[Any, Any]"
    sub: str = "student-1"
    roles: tuple[str, ...] = ("student",)
    headers: dict[str, str] = field(default_factory=dict)
    # Claims of its tokens beside `sub` and `roles`.
    claims: dict[str, Any] = field(default_factory=dict)

    def as_(self, *roles: str, sub: str = "") -> "Api":
        """Another caller of the same server."""
        return Api(self.client, sub or f"{roles[0]}-1", roles)

    @property
    def bearer(self) -> str:
        """The value of `Authorization`."""
        return f"Bearer {token(self.sub, *self.roles, **self.claims)}"

    async def get(self, path: str, **headers: str) -> Reply:
        """GET; header names have underscores instead of dashes."""
        return await self.send("GET", path, **headers)

    async def post(self, path: str, json: Any = None, **headers: str) -> Reply:
        """POST."""
        return await self.send("POST", path, json, **headers)

    async def patch(self, path: str, json: Any, **headers: str) -> Reply:
        """PATCH."""
        return await self.send("PATCH", path, json, **headers)

    async def put(self, path: str, json: Any, **headers: str) -> Reply:
        """PUT."""
        return await self.send("PUT", path, json, **headers)

    async def delete(self, path: str) -> Reply:
        """DELETE."""
        return await self.send("DELETE", path)

    async def send(self, method: str, path: str, json: Any = None, **headers: str) -> Reply:
        """Any method, with a JSON body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        raw = None if json is None else orjson.dumps(json)
        if raw is not None:
            named.setdefault("Content-Type", "application/json")
        return await self.send_raw(method, path, raw, named)

    async def send_raw(self, method: str, path: str, raw: bytes | None, headers: dict[str, str]) -> Reply:
        """Any method, with any bytes as the body."""
        sent_headers = {"Authorization": self.bearer} | self.headers | headers
        async with self.client.request(method, path, data=raw, headers=sent_headers) as answer:
            return Reply(answer.status, answer.headers, await answer.read())


def token(sub: str, *roles: str, secret: str = SECRET, **claims: Any) -> str:
    """A token; `claims` replace the default ones, and None leaves a claim out."""
    now = int(time.time())
    values = {"sub": sub, "roles": list(roles), "iat": now, "exp": now + 600} | claims
    return jwt.encode({name: value for name, value in values.items() if value is not None}, secret, algorithm="HS256")
