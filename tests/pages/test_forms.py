"""Forms: refused unless a page of the same session has sent them, or if they cannot be read."""

from io import BytesIO

from app.pages.routes import ROUTES
from app.repositories.sql import Pool
from tests.bank import Bank
from tests.pages.conftest import NewPerson
from tests.pages.page_ids import Ids

POSTS = [route for route in ROUTES if route.method == "POST"]


async def test_every_form_needs_the_token_of_its_session_and_its_own_origin(
    person: NewPerson, pool: Pool, ids: Ids
) -> None:
    """With every role: whoever may use the form. The assessment is that of `student-1`."""
    roles = ("student", "advisor", "author", "admin")
    owner, staff, other = await person("student-1", "student"), await person("ada", *roles), await person("eve", *roles)
    others_token = await other.csrf()
    before = await state(pool)
    assert len(POSTS) > 30
    for route in POSTS:
        somebody, path = owner if route.access.owner else staff, ids.path(route)
        own = await somebody.csrf()
        refused = {
            "none": await somebody.post(path, {"x": "1"}, csrf=None),
            "empty": await somebody.post(path, {"x": "1"}, csrf=""),
            "another session's": await somebody.post(path, {"x": "1"}, csrf=others_token),
            "another origin": await somebody.post(path, {"x": "1"}, csrf=own, Origin="https://evil.example"),
            "no origin at all": await somebody.post(path, {"x": "1"}, csrf=own, Origin="null"),
        }
        assert {name: answer.status for name, answer in refused.items()} == dict.fromkeys(refused, 403), path
    assert await state(pool) == before


async def state(pool: Pool) -> list[tuple[str, int]]:
    """Number of rows, and of changed rows, of all tables."""
    tables = [
        row["name"]
        for row in await pool.fetch(
            "SELECT relname AS name FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace ORDER BY relname"
        )
    ]
    return [
        (name, await pool.fetchval(f'SELECT coalesce(sum(hashtext(t.*::text)::bigint), 0) FROM "{name}" t'))  # noqa: S608
        for name in tables
    ]


async def test_a_form_that_cannot_be_read_is_refused(person: NewPerson, path: str) -> None:
    ada = await person("student-1", "student")
    csrf = {"X-CSRF-Token": await ada.csrf()}
    url = f"{ada.origin}{path}/responses"
    for body, kind, status in (
        (b"%ff=%fe", "application/x-www-form-urlencoded", 400),
        (b"a=%00", "application/x-www-form-urlencoded", 422),
        (b"&".join(b"a=1" for _ in range(2001)), "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 400),
        (b"a" * (1024 * 1024 + 1), "application/x-www-form-urlencoded", 413),
    ):
        headers = csrf | {"Content-Type": kind}
        async with ada.session.post(url, data=BytesIO(body), headers=headers, allow_redirects=False) as answer:
            assert answer.status == status, (kind, body[:20], await answer.text())


async def test_line_ends_are_line_feeds(person: NewPerson, path: str, bank: Bank, pool: Pool) -> None:
    ada = await person("student-1", "student")
    answer = await ada.post(f"{path}/responses", {f"answer-{bank.ids['essay']}": "one\r\ntwo\r\n"})
    assert answer.status == 303
    assert await pool.fetchval("SELECT answer FROM responses") == "one\ntwo\n"
