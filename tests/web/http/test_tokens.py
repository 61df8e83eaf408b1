"""Bearer tokens: which are accepted, and which are refused."""

import base64
import hmac
import time
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from structlog.testing import capture_logs

from app.http.tokens import NO_ROLE, issue_token
from app.settings import Settings
from tests.api import Api, Reply, token
from tests.conftest import SECRET
from tests.web.conftest import Serve
from tests.web.problems import problem


async def ask(api: Api, authorization: str | None) -> Reply:
    """A harmless request with this header and no other credentials."""
    headers = {} if authorization is None else {"Authorization": authorization}
    async with api.client.get("/tracks", headers=headers) as answer:
        return Reply(answer.status, answer.headers, await answer.read())


def part(value: Any) -> str:
    """One part of a JWT."""
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def signed(claims: Any, header: dict[str, Any] | None = None, digest: str = "sha256") -> str:
    """A token with a valid signature over any claims and header."""
    payload = claims if isinstance(claims, str) else part(claims)
    signing_input = f"{part({'alg': 'HS256', 'typ': 'JWT'} | (header or {}))}.{payload}"
    signature = hmac.digest(SECRET.encode(), signing_input.encode(), digest)
    return f"{signing_input}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def valid_claims(**claims: Any) -> dict[str, Any]:
    """Valid claims with some changed."""
    return {"sub": "student-1", "roles": ["student"], "exp": int(time.time()) + 600} | claims


def without(name: str) -> dict[str, Any]:
    """Valid claims without one."""
    return {claim: value for claim, value in valid_claims().items() if claim != name}


@pytest.fixture(scope="module")
def rsa_key() -> RSAPrivateKey:
    """An RSA key that the server does not know."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


async def test_without_a_bearer_token_the_answer_is_a_challenge(api: Api) -> None:
    for header in (None, "", "Bearer", "Bearer ", "Basic YTpi", token("student-1", "student"), "Bearer\u00e9 x"):
        reply = await ask(api, header)
        problem(reply, 401, "unauthenticated")
        assert reply.headers["WWW-Authenticate"].startswith("Bearer realm=")


async def test_two_tokens_are_refused(api: Api) -> None:
    fine, other = ("Authorization", api.bearer), ("Authorization", "Bearer x")
    for headers, status in (([fine, fine], 401), ([fine, other], 401), ([fine], 200)):
        async with api.client.get("/tracks", headers=headers) as answer:
            assert answer.status == status


async def test_a_token_without_a_valid_signature_is_refused(api: Api, rsa_key: RSAPrivateKey) -> None:
    fine = token("student-1", "student")
    forged = {
        "another secret": token("student-1", "student", secret="another secret of thirty-two bytes and more"),
        "cut": fine[:-4],
        "no signature": fine.rsplit(".", 1)[0] + ".",
        "other claims": ".".join([fine.split(".")[0], part(valid_claims(roles=["admin"])), fine.split(".")[2]]),
        "none": f"{part({'alg': 'none'})}.{part(valid_claims())}.",
        "None": f"{part({'alg': 'None'})}.{part(valid_claims())}.{fine.split('.')[2]}",
        "RS256": jwt.encode(valid_claims(), rsa_key, algorithm="RS256"),
        "RS256 in the header, HS256 used": signed(valid_claims(), {"alg": "RS256"}),
        "HS512 with our secret": signed(valid_claims(), {"alg": "HS512"}, "sha512"),
        "HS384 with our secret": signed(valid_claims(), {"alg": "HS384"}, "sha384"),
        "no algorithm": signed(valid_claims(), {"alg": None}),
        "algorithm list": signed(valid_claims(), {"alg": ["HS256"]}),
        "unknown critical": signed(valid_claims(), {"crit": ["exp2"], "exp2": 1}),
        "garbage": "a.b.c",
        "two parts": "a.b",
        "not ASCII": "é.é.é",
    }
    for name, sent in forged.items():
        reply = await ask(api, f"Bearer {sent}")
        assert reply.status == 401, name
        problem(reply, 401, "unauthenticated")
        assert 'error="invalid_token"' in reply.headers["WWW-Authenticate"]


async def test_a_token_with_invalid_claims_is_refused(api: Api) -> None:
    wrong: dict[str, Any] = {
        "expired": valid_claims(exp=int(time.time()) - 60),
        "no exp": without("exp"),
        "exp null": valid_claims(exp=None),
        "exp text": valid_claims(exp="soon"),
        "exp list": valid_claims(exp=[1]),
        "exp object": valid_claims(exp={}),
        "exp infinite": base64.urlsafe_b64encode(b'{"sub":"a","roles":["student"],"exp":1e999}').decode().rstrip("="),
        "not yet": valid_claims(nbf=int(time.time()) + 600),
        "nbf list": valid_claims(nbf=[]),
        "no sub": without("sub"),
        "sub null": valid_claims(sub=None),
        "sub number": valid_claims(sub=7),
        "sub list": valid_claims(sub=["student-1"]),
        "sub empty": valid_claims(sub=""),
        "sub NUL": valid_claims(sub="a\x00b"),
        "sub line break": valid_claims(sub="a\nb"),
        "sub huge": valid_claims(sub="a" * 256),
        "sub with a lone surrogate": base64.urlsafe_b64encode(
            b'{"sub":"\\ud800","roles":["student"],"exp":9999999999}'
        ).decode().rstrip("="),
        "list": [1],
        "text": "x",
        "nested": base64.urlsafe_b64encode(b"[" * 3000).decode(),
    }  # fmt: skip
    for name, claims in wrong.items():
        reply = await ask(api, f"Bearer {signed(claims)}")
        assert reply.status == 401, name
        problem(reply, 401, "unauthenticated")


async def test_a_token_without_a_known_role_may_do_nothing(api: Api) -> None:
    for roles in ([], ["teacher"], ["Student"], "admin", None, {"admin": True}, [1, None, ["admin"]], 7):
        problem(await ask(api, f"Bearer {signed(valid_claims(roles=roles))}"), 403, "forbidden")
    problem(await ask(api, f"Bearer {signed(without('roles'))}"), 403, "forbidden")


async def test_the_clocks_of_issuer_and_server_may_differ_by_seconds(api: Api) -> None:
    now = int(time.time())
    for claims in (valid_claims(nbf=now + 3), valid_claims(exp=now - 1)):
        assert (await ask(api, f"Bearer {signed(claims)}")).status == 200


async def test_a_refusal_says_why_and_the_log_says_more(serve: Serve) -> None:
    api, now = await serve(jwt_issuer="https://login.example", jwt_audience="assay"), int(time.time())
    fine = valid_claims(iss="https://login.example", aud="assay")
    not_valid = "the token is not valid"
    cases = {
        signed(fine | {"exp": now - 60}): (401, "the token has expired", None),
        signed(fine | {"nbf": now + 60}): (401, "the token is not valid yet: `nbf` is in the future", None),
        signed({name: value for name, value in fine.items() if name != "exp"}): (401, "the token has no `exp`", None),
        signed(fine | {"iss": "x"}): (401, "the token's `iss` is not the issuer that this server accepts", None),
        signed(fine | {"aud": "x"}): (401, "the token's `aud` does not name this server", None),
        token("student-1", "student", secret="s" * 32): (401, not_valid, "the signature does not fit the secret"),
        signed(fine, {"alg": "HS512"}, "sha512"): (401, not_valid, "the algorithm is not HS256"),
        signed(fine | {"exp": "soon"}): (401, "the token's `exp` is not a number", None),
        signed(fine | {"nbf": "2026-01-01T00:00:00Z"}): (401, "the token's `nbf` is not a number", None),
        signed(fine | {"sub": 7}): (401, "the token's `sub` is not a text", None),
        signed(fine, {"crit": ["exp2"], "exp2": 1}): (
            401,
            not_valid,
            "its header has an extension or a key id that is not supported",
        ),
        "a.b.c": (401, not_valid, "it does not have the form of a JSON Web Token"),
        "no-token": (401, not_valid, "it does not have the form of a JSON Web Token"),
        signed([1]): (401, not_valid, "it does not have the form of a JSON Web Token"),
        signed(fine | {"roles": "student"}): (403, NO_ROLE, "the token's `roles` is no list"),
        signed(fine | {"roles": ["teacher"]}): (403, NO_ROLE, NO_ROLE),
    }
    for sent, (status, detail, reason) in cases.items():
        with capture_logs() as logs:
            body = problem(
                await ask(api, f"Bearer {sent}"), status, "unauthenticated" if status == 401 else "forbidden"
            )
        assert body["detail"] == detail
        [line] = [line for line in logs if line["event"].startswith("token_")]
        assert line["reason"] == (reason or detail)
        assert sent not in str(logs)


async def test_valid_tokens_are_accepted(api: Api) -> None:
    longest, mixed = (
        valid_claims(sub="ü" * 255),
        valid_claims(roles=["teacher", "student", "student", 7], iat=int(time.time()) + 5),
    )
    fractions = valid_claims(exp=time.time() + 600.5, nbf=time.time() - 0.5, iat=time.time() + 0.5)
    unused = valid_claims(aud="someone", iss="anyone", jti=7, iat="now")
    for claims in (longest, mixed, fractions, unused):
        assert (await ask(api, f"Bearer {signed(claims)}")).status == 200
    assert (await ask(api, f"bearer   {token('student-1', 'student')}")).status == 200


async def test_issuer_and_audience_are_checked_where_configured(serve: Serve, settings: Settings) -> None:
    api = await serve(jwt_issuer="https://login.example", jwt_audience="assay")
    configured = settings.model_copy(update={"jwt_issuer": "https://login.example", "jwt_audience": "assay"})
    assert (await ask(api, f"Bearer {issue_token(configured, 'student-1', ['student'], 60)}")).status == 200
    both = valid_claims(iss="https://login.example", aud=["other", "assay"])
    assert (await ask(api, f"Bearer {signed(both)}")).status == 200
    for name, value in (("iss", "https://evil.example"), ("iss", []), ("iss", None), ("aud", "other"), ("aud", {})):
        problem(await ask(api, f"Bearer {signed(both | {name: value})}"), 401, "unauthenticated")
    for name in ("iss", "aud"):
        lacking = {claim: value for claim, value in both.items() if claim != name}
        problem(await ask(api, f"Bearer {signed(lacking)}"), 401, "unauthenticated")
