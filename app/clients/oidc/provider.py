"""The authorization code flow with an OpenID provider (OpenID Connect Core 1.0, with PKCE)."""

import asyncio
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote_plus

import aiohttp
import orjson
from yarl import URL

from app.clients.jwks.fetch import JwksError, fetch_key_set
from app.clients.jwks.key_cache import KeysUnavailable
from app.clients.jwks.key_set import KeySet
from app.network_errors import describe_error
from app.setting_types import key_set_address

# Seconds for one exchange with the provider.
_SECONDS = 8.0
# Seconds that its configuration and its keys are used before they are fetched again.
_CONFIGURATION_AGE = 3600.0
_KEYS_AGE = 250.0
_MAX_BYTES = 1024 * 1024
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Assay"}


class ProviderError(Exception):
    """The provider does not answer as it should. The message is for operators and repeats nothing of an answer."""


class CodeRefused(Exception):
    """The provider does not accept the code: it is used up, too old, or not for this service."""


@dataclass(frozen=True)
class _Configuration:
    """What the provider says about itself (OpenID Connect Discovery 1.0)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    # Whether the secret is sent in the body and not as HTTP Basic.
    secret_in_body: bool
    read_at: float


class OpenIdProvider:
    """The provider with this issuer, at which this service has an id and mostly a secret."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self._client_secret = client_secret
        self._configuration: _Configuration | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def authorization_url(self, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """The address at which somebody signs in.

        Raises:
            ProviderError.
        """
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code", "scope": "openid", "client_id": self.client_id, "redirect_uri": redirect_uri,
            "state": state, "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        return str(URL((await self._configured()).authorization_endpoint).update_query(query))

    async def redeem(self, code: str, verifier: str, redirect_uri: str) -> str:
        """The ID token for a code. It is not verified yet.

        Raises:
            CodeRefused, ProviderError.
        """
        configuration = await self._configured()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if self._client_secret is None or configuration.secret_in_body:
            form["client_id"] = self.client_id
            if self._client_secret is not None:
                form["client_secret"] = self._client_secret
        else:
            # Both parts are form-encoded before they are joined (RFC 6749, 2.3.1).
            headers["Authorization"] = aiohttp.encode_basic_auth(
                quote_plus(self.client_id), quote_plus(self._client_secret)
            )
        status, answer = await _exchange("POST", configuration.token_endpoint, form, headers)
        if status == 400:
            raise CodeRefused
        token = answer.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise ProviderError(f"the token endpoint answered with status {status} and without an ID token")
        return token

    @property
    def newest(self) -> KeySet | None:
        """The newest set of the provider's keys, or None before the first was fetched."""
        return self._keys[1] if self._keys else None

    async def read(self) -> KeySet:
        """The provider's keys, which may be some minutes old.

        Raises:
            KeysUnavailable: they cannot be fetched.
        """
        if self._keys and time.monotonic() - self._keys[0] < _KEYS_AGE:
            return self._keys[1]
        return await self.read_for_unknown_key()

    async def read_for_unknown_key(self) -> KeySet:
        """The provider's keys, fetched now: only a token that the provider itself has delivered leads here.

        Raises:
            KeysUnavailable: they cannot be fetched.
        """
        try:
            keys = await fetch_key_set((await self._configured()).jwks_uri)
        except (JwksError, ProviderError) as error:
            raise KeysUnavailable(str(error)) from error
        self._keys = time.monotonic(), keys
        return keys

    async def _configured(self) -> _Configuration:
        known = self._configuration
        if known and time.monotonic() - known.read_at < _CONFIGURATION_AGE:
            return known
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        status, document = await _exchange("GET", url, None, {})
        if status != 200:
            raise ProviderError(f"{url} answered with status {status}")
        if document.get("issuer") != self.issuer:
            raise ProviderError("the provider's configuration names another issuer than OIDC_ISSUER")
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        in_body = isinstance(methods, list) and "client_secret_basic" not in methods
        self._configuration = _Configuration(
            authorization_endpoint=_address(document, "authorization_endpoint"),
            token_endpoint=_address(document, "token_endpoint"),
            jwks_uri=_address(document, "jwks_uri"),
            secret_in_body=in_body,
            read_at=time.monotonic(),
        )
        return self._configuration


def _address(document: dict[str, object], name: str) -> str:
    address = document.get(name)
    try:
        return key_set_address(address if isinstance(address, str) else "")
    except ValueError as error:
        raise ProviderError(f"the provider's {name} {error}") from None


async def _exchange(
    method: str, url: str, form: dict[str, str] | None, headers: dict[str, str]
) -> tuple[int, dict[str, object]]:
    """The status and the members of the answer."""
    try:
        async with (
            asyncio.timeout(_SECONDS),
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=_HEADERS | headers,
                auto_decompress=False,
                trust_env=False,
            ) as session,
            session.request(method, url, data=form, allow_redirects=False) as answer,
        ):
            body = await answer.content.read(_MAX_BYTES)
            while len(body) < _MAX_BYTES and (chunk := await answer.content.read(_MAX_BYTES - len(body))):
                body += chunk
            status = answer.status
    except TimeoutError:
        raise ProviderError(f"no complete answer within {_SECONDS:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise ProviderError(describe_error(error)) from error
    try:
        document = orjson.loads(body)
    except ValueError:
        document = None
    return status, document if isinstance(document, dict) else {}
