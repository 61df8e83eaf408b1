"""An OpenID provider on loopback: configuration, keys, and a token endpoint that checks what it gets. The test answers
where people would sign in."""

import asyncio
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from tests.fakes.tokens.identity_provider import ProviderKey, rsa_key, valid_claims

CLIENT_ID = "assay at the provider"
CLIENT_SECRET = "a secret: of the client"


@dataclass
class OpenIdServer:
    """What the provider answers; each part can be made wrong."""

    url: str = ""
    key: ProviderKey = field(default_factory=rsa_key)
    published: list[ProviderKey] = field(default_factory=lambda: [rsa_key()])
    # Members of the configuration and claims of ID tokens that are other than right; None leaves one out.
    configuration: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    # The ID token itself, if it is not one that the key signs.
    token: str | None = None
    # Seconds before each answer.
    delay: float = 0
    # The requests for authorization by code, and what the token endpoint was sent.
    requests: dict[str, dict[str, str]] = field(default_factory=dict)
    redeemed: list[dict[str, str]] = field(default_factory=list)

    def sign_in(self, authorization_url: str, **claims: Any) -> str:
        """The address with which the provider sends the person back who has signed in at this one."""
        query = dict(URL(authorization_url).query)
        code = f"code-{len(self.requests)}"
        self.requests[code] = query
        self.claims = {"nonce": query["nonce"]} | claims
        return str(URL(query["redirect_uri"]).update_query({"code": code, "state": query["state"], "iss": self.url}))

    async def show_configuration(self, _: web.Request) -> web.Response:
        """The configuration."""
        await asyncio.sleep(self.delay)
        right = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }
        return web.json_response({k: v for k, v in (right | self.configuration).items() if v is not None})

    async def show_keys(self, _: web.Request) -> web.Response:
        """The keys."""
        await asyncio.sleep(self.delay)
        return web.json_response({"keys": [key.public() for key in self.published]})

    async def give_token(self, request: web.Request) -> web.Response:
        """The ID token for a code that was not used, with the right secret, address and verifier."""
        await asyncio.sleep(self.delay)
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.redeemed.append(form)
        authorization = self.requests.pop(form.get("code", ""), None)
        challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if not self._knows(request, form):
            return web.json_response({"error": "invalid_client"}, status=401)
        if (
            authorization is None
            or authorization["redirect_uri"] != form["redirect_uri"]
            or (authorization["code_challenge"], authorization["code_challenge_method"]) != (challenge, "S256")
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        claims = valid_claims(**{"iss": self.url, "aud": CLIENT_ID} | self.claims)
        return web.json_response({"token_type": "Bearer", "id_token": self.token or self.key.sign(claims)})

    @staticmethod
    def _knows(request: web.Request, form: dict[str, str]) -> bool:
        scheme, _, login = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            name, _, secret = b64decode(login).decode().partition(":")
            return (unquote_plus(name), unquote_plus(secret)) == (CLIENT_ID, CLIENT_SECRET)
        return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)


@asynccontextmanager
async def openid_provider() -> AsyncIterator[OpenIdServer]:
    """A provider that does everything right."""
    provider, app = OpenIdServer(), web.Application()
    app.router.add_get("/.well-known/openid-configuration", provider.show_configuration)
    app.router.add_get("/keys", provider.show_keys)
    app.router.add_post("/token", provider.give_token)
    async with TestServer(app) as server:
        provider.url = str(server.make_url("")).rstrip("/")
        yield provider
