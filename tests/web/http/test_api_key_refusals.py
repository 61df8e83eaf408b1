"""Wrong API keys: each is answered 401 without a hint, and has one line in the log that repeats nothing of it."""

import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from app.domain.api_key import hash_of, id_of, new_key
from app.http.tokens import issue_token
from app.repositories.sql import Pool
from app.services.api_keys import administration
from app.settings import Settings
from tests.api import Api, token
from tests.api_keys import new_api_key
from tests.fakes.conditions import until
from tests.web.http.test_tokens import ask
from tests.web.problems import problem

FORM, CHECKSUM = "the form of the API key is wrong", "the checksum of the API key is wrong"
NO_JWT = "it does not have the form of a JSON Web Token"


@pytest.fixture
async def key(pool: Pool) -> str:
    """A key for all roles."""
    return (await new_api_key(pool, "student", "advisor", "author", "admin")).key


def with_checksum(key_id: UUID, secret: str) -> str:
    """A key with any 64 hexadecimal digits as its secret."""
    return new_key(key_id, bytes.fromhex(secret))


async def revoked(pool: Pool) -> str:
    """A key that was revoked."""
    made = await new_api_key(pool, "admin")
    await administration.revoke(pool, "tests", made.record.key_id)
    return made.key


async def expired(pool: Pool) -> str:
    """A key that has expired."""
    made = await new_api_key(pool, "admin", lifetime=timedelta(milliseconds=1))
    query = "SELECT expires_at < now() FROM api_keys WHERE id = $1"
    await until(lambda: pool.fetchval(query, made.record.key_id))
    return made.key


async def replaced(pool: Pool) -> str:
    """A key that was rotated, without overlap."""
    made = await new_api_key(pool, "admin")
    await administration.rotate(pool, administration.Issuer("tests"), made.record.key_id, 0)
    return made.key


def malformed(key: str) -> dict[str, tuple[str, str]]:
    """What is nearly this key, and the reason in the log."""
    key_id, secret = key.split("_")[1], key.split("_")[2][:64]
    other = new_key(uuid4(), bytes.fromhex(secret))
    turned = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    return {
        "the prefix alone": ("assay_", FORM),
        "prefix and id": (f"assay_{key_id}", FORM),
        "no secret": (f"assay_{key_id}_", FORM),
        "no checksum": (key[:-8], FORM),
        "cut": (key[:-1], FORM),
        "longer": (f"{key}0", FORM),
        "twice": (key + key, FORM),
        "two with a comma": (f"{key},{key}", FORM),
        "capitals behind the prefix": ("assay_" + key[6:].upper(), FORM),
        "id without dashes": (key.replace("-", ""), FORM),
        "id in braces": (key.replace(key_id, f"{{{key_id}}}"), FORM),
        "dashes for underscores": (key.replace("_", "-"), NO_JWT),
        "another prefix": (key.replace("assay_", "assay."), NO_JWT),
        "prefix in capitals": (key.replace("assay_", "ASSAY_"), NO_JWT),
        "the secret alone": (key.split("_")[2], NO_JWT),
        "base64": (base64.b64encode(key.encode()).decode(), NO_JWT),
        "as a part of a JWT": (f"{key}.{key}.{key}", FORM),
        "quoted": (f'"{key}"', NO_JWT),
        "one digit of the secret": (key.replace(secret, turned), CHECKSUM),
        "one digit of the checksum": (key[:-1] + ("0" if key[-1] != "0" else "1"), CHECKSUM),
        "no SQL": (f"assay_{key_id}_' OR true --", FORM),
        "wildcards": (f"assay_{key_id}_" + "%" * 72, FORM),
        "other digits": (key[:-1] + "g", FORM),
        "the id of another": (key.replace(key_id, other.split("_")[1]), CHECKSUM),
    }  # fmt: skip


def well_formed(key: str) -> dict[str, tuple[str, str]]:
    """Keys of the right form with a wrong secret or id, and the reason in the log."""
    key_id, secret = id_of(key), key.split("_")[2][:64]
    unknown, wrong = "there is no API key {}", "the secret of the API key {} is wrong"
    cases = {
        "a secret of nothing": (key_id, "0" * 64, wrong),
        "its hash as the secret": (key_id, hash_of(key).hex(), wrong),
        "the secret backwards": (key_id, secret[::-1], wrong),
        "an unknown id": (uuid4(), secret, unknown),
        "the id of nobody": (UUID(int=0), secret, unknown),
        "an unknown id and a secret of nothing": (uuid4(), "0" * 64, unknown),
    }
    return {name: (with_checksum(i, s), reason.format(i)) for name, (i, s, reason) in cases.items()}


async def assert_refused(api: Api, sent: str, reason: str) -> None:
    """The key is refused without a hint, and the log has one line about it."""
    with capture_logs() as logs:
        reply = await ask(api, f"Bearer {sent}")
        body = problem(reply, 401, "unauthenticated")
    assert body["detail"] == "the token is not valid"
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="assay", error="invalid_token"'
    [line] = [line for line in logs if line["event"] == "token_refused"]
    assert line["reason"] == reason
    for text in (str(logs), reply.raw.decode(), str(reply.headers)):
        assert sent not in text and sent[-16:] not in text


def test_there_are_many_kinds() -> None:
    key = new_key(uuid4(), bytes(range(32)))
    assert len({sent for sent, _ in (malformed(key) | well_formed(key)).values()}) >= 30


async def test_what_is_nearly_a_key_is_refused(api: Api, key: str) -> None:
    for sent, reason in (malformed(key) | well_formed(key)).values():
        await assert_refused(api, sent, reason)
    assert (await ask(api, f"Bearer {key}")).status == 200


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (revoked, "the API key {} is revoked"),
        (expired, "the API key {} has expired"),
        (replaced, "the API key {} has expired"),
    ],
)
async def test_a_key_whose_time_is_over_is_refused(
    api: Api, pool: Pool, make: Callable[[Pool], Awaitable[str]], reason: str
) -> None:
    sent = await make(pool)
    await assert_refused(api, sent, reason.format(id_of(sent)))
    await assert_refused(api, with_checksum(id_of(sent), "0" * 64), f"the secret of the API key {id_of(sent)} is wrong")


async def test_a_key_counts_only_as_a_bearer_token(api: Api, key: str) -> None:
    basic = base64.b64encode(f"{key}:".encode()).decode()
    for header in (None, key, f"Basic {basic}", f"Token {key}", f"ApiKey {key}", f"Bearer: {key}"):
        problem(await ask(api, header), 401, "unauthenticated")
    for path in (f"/tracks?key={key}", f"/tracks?access_token={key}"):
        async with api.client.get(path, headers={"X-API-Key": key, "Cookie": f"key={key}"}) as answer:
            assert answer.status == 401


async def test_no_token_has_the_sub_of_a_key(api: Api, key: str, settings: Settings) -> None:
    """A token that anybody with the secret has signed would else reach what the key owns."""
    for sub in (f"key:{id_of(key)}", "key:", "key:x"):
        for sent in (token(sub, "admin"), issue_token(settings, sub, ["admin"], 60)):
            with capture_logs() as logs:
                problem(await ask(api, f"Bearer {sent}"), 401, "unauthenticated")
            [line] = [line for line in logs if line["event"] == "token_refused"]
            assert line["reason"] == "the token's `sub` is one of an API key"
    for sub in ("Key:x", "keys:x", "akey:x"):
        assert (await ask(api, f"Bearer {token(sub, 'student')}")).status == 200
