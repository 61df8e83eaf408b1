"""Wrong tokens of every kind, against a server with one secret and one with the keys of an identity provider."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp.test_utils import TestClient
from structlog.testing import capture_logs

from app.clients.jwks.key_cache import RefreshTimes
from app.local.embedded import ServerUrls
from app.server import create_app
from app.settings import load_settings
from tests.api import Api, Reply
from tests.conftest import SECRET
from tests.fakes.tokens.identity_provider import AUDIENCE, ISSUER, identity_provider, valid_claims, with_provider
from tests.fakes.tokens.wrong_key_set_tokens import OF_A_KEY_SET, key_set, key_set_signer
from tests.fakes.tokens.wrong_tokens import CLAIMS, OF_ANY_SERVER, Signer, hs256_signer
from tests.web.conftest import ProductServer
from tests.web.problems import problem

NOT_VALID = "the token is not valid"


@dataclass(frozen=True)
class Target:
    """A server and the key that it trusts."""

    api: Api
    signer: Signer

    async def ask(self, token: str) -> Reply:
        """A harmless request with this token and no other credentials."""
        async with self.api.client.get("/tracks", headers={"Authorization": f"Bearer {token}"}) as answer:
            return Reply(answer.status, answer.headers, await answer.read())


@pytest.fixture(scope="module")
async def targets(migrated_url: str, servers: ServerUrls) -> AsyncIterator[dict[str, Target]]:
    """Both servers, for all tests: these change nothing."""
    urls = {"database_url": migrated_url, "redis_url": servers.redis_url}
    secret = load_settings(**urls, jwt_secret=SECRET, jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
    async with (
        identity_provider(*key_set()) as provider,
        TestClient(ProductServer(create_app(secret))) as with_secret,
        TestClient(ProductServer(create_app(with_provider(secret, provider.url), RefreshTimes()))) as with_keys,
    ):
        yield {
            "secret": Target(Api(with_secret), hs256_signer(SECRET)),
            "key set": Target(Api(with_keys), key_set_signer()),
        }


@pytest.mark.parametrize("server", ["secret", "key set"])
async def test_a_right_token_is_accepted(targets: dict[str, Target], server: str) -> None:
    target = targets[server]
    for roles, status in ((["student"], 200), (["teacher"], 403), ([], 403), ("admin", 403), (None, 403)):
        assert (await target.ask(target.signer.sign(valid_claims(roles=roles)))).status == status


@pytest.mark.parametrize("kind", OF_ANY_SERVER)
@pytest.mark.parametrize("server", ["secret", "key set"])
async def test_a_wrong_token_is_refused_and_logged_once(targets: dict[str, Target], server: str, kind: str) -> None:
    target = targets[server]
    await refuses(target, OF_ANY_SERVER[kind](target.signer), may_explain=kind in CLAIMS)


@pytest.mark.parametrize("kind", OF_A_KEY_SET)
async def test_a_wrong_token_for_a_key_set_is_refused_and_logged_once(targets: dict[str, Target], kind: str) -> None:
    target = targets["key set"]
    await refuses(target, OF_A_KEY_SET[kind](target.signer), may_explain=False)


async def refuses(target: Target, token: str, *, may_explain: bool) -> None:
    with capture_logs() as logs:
        reply = await target.ask(token)
    body = problem(reply, 401, "unauthenticated")
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="assay", error="invalid_token"'
    # Only the holder of a token with a good signature learns more than that it is not valid.
    assert body["detail"] == NOT_VALID or may_explain
    [line] = [line for line in logs if line["event"] not in {"request", "jwks_changed"}]
    assert (line["event"], line["log_level"], bool(line["reason"])) == ("token_refused", "info", True)
    assert set(line) == {"event", "log_level", "reason"}
    for part in filter(lambda part: len(part) > 5, [token, *token.split(".")]):
        assert part not in str(logs) and part not in reply.raw.decode()
