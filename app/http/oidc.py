"""Who has signed in at the OpenID provider: the person in a verified ID token."""

import asyncio
import hmac
from collections.abc import Mapping
from typing import Any

from app.clients.jwks.key_cache import KeysUnavailable
from app.clients.oidc.provider import CodeRefused, OpenIdProvider, ProviderError
from app.domain.states import Role
from app.http.tokens import BadToken, KeySetVerifier, caller_of
from app.outages import Outage
from app.services.caller import Caller
from app.settings import Settings

# Seconds for all exchanges of one step of signing in: less than a request may take, so that a slow provider is told
# from a database that does not answer.
_SECONDS = 12.0


class SignInFailed(Exception):
    """Nobody is signed in. The message is for the person in the browser."""


class OidcSignIn:
    """Signing in at one provider. Claims of ID tokens become roles by OIDC_ROLES_CLAIM and OIDC_ROLE_MAP."""

    def __init__(
        self, provider: OpenIdProvider, roles_claim: str, role_map: Mapping[str, Role], seconds: float = _SECONDS
    ) -> None:
        self._provider = provider
        self._seconds = seconds
        self._verifier = KeySetVerifier(provider, provider.issuer, provider.client_id)
        self._roles_claim = roles_claim
        self._role_map = role_map
        self._outage = Outage("oidc_unavailable", "oidc_available", setting="OIDC_ISSUER")

    @property
    def issuer(self) -> str:
        """The provider."""
        return self._provider.issuer

    async def authorization_url(self, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """The address of the provider at which the person signs in.

        Raises:
            SignInFailed: the provider is not available.
        """
        try:
            async with asyncio.timeout(self._seconds):
                url = await self._provider.authorization_url(redirect_uri, state, nonce, verifier)
        except (ProviderError, TimeoutError) as error:
            raise self._unavailable(error) from error
        self._outage.record_success()
        return url

    async def person(self, code: str, nonce: str, verifier: str, redirect_uri: str) -> Caller:
        """The person for whom the provider has given this code.

        Raises:
            SignInFailed: the code or the ID token is not accepted, or the provider is not available.
        """
        try:
            async with asyncio.timeout(self._seconds):
                claims = await self._verifier.read_claims(await self._provider.redeem(code, verifier, redirect_uri))
        except (ProviderError, KeysUnavailable, TimeoutError) as error:
            raise self._unavailable(error) from error
        except CodeRefused:
            raise SignInFailed("this sign-in is over already; begin again") from None
        except BadToken as error:
            raise SignInFailed(f"the provider's token is not accepted: {error}") from error
        self._outage.record_success()
        self._check(claims, nonce)
        try:
            person = caller_of(claims | {"roles": self._roles(claims)}, self._provider.issuer)
        except BadToken as error:
            raise SignInFailed(f"the provider's token is not accepted: {error}") from error
        if not person.roles:
            raise SignInFailed("your account has no role here; ask whoever runs this service for one")
        # Without the token's end, which says until when one may sign in with it, often a minute, and not for how long.
        return Caller(person.principal, person.roles)

    def _check(self, claims: Mapping[str, Any], nonce: str) -> None:
        """Checks what is particular to ID tokens; raises SignInFailed."""
        sent = claims.get("nonce")
        if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), nonce.encode()):
            raise SignInFailed("the provider's token belongs to another sign-in; begin again")
        audiences = claims.get("aud")
        party = claims.get("azp", self._provider.client_id if isinstance(audiences, str) else None)
        if isinstance(audiences, list) and len(audiences) == 1 and "azp" not in claims:
            party = self._provider.client_id
        if party != self._provider.client_id:
            raise SignInFailed("the provider's token is for another service")

    def _roles(self, claims: Mapping[str, Any]) -> list[str]:
        """The roles in the claim; a single text counts as one value."""
        value: Any = claims.get(self._roles_claim)
        if value is None:
            value = claims
            for name in self._roles_claim.split("."):
                value = value.get(name) if isinstance(value, dict) else None
        values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        texts = [text for text in values if isinstance(text, str)]
        return [self._role_map[text] for text in texts if text in self._role_map] if self._role_map else texts

    def _unavailable(self, error: Exception) -> SignInFailed:
        self._outage.report(error, "signing in at the OpenID provider")
        return SignInFailed("the sign-in service is not available at the moment; try again soon")


def open_id_sign_in(settings: Settings) -> OidcSignIn | None:
    """Signing in at the provider that the settings name; None without one."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    secret = settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else None
    provider = OpenIdProvider(settings.oidc_issuer, settings.oidc_client_id, secret)
    return OidcSignIn(provider, settings.oidc_roles_claim, settings.oidc_role_map)
