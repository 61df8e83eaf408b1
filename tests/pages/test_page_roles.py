"""Who may see which page: every page, every role, things that exist and things that don't."""

import pytest

from app.pages.routes import ROUTES, PageRoute
from tests.pages.conftest import SIGN_IN, NewPerson, Person, Shown
from tests.pages.page_ids import Ids

# The owner is the student whose assessment it is, `other` is another student.
EVERYONE = {"owner", "other", "advisor", "author", "admin"}
STUDENTS, STAFF, OWNER = {"owner", "other"}, {"advisor", "admin"}, {"owner"}
AUTHORS, ADMIN = {"author", "admin"}, {"admin"}
ALLOWED = {
    ("GET", "/dashboard"): EVERYONE,
    ("POST", "/dashboard/assessments"): STUDENTS,
    ("GET", "/dashboard/my-data.json"): STUDENTS,
    ("GET", "/dashboard/assessments/{assessment_id}"): OWNER | STAFF,
    ("POST", "/dashboard/assessments/{assessment_id}/responses"): OWNER,
    ("GET", "/dashboard/assessments/{assessment_id}/review"): OWNER,
    ("POST", "/dashboard/assessments/{assessment_id}/submit"): OWNER,
    ("GET", "/dashboard/assessments/{assessment_id}/events"): OWNER | STAFF,
    ("GET", "/dashboard/assessments/{assessment_id}/result.json"): OWNER | STAFF,
    # Authors
    ("GET", "/dashboard/tracks"): AUTHORS,
    ("GET", "/dashboard/new-track"): AUTHORS,
    ("POST", "/dashboard/new-track"): AUTHORS,
    ("GET", "/dashboard/tracks/{slug}"): AUTHORS,
    ("POST", "/dashboard/tracks/{slug}"): AUTHORS,
    ("POST", "/dashboard/tracks/{slug}/retire"): AUTHORS,
    ("POST", "/dashboard/tracks/{slug}/restore"): AUTHORS,
    ("GET", "/dashboard/questions"): AUTHORS,
    ("GET", "/dashboard/questions/new"): AUTHORS,
    ("POST", "/dashboard/questions/new"): AUTHORS,
    ("GET", "/dashboard/questions/{question_id}"): AUTHORS,
    ("POST", "/dashboard/questions/{question_id}"): AUTHORS,
    ("GET", "/dashboard/questions/{question_id}/versions"): AUTHORS,
    ("POST", "/dashboard/questions/{question_id}/retire"): AUTHORS,
    ("POST", "/dashboard/questions/{question_id}/restore"): AUTHORS,
    ("GET", "/dashboard/credentials"): AUTHORS,
    ("GET", "/dashboard/credentials.csv"): AUTHORS,
    ("GET", "/dashboard/credentials/new"): AUTHORS,
    ("POST", "/dashboard/credentials/new"): AUTHORS,
    ("GET", "/dashboard/credentials/import"): AUTHORS,
    ("POST", "/dashboard/credentials/import"): AUTHORS,
    ("GET", "/dashboard/credentials/{credential_id}"): AUTHORS,
    ("POST", "/dashboard/credentials/{credential_id}"): AUTHORS,
    ("POST", "/dashboard/credentials/{credential_id}/retire"): AUTHORS,
    ("GET", "/dashboard/skill-aliases"): AUTHORS,
    ("POST", "/dashboard/skill-aliases"): AUTHORS,
    ("GET", "/dashboard/skill-aliases.csv"): AUTHORS,
    # Figures
    ("GET", "/dashboard/insights"): STAFF | AUTHORS,
    ("GET", "/dashboard/insights/figures.csv"): STAFF | AUTHORS,
    ("GET", "/dashboard/gradebook"): STAFF,
    ("GET", "/dashboard/gradebook/download"): STAFF,
    # Operators
    ("GET", "/dashboard/review"): STAFF,
    ("GET", "/dashboard/review/queue.csv"): STAFF,
    ("GET", "/dashboard/review/next"): STAFF,
    ("GET", "/dashboard/review/previous"): STAFF,
    ("GET", "/dashboard/review/{assessment_id}/{question_id}"): STAFF,
    ("POST", "/dashboard/review/{assessment_id}/{question_id}/agree"): STAFF,
    ("POST", "/dashboard/review/{assessment_id}/{question_id}/points"): STAFF,
    ("POST", "/dashboard/review/{assessment_id}/{question_id}/appeal"): STAFF,
    ("POST", "/dashboard/review/{assessment_id}/{question_id}/skip"): STAFF,
    ("POST", "/dashboard/review/{assessment_id}/{question_id}/release"): STAFF,
    ("GET", "/dashboard/assessments"): STAFF,
    ("POST", "/dashboard/assessments/{assessment_id}/rescore"): STAFF,
    ("GET", "/dashboard/assessments/{assessment_id}/trace"): STAFF,
    ("GET", "/dashboard/system"): ADMIN,
    ("GET", "/dashboard/jobs"): ADMIN,
    ("GET", "/dashboard/jobs/retry"): ADMIN,
    ("POST", "/dashboard/jobs/retry"): ADMIN,
    ("GET", "/dashboard/jobs/{job_id}"): ADMIN,
    ("POST", "/dashboard/jobs/{job_id}/retry"): ADMIN,
    ("GET", "/dashboard/webhooks"): ADMIN,
    ("POST", "/dashboard/webhooks"): ADMIN,
    ("GET", "/dashboard/webhooks/new"): ADMIN,
    ("GET", "/dashboard/webhooks/deliveries"): ADMIN,
    ("GET", "/dashboard/webhooks/deliveries/{delivery_id}"): ADMIN,
    ("POST", "/dashboard/webhooks/deliveries/{delivery_id}/redeliver"): ADMIN,
    ("GET", "/dashboard/webhooks/{subscription_id}"): ADMIN,
    ("POST", "/dashboard/webhooks/{subscription_id}"): ADMIN,
    ("POST", "/dashboard/webhooks/{subscription_id}/delete"): ADMIN,
    ("GET", "/dashboard/api-keys"): ADMIN,
    ("POST", "/dashboard/api-keys"): ADMIN,
    ("GET", "/dashboard/api-keys/{key_id}"): ADMIN,
    ("POST", "/dashboard/api-keys/{key_id}/rotate"): ADMIN,
    ("POST", "/dashboard/api-keys/{key_id}/revoke"): ADMIN,
    ("GET", "/dashboard/people"): ADMIN,
    ("POST", "/dashboard/people/export"): ADMIN,
    ("GET", "/dashboard/people/erase"): ADMIN,
    ("POST", "/dashboard/people/erase"): ADMIN,
    ("GET", "/dashboard/people/erasures/{erasure_id}"): ADMIN,
    ("GET", "/dashboard/audit"): ADMIN,
    ("POST", "/dashboard/audit/download"): ADMIN,
    ("POST", "/dashboard/assessments/{assessment_id}/feedback"): OWNER,
    ("POST", "/dashboard/assessments/{assessment_id}/questions/{question_id}/appeal"): OWNER,
}
PUBLIC = {"/", SIGN_IN, f"{SIGN_IN}/role", f"{SIGN_IN}/oidc", f"{SIGN_IN}/oidc/callback", "/dashboard/sign-out"}
GUARDED = [route for route in ROUTES if not route.access.public]
# What a page answers to somebody who may use it, whether or not the form makes sense.
_ADMITTED = {200, 204, 303, 400, 404, 409, 410, 422}


@pytest.fixture
async def people(person: NewPerson) -> dict[str, Person]:
    """Somebody of each kind."""
    return {
        "owner": await person("student-1", "student"),
        "other": await person("student-2", "student"),
        "advisor": await person("advisor-1", "advisor"),
        "author": await person("author-1", "author"),
        "admin": await person("admin-1", "admin"),
    }


async def request(somebody: Person, route: PageRoute, path: str, *, csrf: str | None = None) -> Shown:
    """The answer to a request; a form lacks its token, so that it does nothing."""
    if route.method == "POST":
        return await somebody.post(path, {"unknown": "1"}, csrf=csrf)
    if not path.endswith("/events"):
        return await somebody.get(path)
    async with somebody.session.get(f"{somebody.origin}{path}", allow_redirects=False) as answer:
        return Shown(answer.status, answer.headers, "" if answer.status == 200 else await answer.text())


def admitted(answer: Shown) -> bool:
    """Whether the page was for the one who has asked: a form only lacks its token then."""
    return answer.status in _ADMITTED or "form is too old" in answer.text


def test_the_table_has_every_page() -> None:
    assert {(route.method, route.path) for route in GUARDED} == set(ALLOWED)
    assert {route.path for route in ROUTES if route.access.public} == PUBLIC


async def test_each_kind_of_person_may_see_what_the_table_says(people: dict[str, Person], ids: Ids) -> None:
    allowed: dict[tuple[str, str], set[str]] = {}
    for route in GUARDED:
        may = allowed.setdefault((route.method, route.path), set())
        for name, somebody in people.items():
            # Who owns an assessment is checked after the form.
            csrf = "own" if route.access.owner and name == "other" else None
            answer = await request(somebody, route, ids.path(route), csrf=csrf)
            if admitted(answer):
                may.add(name)
            else:
                shown = answer.status, answer.headers["Content-Type"]
                assert shown == (403, "text/html; charset=utf-8"), (route, name)
    assert allowed == ALLOWED


async def test_an_unknown_id_is_404_for_everybody(people: dict[str, Person], ids: Ids) -> None:
    for route in GUARDED:
        for unknown in ids.with_one_unknown(route):
            for name, somebody in people.items():
                answer = await request(somebody, route, unknown.path(route))
                # A form that lacks its token is refused before what it is about is looked for.
                refused_form = route.method == "POST" and "form is too old" in answer.text
                assert answer.status == 404 or refused_form, (route, name, answer.status)


async def test_every_page_but_the_public_ones_asks_to_sign_in(person: NewPerson, ids: Ids) -> None:
    stranger = await person()
    for route in GUARDED:
        answer = await request(stranger, route, ids.path(route))
        if route.method == "GET":
            assert (answer.status, answer.target.partition("?")[0]) == (303, SIGN_IN), route
        else:
            assert answer.status == 401, route


async def test_pages_have_the_headers_of_pages(people: dict[str, Person]) -> None:
    for answer in (await people["owner"].get("/dashboard"), await people["owner"].get("/dashboard/nowhere")):
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]
