"""Forms: refused unless a page of the same session has sent them, or if they cannot be read."""

import asyncio
from io import BytesIO

import pytest
from structlog.testing import capture_logs
from yarl import URL

from app.pages.routes import ROUTES
from app.repositories.sql import Pool
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.pages.conftest import SIGN_IN, NewPerson, Person
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


_MULTIPART = "multipart/form-data; boundary=x"


def _part(names: bytes, content: bytes = b"a") -> bytes:
    """A part of a form; what it says of an encoding does not count."""
    encoding = b"Content-Transfer-Encoding: none\r\nContent-Type: text/plain; charset=none"
    return b"--x\r\nContent-Disposition: form-data; " + names + b"\r\n" + encoding + b"\r\n\r\n" + content + b"\r\n"


async def test_a_form_that_cannot_be_read_is_refused(person: NewPerson, path: str) -> None:
    ada = await person("student-1", "student")
    csrf = {"X-CSRF-Token": await ada.csrf()}
    url = f"{ada.origin}{path}/responses"
    for body, kind, status in (
        (b"%ff=%fe", "application/x-www-form-urlencoded", 400),
        (b"a=%00", "application/x-www-form-urlencoded", 422),
        (b"&".join(b"a=1" for _ in range(2001)), "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (b"--x\r\nbroken", _MULTIPART, 400),
        (_part(b'name="\xff"') + b"--x--", _MULTIPART, 422),
        (_part(b'name="a"', b"\xff") + b"--x--", _MULTIPART, 400),
        (_part(b'name="a"; filename="\xff.csv"') + b"--x--", _MULTIPART, 422),
        (_part(b"no-name=a") + b"--x--", _MULTIPART, 400),
        (_part(b'name="a"') * 2001 + b"--x--", _MULTIPART, 400),
        (_part(b'name="a"; filename="a.csv"') * 2001 + b"--x--", _MULTIPART, 400),
        (_part(b'name="_charset_"', b"a" * 40) + b"--x--", _MULTIPART, 400),
        (_part(b'name="a"', b"a" * (1024 * 1024)) + b"--x--", _MULTIPART, 413),
        (b"--x--", "multipart/form-data", 400),
        (b"--x--", "multipart/form-data; boundary=", 400),
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


@pytest.mark.parametrize(
    "header",
    [
        b"Origin: http://[",
        b"Origin: http://]a[",
        "Origin: http://a\u2100b".encode(),
        b"Origin: \xff",
        b"X-CSRF-Token: \xff",
    ],
)
async def test_headers_that_no_browser_sends_are_refused(person: NewPerson, path: str, header: bytes) -> None:
    ada = await person("student-1", "student")
    body = f"csrf={await ada.csrf()}".encode()
    assert await _answer_to(ada, f"{path}/submit", [header], body) == 403


async def test_a_sign_in_page_for_a_host_that_cannot_be_one(person: NewPerson) -> None:
    for host in (b"localhost:99999", b"\xff", b"["):
        assert await _answer_to(await person(), SIGN_IN, [], None, host) == 200


async def test_a_client_that_leaves_in_the_middle_of_a_file_is_no_outage(person: NewPerson, path: str) -> None:
    ada = await person("student-1", "student")
    with capture_logs() as logs:
        await _answer_to(ada, f"{path}/submit", [b"Content-Type: " + _MULTIPART.encode()], b"--x\r\n", more=100)

        async def is_answered() -> bool:
            return any(line["event"] == "request" for line in logs)

        await until(is_answered)
    assert [line["status"] for line in logs if line["event"] == "request"] == [400]


async def _answer_to(
    person: Person, path: str, headers: list[bytes], body: bytes | None, host: bytes | None = None, more: int = 0
) -> int | None:
    """The status of the answer to bytes that no HTTP client would send. With `more`, so many bytes of the body are
    announced but never sent, and nothing is read."""
    url = URL(person.origin)
    lines = [b"%s %s HTTP/1.1" % (b"GET" if body is None else b"POST", path.encode()), b"Connection: close", *headers]
    lines += [b"Host: " + (host if host is not None else url.authority.encode())]
    lines += [b"Cookie: assay-session=" + person.cookie.encode()]
    if body is not None:
        lines += [b"Content-Length: %d" % (len(body) + more)]
        if not any(header.startswith(b"Content-Type") for header in headers):
            lines += [b"Content-Type: application/x-www-form-urlencoded"]
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + (body or b""))
    await writer.drain()
    status = None if more else int((await reader.readline()).split()[1])
    writer.close()
    return status
