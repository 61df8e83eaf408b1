"""Signing in at an OpenID provider: a real one on loopback, right and wrong."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar
from pydantic import SecretStr
from pytest_aiohttp.plugin import AiohttpClient
from yarl import URL

from app.clients.oidc.provider import OpenIdProvider
from app.domain.principal import principal_of
from app.http.oidc import OidcSignIn, SignInFailed
from app.repositories.sql import Pool
from app.server import create_app
from app.settings import Settings
from tests.fakes.tokens.identity_provider import ec_key, encode_part, rsa_key, valid_claims
from tests.fakes.tokens.openid_provider import CLIENT_ID, CLIENT_SECRET, OpenIdServer, openid_provider
from tests.pages.conftest import SIGN_IN, Person, Shown
from tests.web.conftest import ProductServer

BEGIN = f"{SIGN_IN}/oidc"
SUB = "ada"
REDIRECT = "http://127.0.0.1/"


@pytest.fixture
async def provider() -> AsyncIterator[OpenIdServer]:
    """A provider that does everything right."""
    async with openid_provider() as provider:
        yield provider


@pytest.fixture
async def ada(aiohttp_client: AiohttpClient, settings: Settings, provider: OpenIdServer) -> AsyncIterator[Person]:
    """Somebody with a browser, at a server that trusts the provider."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        yield await visitor(session, aiohttp_client, settings, provider)


async def visitor(
    session: ClientSession, aiohttp_client: AiohttpClient, settings: Settings, provider: OpenIdServer, **changes: Any
) -> Person:
    """Somebody at a server with these settings."""
    values = {
        "oidc_issuer": provider.url, "oidc_client_id": CLIENT_ID, "oidc_client_secret": SecretStr(CLIENT_SECRET),
    }  # fmt: skip
    changed = settings.model_copy(update=values | changes)
    client: Any = await aiohttp_client(ProductServer(create_app(changed)))
    return Person(session, str(client.make_url("")).rstrip("/"))


async def signed_in(ada: Person, provider: OpenIdServer, **claims: Any) -> Shown:
    """The answer when the person comes back from the provider."""
    begun = await ada.get(BEGIN)
    assert begun.status == 303, begun.text
    back = provider.sign_in(begun.target, sub=SUB, **claims)
    return await ada.get(back.removeprefix(ada.origin))


async def test_a_person_signs_in_at_the_provider(ada: Person, provider: OpenIdServer, pool: Pool) -> None:
    page = await ada.get(f"{SIGN_IN}?next=/dashboard/x")
    assert "Sign in with your account" in page.text
    begun = await ada.get(f"{BEGIN}?next=/dashboard/x")
    query = URL(begun.target).query
    assert begun.target.startswith(f"{provider.url}/authorize?")
    assert (query["response_type"], query["scope"], query["code_challenge_method"]) == ("code", "openid", "S256")
    back = provider.sign_in(begun.target, sub=SUB)
    answer = await ada.get(back.removeprefix(ada.origin))
    assert (answer.status, answer.target) == (303, "/dashboard/x")
    row = await pool.fetchrow("SELECT owner, roles FROM sessions")
    assert row and (row["owner"], row["roles"]) == (principal_of(SUB, provider.url), ["student"])
    # Nothing of it can be used a second time.
    again = await ada.get(back.removeprefix(ada.origin))
    assert (again.status, await pool.fetchval("SELECT count(*) FROM sessions")) == (422, 1)


async def test_a_session_may_be_longer_than_an_id_token(ada: Person, provider: OpenIdServer, pool: Pool) -> None:
    """An ID token says for how long it may be used to sign in, often for a minute, and not how long one stays in."""
    await signed_in(ada, provider, exp=int(time.time()) + 60)
    hours = await pool.fetchval("SELECT extract(epoch FROM expires_at - now()) / 3600 FROM sessions")
    assert 7.9 < hours <= 8


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"}, {"aud": "other"}, {"aud": ["other"]}, {"aud": [CLIENT_ID, "other"]},
        {"aud": [CLIENT_ID, "other"], "azp": "other"}, {"azp": "other"}, {"nonce": "other"}, {"nonce": None},
        {"nonce": 1}, {"exp": int(time.time()) - 60}, {"exp": None}, {"sub": None}, {"sub": ""}, {"sub": "a\tb"},
        {"roles": ["king"]}, {"roles": None}, {"roles": 1},
    ],
)  # fmt: skip
async def test_a_wrong_id_token_signs_nobody_in(
    ada: Person, provider: OpenIdServer, pool: Pool, claims: dict[str, Any]
) -> None:
    answer = await signed_in(ada, provider, **claims) if "sub" not in claims else await with_sub(ada, provider, claims)
    assert (answer.status, 'role="alert"' in answer.html) == (422, True)
    assert await pool.fetchval("SELECT count(*) FROM sessions") == 0


async def with_sub(ada: Person, provider: OpenIdServer, claims: dict[str, Any]) -> Shown:
    back = provider.sign_in((await ada.get(BEGIN)).target, **claims)
    return await ada.get(back.removeprefix(ada.origin))


async def test_a_token_that_the_provider_has_not_signed_signs_nobody_in(
    ada: Person, provider: OpenIdServer, pool: Pool
) -> None:
    claims = valid_claims(iss=provider.url, aud=CLIENT_ID, sub=SUB)
    unsigned = f"{encode_part({'alg': 'none', 'typ': 'JWT'})}.{encode_part(claims)}."
    for token in (unsigned, rsa_key("another").sign(claims), rsa_key("rsa", 3072).sign(claims), "x", "a.b.c"):
        provider.token = token
        assert (await signed_in(ada, provider)).status == 422
    assert await pool.fetchval("SELECT count(*) FROM sessions") == 0


async def test_keys_may_be_rotated(ada: Person, provider: OpenIdServer) -> None:
    assert (await signed_in(ada, provider)).status == 303
    provider.key, provider.published = ec_key("new"), [ec_key("new")]
    assert (await signed_in(ada, provider)).status == 303


async def test_an_answer_counts_for_the_browser_that_has_begun(ada: Person, provider: OpenIdServer, pool: Pool) -> None:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        eve = Person(session, ada.origin)
        # Eve wants Ada to be signed in as Eve.
        back = provider.sign_in((await eve.get(BEGIN)).target, sub="eve").removeprefix(ada.origin)
        assert (await ada.get(back)).status == 422
        begun = await ada.get(BEGIN)
        assert (await ada.get(back)).status == 422
    own = provider.sign_in(begun.target, sub=SUB).removeprefix(ada.origin)
    for wrong in (own.replace("state=", "state=x"), own.replace("code=", "no-code="), f"{own}&error=access_denied"):
        await ada.get(BEGIN)
        assert (await ada.get(wrong)).status == 422
    other = str(URL(own).update_query({"iss": "https://other.example"}))
    assert (await ada.get(other)).status == 422
    assert await pool.fetchval("SELECT count(*) FROM sessions") == 0


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "https://other.example"}, {"token_endpoint": None}, {"authorization_endpoint": "http://evil.example/"},
        {"token_endpoint": "file:///etc/passwd"}, {"jwks_uri": 1},
    ],
)  # fmt: skip
async def test_a_wrong_configuration_is_an_outage(
    ada: Person, provider: OpenIdServer, configuration: dict[str, Any]
) -> None:
    provider.configuration = configuration
    answer = await ada.get(BEGIN)
    assert (answer.status, "not available at the moment" in answer.text) == (422, True)
    provider.configuration = {}
    assert (await signed_in(ada, provider)).status == 303


async def test_a_provider_that_answers_slowly_again_and_again_is_given_up(provider: OpenIdServer) -> None:
    """Each exchange is within its own limit; together they would take longer than a request may."""
    url = await OpenIdProvider(provider.url, CLIENT_ID, None).authorization_url(REDIRECT, "state", "nonce", "verifier")
    code = URL(provider.sign_in(url, sub=SUB)).query["code"]
    provider.delay = 0.4
    sign_in = OidcSignIn(OpenIdProvider(provider.url, CLIENT_ID, CLIENT_SECRET), "roles", {}, seconds=0.9)
    with pytest.raises(SignInFailed, match="not available at the moment"):
        await sign_in.person(code, "nonce", "verifier", REDIRECT)


async def test_the_secret_may_be_sent_in_the_body(ada: Person, provider: OpenIdServer) -> None:
    provider.configuration = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert (await signed_in(ada, provider)).status == 303
    assert provider.redeemed[0]["client_secret"] == CLIENT_SECRET


async def test_roles_come_from_a_claim_by_a_map(
    aiohttp_client: AiohttpClient, settings: Settings, provider: OpenIdServer, pool: Pool
) -> None:
    changes = {"oidc_roles_claim": "realm_access.roles", "oidc_role_map": {"staff": "advisor", "it": "admin"}}
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        ada = await visitor(session, aiohttp_client, settings, provider, **changes)
        # `admin` is not in the map, so it is no role.
        for roles, status in ((["staff", "admin"], 303), (["admin"], 422), ("it", 303)):
            assert (await signed_in(ada, provider, realm_access={"roles": roles})).status == status
    stored = await pool.fetch("SELECT roles FROM sessions")
    assert [row["roles"] for row in stored] == [["admin"]]


async def test_tokens_can_be_kept_out(
    aiohttp_client: AiohttpClient, settings: Settings, provider: OpenIdServer
) -> None:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        ada = await visitor(session, aiohttp_client, settings, provider, sign_in_with_token=False)
        assert "Access token" not in (await ada.get(SIGN_IN)).text
        assert (await ada.get(f"{SIGN_IN}/role")).status == 405
