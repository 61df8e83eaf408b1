"""Bearer tokens: which are accepted, and what is said about the others (their kinds are in test_wrong_tokens.py)."""

import base64
import hmac
import time
from typing import Any

import orjson
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


async def test_without_a_bearer_token_the_answer_is_a_challenge(api: Api) -> None:
    for header in (None, "", "Bearer", "Bearer ", "Basic YTpi", token("student-1", "student"), "Bearer\u00e9 x"):
        with capture_logs() as logs:
            reply = await ask(api, header)
        problem(reply, 401, "unauthenticated")
        assert reply.headers["WWW-Authenticate"].startswith("Bearer realm=")
        # Who sends nothing has not been refused anything.
        assert [line["event"] for line in logs if line["event"] != "request"] == ["token_refused"] * (
            header is not None
        )


async def test_two_tokens_are_refused(api: Api) -> None:
    fine, other = ("Authorization", api.bearer), ("Authorization", "Bearer x")
    for headers, status in (([fine, fine], 401), ([fine, other], 401), ([fine], 200)):
        async with api.client.get("/tracks", headers=headers) as answer:
            assert answer.status == status


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
        token("student-1", "student", secret="s" * 32): (401, not_valid, "the signature does not fit the key"),
        signed(fine, {"alg": "HS512"}, "sha512"): (401, not_valid, "the algorithm is not HS256"),
        signed(fine | {"exp": "soon"}): (401, "the token's `exp` is not a number of seconds", None),
        signed(fine | {"exp": True}): (401, "the token has expired", None),
        signed(fine | {"exp": f"{now + 60}"}): (401, "the token's `exp` is not a number of seconds", None),
        signed(fine | {"nbf": "2026-01-01T00:00:00Z"}): (401, "the token's `nbf` is not a number of seconds", None),
        signed(fine | {"sub": 7}): (401, "the token's `sub` is not a text", None),
        signed(fine, {"crit": ["exp2"], "exp2": 1}): (
            401,
            not_valid,
            "its header has an extension that is not supported",
        ),
        signed(fine, {"typ": "logout+jwt"}): (401, not_valid, "its `typ` is not that of an access token"),
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
