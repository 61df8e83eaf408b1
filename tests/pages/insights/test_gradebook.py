"""The grade book: from its page to the file."""

import csv
import io
import json

import pytest

from app.repositories.sql import Pool
from tests.bank import SLUG, Bank
from tests.pages.conftest import NewPerson, Person
from tests.scored_assessments import completed_assessment

GRADEBOOK = "/dashboard/gradebook"
DOWNLOAD = f"{GRADEBOOK}/download"


@pytest.fixture
async def advisor(person: NewPerson) -> Person:
    """An advisor."""
    return await person("advisor-1", "advisor")


async def test_the_form_leads_to_files(advisor: Person, pool: Pool, bank: Bank) -> None:
    page = await advisor.get(GRADEBOOK)
    assert page.status == 200 and f'action="{DOWNLOAD}"' in page.html and f'value="{SLUG}"' in page.html
    await completed_assessment(pool, bank, "=1+1")
    # A form sends what nobody has chosen as empty.
    answer = await advisor.get(f"{DOWNLOAD}?track=&from=&to=&format=csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="gradebook.csv"'
    (row,) = csv.DictReader(io.StringIO(answer.html))
    assert (row["owner"], row["track"], row["status"]) == ("'=1+1", SLUG, "completed")
    answer = await advisor.get(f"{DOWNLOAD}?track={SLUG}&from=&to=&format=json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="gradebook.json"'
    assert [item["owner"] for item in json.loads(answer.html)["items"]] == ["=1+1"]


async def test_filters(advisor: Person, pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank)
    await pool.execute("UPDATE assessments SET created_at = '2026-03-01T12:00:00Z'")
    for query, count in (
        ("from=2026-03-01&to=2026-03-01", 1), ("from=2026-03-02&to=", 0), ("to=2026-02-28", 0), ("track=other", 0),
    ):  # fmt: skip
        answer = await advisor.get(f"{DOWNLOAD}?format=json&{query}")
        assert len(json.loads(answer.html)["items"]) == count, query


async def test_an_impossible_period_keeps_what_was_typed(advisor: Person, bank: Bank) -> None:
    answer = await advisor.get(f"{DOWNLOAD}?track={SLUG}&from=2026-03-03&to=2026-03-01&format=csv")
    assert answer.status == 422 and "from must not be after to" in answer.text
    assert 'value="2026-03-03"' in answer.html and "selected" in answer.html
    assert (await advisor.get(f"{DOWNLOAD}?format=xlsx")).status == 400
