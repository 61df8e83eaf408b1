"""Files of credentials as spreadsheets write them, and skills that were not separated."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.cli.credential_import import read_credentials
from app.domain.recommendation.credentials import CredentialBody
from app.services.catalog.credentials_file import CredentialsFile, credentials_table, parse_credentials
from app.services.catalog.table_file import UnreadableFile, decode

HEADINGS = ("title", "provider", "url", "level", "skills", "description")
CELLS = (
    "Größe – SQL",
    "Müller & Co",
    "https://x.example/sql",
    "beginner",
    "sql; python",
    'Tables, "joins"\nand plans.',
)


def table(delimiter: str = ",", headings: Any = HEADINGS, *rows: Any, end: str = "\r\n") -> str:
    """The text of a table, with the usual row if no other is given."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows([headings, *(rows or [CELLS])])
    return text.getvalue()


def read(folder: Path, text: str, encoding: str = "utf-8", name: str = "some.csv") -> CredentialsFile:
    """The file with this text, as it is read."""
    (folder / name).write_bytes(text.encode(encoding))
    return read_credentials(folder / name)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("cp1252", "Windows-1252"),
        ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), ("utf-16-be", "UTF-16"), ("utf-32", "UTF-32"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_delimiter_and_encoding_of_spreadsheets(
    tmp_path: Path, delimiter: str, encoding: str, name: str, end: str
) -> None:
    file = read(tmp_path, table(delimiter, end=end), encoding)
    assert file.invalid == [] and bool(file.notes) == (name == "Windows-1252")
    assert decode("some.csv", table(delimiter, end=end).encode(encoding))[1] == name
    body = file.rows[0].body
    assert (body.title, body.provider, body.description) == (CELLS[0], CELLS[1], CELLS[5])
    assert body.skills == ("sql", "python")


@pytest.mark.parametrize(
    "text",
    [
        table(",", [" Title", "PROVIDER", "Url ", "Level", "Skills", "Description"]),
        table(",", [*HEADINGS, "", ""], [*CELLS, "", " "]),
        table(",", HEADINGS, [*CELLS, "", ""]),
        table(",", HEADINGS, [""] * 6, CELLS, [""] * 6, [" "] * 6, []),
        ",,,,,\r\n" + table(),
        "sep=;\r\n" + table(";"),
        '"sep=;"\r\n' + table(";"),
        "SEP=;;;;;;\r\n" + table(";"),
        "\ufeff\ufeffsep=|\r\n" + table("|"),
        table(",", ["", *HEADINGS[:2], "", *HEADINGS[2:]], ["", *CELLS[:2], " ", *CELLS[2:]]),
        table(",", [f"\u200b{name}\u00a0" for name in HEADINGS]),
        table(",", HEADINGS, [f" {cell}\u00a0" for cell in (*CELLS[:3], "Beginner", *CELLS[4:])]),
        re.sub(",(?=[^ ])", ", ", table()),
        table(
            "\t", ("level", "url", "title", "description", "provider", "skills"), [CELLS[i] for i in (3, 2, 0, 5, 1, 4)]
        ),
    ],
    ids=[
        "capitals",
        "empty columns",
        "trailing commas",
        "rows of commas",
        "late headings",
        "sep",
        "quoted sep",
        "sep of a row",
        "two marks",
        "empty columns before and between",
        "invisible characters",
        "white space and capitals",
        "spaces after commas",
        "other order",
    ],
)
def test_headings_and_empty_cells_of_spreadsheets(tmp_path: Path, text: str) -> None:
    file = read(tmp_path, text)
    assert file.invalid == []
    assert [row.body for row in file.rows] == [
        CredentialBody.model_validate(dict(zip(HEADINGS, CELLS, strict=True)) | {"skills": ("sql", "python")})
    ]


def test_text_under_no_heading_is_an_error(tmp_path: Path) -> None:
    file = read(tmp_path, table(",", ["", *HEADINGS], ["", *CELLS], ["1", *CELLS]))
    assert [row.body.title for row in file.rows] == [CELLS[0]]
    assert [row.reason for row in file.invalid] == ["has text in column 1, which has no heading"]


@pytest.mark.parametrize("begin", [b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1"], ids=["xlsx", "xls"])
def test_a_workbook_is_no_table(tmp_path: Path, begin: bytes) -> None:
    (tmp_path / "some.csv").write_bytes(begin + bytes(range(256)))
    with pytest.raises(UnreadableFile, match="is a workbook or an archive; save the sheet as CSV"):
        read_credentials(tmp_path / "some.csv")


def test_optional_cells_at_the_end_of_a_row_may_be_left_out(tmp_path: Path) -> None:
    file = read(tmp_path, table(",", HEADINGS, CELLS[:2], ("Other", *CELLS[1:4]), CELLS[:1]))
    assert [(row.body.url, row.body.level, row.body.skills) for row in file.rows] == [
        ("", "any", ()), (CELLS[2], "beginner", ()),
    ]  # fmt: skip
    assert [row.reason for row in file.invalid] == ["has 1 cell, and the line of headings has 6"]


@pytest.mark.parametrize("inside", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
def test_only_cr_and_lf_end_a_line(tmp_path: Path, inside: str) -> None:
    description = f"One{inside}two."
    file = read(tmp_path, table(",", HEADINGS, (*CELLS[:5], description), (*CELLS[:3], "expert", *CELLS[4:])))
    assert [row.body.description for row in file.rows] == [description]
    assert [row.line for row in file.invalid] == [3]


def test_lines_are_counted_as_in_the_file(tmp_path: Path) -> None:
    wrong = (*CELLS[:3], "expert", *CELLS[4:])
    file = read(tmp_path, "sep=,\r\n,,\r\n" + table(",", HEADINGS, CELLS, [""] * 6, wrong))
    assert ([row.line for row in file.rows], [row.line for row in file.invalid]) == ([4], [7])


@pytest.mark.parametrize(
    "heading", ["a" * 100_000, "a," * 100_000, ",".join(map(str, range(100_000))), "\x1b]0;a\x07\x00title,b"]
)
def test_an_error_about_a_file_that_is_no_table_is_short_and_printable(tmp_path: Path, heading: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(tmp_path, f"{heading}\n")
    message = str(caught.value).removeprefix(str(tmp_path))
    assert "missing: title, provider" in message and "unknown: " in message
    assert len(message) < 1000 and message.isprintable()


def test_headings_without_a_visible_character_are_none(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="line 1: missing: title, provider"):
        read(tmp_path, "\u200b,\u200b\n")


def test_errors_have_no_prefix_of_pydantic(tmp_path: Path) -> None:
    file = read(tmp_path, table(",", HEADINGS, (*CELLS[:2], "ftp://x.example", *CELLS[3:])))
    assert [row.reason for row in file.invalid] == ["url: must be an http or https address without user info"]


@pytest.mark.parametrize(
    "cell",
    ["sql, python", "sql;python", " sql ,; python;", "sql\npython", "sql\r\npython", "sql\u2028python", "sql\vpython"],
)
def test_skills_in_a_cell_are_separated(tmp_path: Path, cell: str) -> None:
    file = read(tmp_path, table(",", HEADINGS, (*CELLS[:4], cell, CELLS[5])))
    assert file.rows[0].body.skills == ("sql", "python")


@pytest.mark.parametrize("skill", ["sql, python", "sql;python", "sql\npython", "sql\u2029python", "sql\x85python"])
def test_a_skill_with_a_separator_is_an_error_in_json_lines(tmp_path: Path, skill: str) -> None:
    line = json.dumps(dict(zip(HEADINGS, CELLS, strict=True)) | {"skills": ["http", skill]})
    file = read(tmp_path, line, name="some.jsonl")
    why = "skills.1: has a comma, a semicolon or a line break: write several skills as several items"
    assert (file.rows, [row.reason for row in file.invalid]) == ([], [why])


def test_only_title_and_provider_are_needed_and_other_columns_are_ignored(tmp_path: Path) -> None:
    file = read(tmp_path, "Rating;Title;Provider;Duration\n4.5;SQL;School;3 weeks\n;;;\n")
    assert [row.body for row in file.rows] == [CredentialBody(title="SQL", provider="School")]
    assert file.notes == ("columns that were ignored: rating, duration",)


@pytest.mark.parametrize(("heading", "name"), [("descripton", "descripton"), ("skill", "skill"), ("levels", "levels")])
def test_a_misspelt_column_is_an_error_since_its_cells_would_be_lost(tmp_path: Path, heading: str, name: str) -> None:
    with pytest.raises(UnreadableFile, match=f"line 1: unknown: {name} "):
        read(tmp_path, f"title,provider,{heading}\nSQL,School,x\n")


def test_levels_and_languages_in_the_words_of_catalogues(tmp_path: Path) -> None:
    rows = [
        ("A", "Introductory", "English"), ("B", "All levels", "de_at"), ("C", "", ""), ("D", "MEDIUM", "zh-hant-tw"),
        ("E", "expert", "en"), ("F", "any", "Klingon"),
    ]  # fmt: skip
    headings = ("title", "provider", "level", "language")
    file = read(tmp_path, table(",", headings, *((title, "P", *rest) for title, *rest in rows)))
    assert [(str(row.body.level), row.body.language) for row in file.rows] == [
        ("beginner", "en"), ("any", "de-AT"), ("any", None), ("intermediate", "zh-Hant-TW"),
    ]  # fmt: skip
    assert [(row.line, row.reason.partition(":")[0]) for row in file.invalid] == [(6, "level"), (7, "language")]


HTML = "<p>Learn&nbsp;<b>SQL</b> &amp; joins.</p><ul><li>Tables</li><li>a &lt; b</li></ul><script>x()</script>"


@pytest.mark.parametrize("name", ["some.csv", "some.jsonl", "some.json"])
def test_html_is_taken_out_and_the_report_says_so(tmp_path: Path, name: str) -> None:
    one = {"title": "R&amp;D", "provider": "P", "description": HTML}
    two = {"title": "Tags", "provider": "P", "description": "What <p> and <b> mean, if a < b & c > d."}
    rows = [one, two]
    text = {
        "some.csv": table(",", tuple(one), *(tuple(row.values()) for row in rows)),
        "some.jsonl": "\n".join(map(json.dumps, rows)),
        "some.json": json.dumps(rows),
    }[name]
    file = read(tmp_path, text, name=name)
    line = 2 if name == "some.csv" else 1
    assert file.notes == (f"HTML was taken out of line {line}",)
    first, second = (row.body for row in file.rows)
    assert (first.title, first.description) == ("R&D", "Learn SQL & joins.\nTables\na < b")
    assert second.description == two["description"]


def test_a_repeated_row_is_left_out_and_one_that_says_something_else_is_refused(tmp_path: Path) -> None:
    headings = ("title", "provider", "level", "external_id")
    rows = [
        ("SQL", "P", "any", "1"), ("SQL", "P", "any", "1"), ("SQL", "P", "beginner", "1"), ("SQL", "P", "any", "2"),
        ("Git", "P", "any", ""), ("Git", "P", "any", ""), ("Git", "P", "advanced", ""), ("Git", "P", "any", "3"),
    ]  # fmt: skip
    file = read(tmp_path, table(",", headings, *rows))
    assert [row.line for row in file.rows] == [2, 5, 6]
    assert (file.repeated, file.notes) == ([3, 7], ("the same as an earlier row, and left out: 2 rows (lines 3, 7)",))
    assert [(row.line, row.reason) for row in file.invalid] == [
        (4, "the same external_id as in line 2"),
        (8, "the same provider and title as in line 6"),
        (9, "the same provider and title as in line 6"),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is not JSON: "), ("", "is not JSON: "), ('{"credentials": []}', "is no JSON array of credentials"),
        ("[" * 100_000, "is nested too deeply"),
    ],
    ids=["open", "empty", "object", "deep"],
)  # fmt: skip
def test_what_is_no_array_is_no_file_of_credentials(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(UnreadableFile, match=why):
        read(tmp_path, text, name="some.json")


def test_items_of_an_array_are_counted(tmp_path: Path) -> None:
    file = read(tmp_path, json.dumps([{"title": "A", "provider": "P"}, 7, {"title": "B"}]), name="some.json")
    assert ([row.line for row in file.rows], [row.line for row in file.invalid]) == ([1], [2, 3])


def test_an_exported_table_is_read_as_it_was_and_runs_nothing_in_a_spreadsheet() -> None:
    bodies = [
        CredentialBody(
            title="=HYPERLINK(1)", provider="-P", url="https://x.example/?a=1", skills=("c++", "+x", ".net"),
            description="- One\n- Two; =3\n\"Three\", 'four'\n@five", language="pt-BR", external_id="@1",
        ),
        CredentialBody(title="Größe, 'Maß'", provider="P"),
    ]  # fmt: skip
    text = credentials_table(bodies)
    assert [row.body for row in parse_credentials("all.csv", text.encode("utf-8-sig")).rows] == bodies
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert [cell for cell in cells if re.search(r"(^|[;\n])\s*[=+@-]", cell)] == []
