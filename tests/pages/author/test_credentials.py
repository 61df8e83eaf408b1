"""Authors' pages for credentials: search, change, retire, import with a report of each row."""

from io import BytesIO
from typing import Any

import pytest
from aiohttp import FormData

from app.repositories.sql import Pool
from tests.bank import Bank
from tests.pages.author.conftest import HOSTILE
from tests.pages.conftest import Person, Shown

CREDENTIALS = "/dashboard/credentials"
FIELDS = {
    "title": "Soil Two", "provider": "Garden School", "url": "https://garden.example/two", "level": "advanced",
    "skills": "soil; moss", "description": "More about soil.",
}  # fmt: skip
TABLE = (
    "title,provider,url,level,skills,description\r\n"
    "Moss,Garden School,https://garden.example/moss,beginner,moss,All about moss.\r\n"
    "Bad,Garden School,ftp://garden.example,beginner,moss,Nothing.\r\n"
    "Soil Science Basics,Garden School,https://garden.example/certificates,advanced,soil,Changed.\r\n"
)


async def upload(author: Person, content: bytes, name: str = "new.csv", **fields: str) -> Shown:
    """Sends a file as a browser does."""
    form = FormData({"csrf": await author.csrf()} | fields)
    form.add_field("file", BytesIO(content), filename=name, content_type="application/octet-stream")
    async with author.session.post(f"{author.origin}{CREDENTIALS}/import", data=form) as answer:
        return Shown(answer.status, answer.headers, await answer.text())


async def stored(pool: Pool) -> dict[str, int]:
    """Active credentials with their versions."""
    rows = await pool.fetch(
        "SELECT v.title, v.version FROM credentials c JOIN credential_versions v "
        "ON v.credential_id = c.id AND v.version = c.current_version WHERE c.deleted_at IS NULL"
    )
    return {row["title"]: row["version"] for row in rows}


async def test_a_credential_is_created_changed_and_retired(author: Person, bank: Bank, pool: Pool) -> None:
    created = await author.post(f"{CREDENTIALS}/new", FIELDS)
    path = created.target.partition("?")[0]
    assert created.status == 303
    assert "No track has these skills, so gaps of students never name them: moss." in (await author.get(path)).text
    assert (await author.post(path, FIELDS)).target == f"{path}?done=unchanged"
    assert (await author.post(path, FIELDS | {"title": "Soil Three"})).target == f"{path}?done=saved"
    assert (await stored(pool))["Soil Three"] == 2
    assert (await author.post(f"{path}/retire", {})).target == f"{CREDENTIALS}?done=retired"
    assert (await author.get(path)).status == 404
    actions = await pool.fetch("SELECT action FROM audit_log WHERE actor = 'author-1' ORDER BY id")
    assert [row["action"] for row in actions] == ["create", "update", "delete"]


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("title", "", "Please fill this in."),
        ("url", "javascript:alert(1)", "Must be an http or https address"),
        ("level", "", "Must be"),
        ("description", "d" * 10_001, "At most 10000 characters"),
    ],
)
async def test_errors_stand_beside_the_fields(
    author: Person, bank: Bank, pool: Pool, field: str, text: str, message: str
) -> None:
    refused = await author.post(f"{CREDENTIALS}/new", FIELDS | {field: text})
    assert refused.status == 422
    assert message in refused.html.split(f'id="{field}-error">')[1].split("</p>")[0]
    assert len(await stored(pool)) == 3


async def test_search_finds_words_and_what_no_track_matches(author: Person, bank: Bank) -> None:
    await author.post(f"{CREDENTIALS}/new", FIELDS | {"title": "100% Moss_", "skills": "moss"})
    for query, titles in (
        ("", 4), ("?q=SCIENCE", 1), ("?q=garden+school", 4), ("?q=moss", 1), ("?q=0%25+m", 1), ("?q=%25%25", 0),
        ("?q=nothing", 0), ("?unmatched=1", 1), ("?unmatched=1&q=soil", 0),
    ):  # fmt: skip
        page = await author.get(f"{CREDENTIALS}{query}")
        assert page.html.count('<th scope="row">') == titles, query
    assert "no track has it" in page.html or "No credential fits" in page.text
    assert "More credentials" in (await author.get(f"{CREDENTIALS}?limit=2")).text


async def test_an_import_reports_on_each_row(author: Person, bank: Bank, pool: Pool) -> None:
    before = await stored(pool)
    checked = await upload(author, TABLE.encode(), then="check")
    assert "3 rows: 1 added, 1 changed, 0 unchanged, 1 refused. Nothing was changed." in checked.text
    assert await stored(pool) == before
    done = await upload(author, TABLE.encode())
    assert "3 rows: 1 added, 1 changed, 0 unchanged, 1 refused." in done.text
    assert "2 added Moss 3 refused url: Must be an http or https address" in done.text
    assert "4 changed Soil Science Basics" in done.text
    assert await stored(pool) == before | {"Moss": 1, "Soil Science Basics": 2}
    again = await upload(author, TABLE.encode())
    assert "0 added, 0 changed, 2 unchanged, 1 refused" in again.text
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE actor = 'author-1'") == 2


async def test_files_of_spreadsheets_are_read(author: Person, bank: Bank) -> None:
    german = TABLE.replace("All about moss.", "Größe").replace(",", ";")
    read = await upload(author, german.encode("cp1252"))
    assert "1 added" in read.text and "was read as Windows-1252" in read.text
    assert "2 unchanged" in (await upload(author, german.encode("utf-16"))).text
    line = '{"title":"T","provider":"P","url":"https://x.example","level":"beginner","description":"D"}'
    assert "1 added" in (await upload(author, f"{line}\n".encode(), "some.jsonl")).text


@pytest.mark.parametrize(
    ("name", "content", "status", "message"),
    [
        ("new.xlsx", b"PK\x03\x04", 422, "must end in .csv"),
        ("new.csv", b"PK\x03\x04", 422, "save the sheet as CSV"),
        ("new.csv", b"a,b\n1,2\n", 422, "missing: title"),
        ("new.csv", b"", 422, "has no line with the columns"),
        ("new.csv", TABLE.encode() + b'"x', 422, "opened and never closed"),
        ("", b"", 422, "Choose a file first."),
        ("<script>alert(1)</script>.csv", b"", 422, "has no line with the columns"),
        ("big.jsonl", b"x" * 1_100_000, 413, "at most 1 MiB"),
        ("many.jsonl", b'{"title":"T%d"}\n', 422, "more than 2,000 rows"),
    ],
)
async def test_what_is_no_file_of_credentials_is_refused(
    author: Person, bank: Bank, name: str, content: bytes, status: int, message: str
) -> None:
    if name == "many.jsonl":
        line = '{"title":"%d","provider":"P","url":"https://x.example","level":"beginner","description":"D"}\n'
        content = "".join(line % number for number in range(2001)).encode()
    answer: Any = await upload(author, content, name)
    assert answer.status == status
    assert message in answer.text and "<script>alert" not in answer.html


async def test_hostile_texts_are_texts(author: Person, bank: Bank) -> None:
    texts = {"title": HOSTILE[:300], "provider": HOSTILE[:300], "skills": "</td><b>", "description": HOSTILE}
    created = await author.post(f"{CREDENTIALS}/new", FIELDS | texts)
    assert created.status == 303
    for page in (created.target, CREDENTIALS, f"{CREDENTIALS}?q=%3Cscript%3E"):
        html = (await author.get(page)).html
        assert "<script>alert" not in html and "<b>" not in html
