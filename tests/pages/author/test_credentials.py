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
ALIASES = "/dashboard/skill-aliases"
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
    assert "2 added Moss shares no skill with a track 3 refused url: Must be an http or https address" in done.text
    assert "1 of 2 valid rows share a skill with a track; 1 share none, and 0 have no skills." in done.text
    assert "moss 1 none is near" in done.text
    assert "4 changed Soil Science Basics" in done.text
    assert await stored(pool) == before | {"Moss": 1, "Soil Science Basics": 2}
    again = await upload(author, TABLE.encode())
    assert "0 added, 0 changed, 2 unchanged, 1 refused" in again.text
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE actor = 'author-1'") == 2


async def test_files_of_spreadsheets_are_read(author: Person, bank: Bank) -> None:
    german = TABLE.replace("All about moss.", "Größe").replace(",", ";")
    read = await upload(author, german.encode("cp1252"))
    assert "1 added" in read.text and "About the file: read as Windows-1252" in read.text
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
        ("many.jsonl", b'{"title":"T%d"}\n', 422, "The file has 2,001 rows, and a page takes 2,000."),
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


async def test_an_import_that_replaces_says_what_it_retires_and_wants_every_row_right(
    author: Person, bank: Bank, pool: Pool
) -> None:
    before = await stored(pool)
    stopped = await upload(author, TABLE.encode(), replace="1")
    assert "Nothing was changed." in stopped.text and "has to be right in every row" in stopped.text
    assert "What would be retired Botany Foundations Garden School Irrigation Planner Garden School" in stopped.text
    right = "\r\n".join(line for line in TABLE.split("\r\n") if not line.startswith("Bad")).encode()
    checked = await upload(author, right, replace="1", then="check")
    assert "2 rows: 1 added, 1 changed, 0 unchanged, 2 retired, 0 refused. Nothing was changed." in checked.text
    empty = await upload(author, b"title,provider\n", replace="1")
    assert empty.status == 422 and "all credentials would be retired" in empty.text
    assert await stored(pool) == before
    done = await upload(author, right, replace="1")
    assert "1 added, 1 changed, 0 unchanged, 2 retired, 0 refused." in done.text and "What was retired" in done.text
    assert await stored(pool) == {"Moss": 1, "Soil Science Basics": 2}
    actions = await pool.fetch("SELECT action FROM audit_log WHERE actor = 'author-1' ORDER BY action")
    assert [row["action"] for row in actions] == ["create", "delete", "delete", "update"]


async def test_an_import_that_replaces_changes_nothing_if_an_external_id_is_taken(
    author: Person, bank: Bank, pool: Pool
) -> None:
    await upload(author, b"title,provider,external_id\nSoil,Garden School,1\n")
    before = await stored(pool)
    taken = b"title,provider,external_id\nKnitting,Wool School,1\nMoss,Garden School,2\n"
    stopped = await upload(author, taken, replace="1")
    assert "Nothing was changed." in stopped.text and "has to be right in every row" in stopped.text
    assert await stored(pool) == before


async def test_a_foreign_catalogue_is_imported_as_it_is(author: Person, bank: Bank, pool: Pool) -> None:
    table = (
        "\ufeffId;Title;Provider;Level;Language;Description\r\n"
        "7;Growing Soils;Coursea;Mixed;English;<p>All about <b>soil</b>.</p>\r\n"
        "7;Growing Soils;Coursea;Mixed;English;<p>All about <b>soil</b>.</p>\r\n"
        "8;Knitting;Coursea;;;\r\n"
    )
    done = await upload(author, table.encode())
    assert "3 rows: 2 added, 0 changed, 0 unchanged, 0 refused, 1 repeated." in done.text
    for note in ("columns that were ignored: id.", "HTML was taken out of 2 rows (lines 2, 3).", "left out: line 3."):
        assert note in done.text
    assert "has no skills; its title is near to: soil" in done.text
    rows = await pool.fetch(
        "SELECT title, level, language, url, description FROM credential_versions WHERE provider = 'Coursea'"
    )
    assert sorted(map(tuple, rows)) == [
        ("Growing Soils", "any", "en", "", "All about soil."), ("Knitting", "any", None, "", ""),
    ]  # fmt: skip
    downloaded = await author.get(f"{CREDENTIALS}.csv")
    again = await upload(author, downloaded.html.encode(), replace="1")
    assert "5 rows: 0 added, 0 changed, 5 unchanged, 0 refused." in again.text


async def test_a_credential_has_a_language_and_an_external_id_of_its_own(author: Person, bank: Bank) -> None:
    fields = FIELDS | {"level": "any", "url": "", "description": "", "language": "de", "external_id": "a-1"}
    path = (await author.post(f"{CREDENTIALS}/new", fields)).target.partition("?")[0]
    shown = (await author.get(path)).html
    assert 'value="a-1"' in shown and 'value="de"' in shown and 'value="any" selected' in shown
    assert (await author.post(path, fields)).target == f"{path}?done=unchanged"
    taken = await author.post(f"{CREDENTIALS}/new", fields)
    assert taken.status == 422 and "Another credential has it" in taken.text
    assert (await author.post(path, fields | {"external_id": "", "language": ""})).target == f"{path}?done=saved"
    wrong = await author.post(path, fields | {"language": "German"})
    assert wrong.status == 422 and 'id="language-error"' in wrong.html


async def test_other_names_of_skills_are_replaced_and_reset(author: Person, bank: Bank, pool: Pool) -> None:
    async def send(content: bytes) -> Shown:
        form = FormData({"csrf": await author.csrf()})
        form.add_field("file", BytesIO(content), filename="names.csv", content_type="text/csv")
        async with author.session.post(f"{author.origin}{ALIASES}", data=form, allow_redirects=False) as answer:
            return Shown(answer.status, answer.headers, await answer.text())

    page = await author.get(ALIASES)
    assert "which came with the software" in page.text and "k8s kubernetes" in page.text
    refused = await send(b"alias,skill\nmoss,soil\nmoss,water\n")
    assert refused.status == 422 and "line 3: moss stands for soil already" in refused.text
    assert (await send(b"alias,skill\nMoss,soil\n")).target == f"{ALIASES}?done=saved"
    assert (await author.get(f"{ALIASES}.csv")).html.split() == ["alias,skill", "Moss,soil"]
    created = await author.post(f"{CREDENTIALS}/new", FIELDS)
    assert "No track has these skills" not in (await author.get(created.target)).text
    assert "No credential fits" in (await author.get(f"{CREDENTIALS}?unmatched=1")).text
    assert (await author.post(ALIASES, {"then": "reset"})).target == f"{ALIASES}?done=reset"
    assert await pool.fetchval("SELECT count(*) FROM skill_aliases") == 0
    assert "moss" in (await author.get(created.target)).text


async def test_hostile_texts_are_texts(author: Person, bank: Bank) -> None:
    texts = {"title": HOSTILE[:300], "provider": HOSTILE[:300], "skills": "</td><b>", "description": HOSTILE}
    created = await author.post(f"{CREDENTIALS}/new", FIELDS | texts)
    assert created.status == 303
    for page in (created.target, CREDENTIALS, f"{CREDENTIALS}?q=%3Cscript%3E"):
        html = (await author.get(page)).html
        assert "<script>alert" not in html and "<b>" not in html
