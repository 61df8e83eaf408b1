"""Exports for spreadsheets run no formulas, whatever delimiter a spreadsheet takes."""

import csv
import io
import re

import pytest

from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import Bank
from tests.scored_assessments import completed_assessment


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
async def test_no_common_delimiter_makes_a_formula_of_a_comment(
    api: Api, pool: Pool, bank: Bank, delimiter: str
) -> None:
    """Spreadsheets of other languages take `;` or tabs for the delimiter, and see cells where we wrote none."""
    signs = "=+-@\uff1d\uff0b\uff0d\uff20\u2212"
    befores = (
        "",
        " ",
        "\t",
        "a\t",
        "a;",
        "a; ",
        "a\n",
        "a\r\n",
        "a\r\n\u200b",
        "\ufeff",
        "a\u2028",
        "a;;",
        '"a";',
        'a,"b;',
    )
    formulas = [f"{before}{sign}1+1" for before in befores for sign in signs]
    assessment_id = await completed_assessment(pool, bank, "student-1")
    await pool.executemany(
        "INSERT INTO feedback (assessment_id, run, author, relevance, acceptance, comment)"
        " VALUES ($1, 1, $2, 1, 1, $3)",
        [(assessment_id, f"author-{number}", formula) for number, formula in enumerate(formulas)],
    )
    text = (await api.as_("advisor").get("/analytics/feedback?format=csv")).raw.decode()
    cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row]
    invisible = " \t\u200b\ufeff"
    assert len(cells) > len(formulas)
    assert [cell for cell in cells if cell.lstrip(invisible)[:1] in tuple(signs)] == []
    # Lines of the file are rows for readers that give up on quotation marks.
    assert [line for line in re.split("[\r\n\u2028;\t]+", text) if line.lstrip(invisible)[:1] in tuple(signs)] == []
