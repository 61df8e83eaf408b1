"""The same `sub` of another issuer is another person, whatever is stored under it; people read the `sub` alone."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.principal import display_name, principal_of
from app.repositories.sql import Pool
from app.web.routes import ROUTES
from tests.api import Api, Reply
from tests.bank import SLUG, Bank
from tests.fakes.tokens.identity_provider import AUDIENCE, ISSUER, IdentityProvider, identity_provider, rsa_key
from tests.scored_assessments import completed_assessment
from tests.web.conftest import Serve
from tests.web.problems import problem

OTHER_ISSUER = "https://other.example"
SUB = "ada"
SEPARATOR = b"\\t"


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    """An identity provider, which issues tokens under any name."""
    async with identity_provider(rsa_key().public()) as provider:
        yield provider


async def ada(serve: Serve, provider: IdentityProvider, issuer: str | None, role: str = "student") -> Api:
    """The person with the same `sub`, of a server that trusts this issuer, or a shared secret."""
    if issuer is None:
        return (await serve()).as_(role, sub=SUB)
    api = await serve(jwt_secret=None, jwt_jwks_url=provider.url, jwt_issuer=issuer, jwt_audience=AUDIENCE)
    return with_token(api, issuer, SUB, role)


def with_token(api: Api, issuer: str, sub: str, role: str) -> Api:
    return replace(api, headers={"Authorization": f"Bearer {rsa_key().token(sub, role, iss=issuer)}"})


@pytest.mark.parametrize(
    ("first", "second"),
    [(None, ISSUER), (ISSUER, None), (ISSUER, OTHER_ISSUER)],
    ids=["to keys", "to secret", "issuer"],
)
async def test_another_issuer_has_other_people(
    serve: Serve, provider: IdentityProvider, bank: Bank, pool: Pool, first: str | None, second: str | None
) -> None:
    before, after = await ada(serve, provider, first), await ada(serve, provider, second)
    started = await before.post("/assessments", {"track": SLUG}, Idempotency_Key="k")
    path = started.headers["Location"]
    problem(await after.get(path), 403, "forbidden")
    problem(await after.patch(f"{path}/responses", {"responses": bank.answers(right="A")}), 403, "forbidden")
    problem(await after.post(f"{path}/submit"), 403, "forbidden")
    problem(await after.get(f"{path}/status?wait=1"), 403, "forbidden")
    problem(await after.get(f"{path}/events"), 403, "forbidden")
    assert (await after.get("/assessments")).body["items"] == []
    # Neither the open assessment nor the stored response of the key is the other person's.
    own = await after.post("/assessments", {"track": SLUG}, Idempotency_Key="k")
    assert (own.status, own.headers["Location"] != path) == (201, True)
    assert "Idempotent-Replayed" not in own.headers
    again = await before.post("/assessments", {"track": SLUG}, Idempotency_Key="k")
    assert (again.headers["Location"], again.headers["Idempotent-Replayed"]) == (path, "true")
    owners = {principal_of(SUB, first), principal_of(SUB, second)}
    assert {row["owner"] for row in await pool.fetch("SELECT owner FROM assessments")} == owners


async def test_people_of_two_issuers_act_apart_and_are_read_alike(
    serve: Serve, provider: IdentityProvider, bank: Bank, pool: Pool
) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    replies: list[Reply] = []
    rating = {"relevance": 5, "acceptance": 4}
    for issuer in (ISSUER, OTHER_ISSUER):
        advisor = await ada(serve, provider, issuer, "advisor")
        override = {"score": 0.9, "reason": "The essay says it in other words."}
        replies += [
            await advisor.put(f"/assessments/{assessment_id}/scores/{essay}/override", override),
            await advisor.post(f"/assessments/{assessment_id}/feedback", rating),
        ]
        names = ("result", "trace")
        replies += [await advisor.get(f"/assessments/{assessment_id}/{name}") for name in names]
    assert {reply.status for reply in replies} <= {200, 201}
    assert all(SEPARATOR not in reply.raw for reply in replies)
    assert all(ISSUER.encode() not in reply.raw and OTHER_ISSUER.encode() not in reply.raw for reply in replies)
    trace = replies[-1].body
    # The second one's score is not taken for a repetition of the first one's.
    assert [override["by"] for question in trace["questions"] for override in question["overrides"]] == [SUB, SUB]
    principals = [principal_of(SUB, ISSUER), principal_of(SUB, OTHER_ISSUER)]
    for statement in (
        "SELECT actor FROM score_overrides ORDER BY id",
        "SELECT author FROM feedback ORDER BY id",
        "SELECT actor FROM audit_log WHERE entity = 'score' ORDER BY id",
        "SELECT actor FROM audit_log WHERE entity = 'feedback' ORDER BY id",
    ):
        assert [row[0] for row in await pool.fetch(statement)] == principals


async def test_only_lists_show_the_issuer(serve: Serve, provider: IdentityProvider, bank: Bank) -> None:
    student = await ada(serve, provider, ISSUER)
    admin = with_token(student, ISSUER, "admin-1", "admin")
    path = (await student.post("/assessments", {"track": SLUG})).headers["Location"]
    assert (await student.post(f"{path}/submit", {"responses": bank.all_answers()})).status == 202
    assert (await admin.post("/api-keys", {"name": "n", "roles": ["advisor"], "expires_in_days": 1})).status == 201
    # New routes are here by themselves.
    lists = [route.path for route in ROUTES if route.method == "GET" and not (route.access.public or "{" in route.path)]
    assert len(lists) > 8
    queries = {"/questions": f"/questions?track={SLUG}"}
    pages = [queries.get(page, page) for page in lists]
    pages += [f"/tracks/{SLUG}", path, f"{path}/status", f"{path}/result", f"{path}/trace"]
    for caller in (student, admin):
        for page in pages:
            reply = await caller.get(page)
            assert reply.status in {200, 202, 403, 409}, page
            assert SEPARATOR not in reply.raw
            if reply.status == 200 and page in {"/assessments", "/gradebook"}:
                assert {(line["owner"], line["owner_issuer"]) for line in reply.body["items"]} == {(SUB, ISSUER)}
            elif page == "/me/export":
                # Their own issuer, since it is stored of them.
                assert reply.body["issuer"] == ISSUER
            else:
                assert ISSUER.encode() not in reply.raw


async def test_the_documented_statements_keep_people_across_a_change_to_a_provider(
    serve: Serve, provider: IdentityProvider, bank: Bank, pool: Pool
) -> None:
    before, after = await ada(serve, provider, None), await ada(serve, provider, ISSUER)
    path = (await before.post("/assessments", {"track": SLUG})).headers["Location"]
    text = (Path(__file__).parents[3] / "docs" / "deployment.md").read_text("utf-8")
    section = text[text.index("### Changing the issuer") :]
    [statements] = re.findall(r"```sql\n(.*?)```", section[: section.index("\n## ")], re.DOTALL)
    for _ in range(2):
        await pool.execute(statements)
        assert (await after.get(path)).status == 200
        problem(await before.get(path), 403, "forbidden")


def test_a_principal_is_as_unique_as_issuer_and_sub() -> None:
    people = {(sub, issuer) for sub in ("a", "b", "a https://i") for issuer in (None, "https://i", "b")}
    assert len({principal_of(*person) for person in people}) == len(people)
    assert {display_name(principal_of(*person)) for person in people} == {"a", "b", "a https://i"}
