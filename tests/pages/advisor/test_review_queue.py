"""The page of the review queue, its file, and the way from item to item."""

import csv
import io
from html import unescape
from uuid import UUID

import pytest

from app.repositories.sql import Pool
from tests.bank import SLUG, Bank
from tests.pages.advisor.conftest import DOUBTED, GOOD, INJECTED, Item
from tests.pages.conftest import NewPerson, Person
from tests.scored_assessments import completed_assessment

QUEUE = "/dashboard/review"


async def three_items(pool: Pool, bank: Bank) -> list[Item]:
    """In this order: low confidence, suspected injection, no score."""
    first = await completed_assessment(pool, bank, "student-1", {"essay": DOUBTED, "essay_two": GOOD})
    second = await completed_assessment(pool, bank, "student-2", {"essay": INJECTED, "essay_two": GOOD})
    third = await completed_assessment(pool, bank, "student-3", {"essay": GOOD, "essay_two": None})
    essay, two = bank.ids["essay"], bank.ids["essay_two"]
    return [Item(first, essay), Item(second, essay), Item(third, two)]


async def test_the_first_page_of_staff_is_the_queue_or_the_state_of_the_system(person: NewPerson) -> None:
    for roles in (("advisor",), ("advisor", "admin"), ("advisor", "author")):
        somebody = await person(f"{'-'.join(roles)}-1", *roles)
        assert (await somebody.get("/dashboard")).target == QUEUE
    assert (await (await person("admin-1", "admin")).get("/dashboard")).target == "/dashboard/system"
    both = await person("both-1", "student", "advisor")
    assert (await both.get("/dashboard")).status == 200


async def test_an_empty_queue_says_what_comes_there(advisor: Person) -> None:
    page = await advisor.get(QUEUE)
    assert (page.status, "Nothing needs a person at the moment" in page.text) == (200, True)
    assert "Start with the first" not in page.text
    assert (await advisor.get(f"{QUEUE}/next")).target == f"{QUEUE}?done=queue-end"
    assert (await advisor.get(f"{QUEUE}/previous")).target == f"{QUEUE}?done=queue-begin"


async def test_the_queue_says_what_and_why_and_how_sure(advisor: Person, pool: Pool, bank: Bank) -> None:
    await three_items(pool, bank)
    text = (await advisor.get(QUEUE)).text
    assert "3 scores need a person" in text
    rows = ["Low confidence 0.20", "Suspected injection 0.50", "No score –"]
    assert all(row in text for row in rows)
    assert "0.20" not in (await advisor.get(f"{QUEUE}?blind=1")).text


async def test_filters_are_in_the_address(advisor: Person, pool: Pool, bank: Bank) -> None:
    await three_items(pool, bank)
    form = await advisor.get(f"{QUEUE}?track=&reason=&order=oldest")
    assert "3 scores need a person" in form.text
    one = await advisor.get(f"{QUEUE}?track={SLUG}&reason=unscored&order=shuffled")
    assert "1 score needs a person with these filters" in one.text
    assert "order=shuffled" in one.html and f"track={SLUG}&amp;reason=unscored" in one.html
    assert "Nothing matches these filters" in (await advisor.get(f"{QUEUE}?track=other")).text
    for wrong in ("reason=x", "order=x", "cursor=x", "limit=0", "track=%00"):
        assert (await advisor.get(f"{QUEUE}?{wrong}")).status == 400, wrong


async def test_pages_have_every_item_once(advisor: Person, pool: Pool, bank: Bank) -> None:
    items = await three_items(pool, bank)
    address, shown = f"{QUEUE}?limit=1", ""
    for _ in items:
        page = await advisor.get(address)
        shown += page.html
        cursor = page.html.partition("?cursor=")[2].partition('"')[0]
        address = f"{QUEUE}?limit=1&cursor={cursor}"
    assert [shown.count(item.path) for item in items] == [1, 1, 1]
    assert not cursor


async def test_the_file_has_the_filtered_queue(advisor: Person, pool: Pool, bank: Bank) -> None:
    items = await three_items(pool, bank)
    whole = await advisor.get(f"{QUEUE}/queue.csv")
    assert whole.headers["Content-Type"].startswith("text/csv")
    assert "review-queue.csv" in whole.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(whole.html)))
    assert [UUID(row["assessment_id"]) for row in rows] == [item.assessment_id for item in items]
    assert [row["reasons"] for row in rows] == ["low_confidence", "suspected_injection", "unscored"]
    assert [row["owner"] for row in rows] == ["student-1", "student-2", "student-3"]
    some = await advisor.get(f"{QUEUE}/queue.csv?reason=unscored")
    assert [row["reasons"] for row in csv.DictReader(io.StringIO(some.html))] == ["unscored"]
    assert any(row["confidence"] for row in rows)
    blind = await advisor.get(f"{QUEUE}/queue.csv?blind=1")
    assert {row["confidence"] for row in csv.DictReader(io.StringIO(blind.html))} == {""}


@pytest.mark.parametrize("order", ["oldest", "confidence", "shuffled"])
async def test_next_and_previous_go_through_the_queue_in_its_order(
    advisor: Person, pool: Pool, bank: Bank, order: str
) -> None:
    items = {item.path for item in await three_items(pool, bank)}
    target = (await advisor.get(f"{QUEUE}/next?order={order}")).target
    seen = []
    while target.partition("?")[0] != QUEUE:
        seen.append(target.partition("?")[0])
        page = await advisor.get(target)
        target = (await advisor.get(link(page.html, "next"))).target
        assert len(seen) <= 3
    assert set(seen) == items
    assert "That was the last one" in (await advisor.get(target)).text
    back = (await advisor.get(link(page.html, "previous"))).target
    assert back.partition("?")[0] == seen[-2]
    assert order == "oldest" or f"order={order}" in back


async def test_next_passes_over_what_others_hold_and_ones_own(person: NewPerson, pool: Pool, bank: Bank) -> None:
    first, second, third = await three_items(pool, bank)
    other, both = await person("advisor-2", "advisor"), await person("student-2", "student", "advisor")
    assert (await other.get(first.path)).status == 200
    assert (await both.get(f"{QUEUE}/next")).target == third.path
    text = (await both.get(QUEUE)).text
    assert "With advisor-2 until" in text and "Your own; somebody else has to look at it" in text
    assert (await both.get(second.path)).status == 403


def link(html: str, step: str) -> str:
    """The address of the link to the next or the previous item."""
    rest = html.partition(f'href="{QUEUE}/{step}')[2].partition('"')[0]
    return f"{QUEUE}/{step}{unescape(rest)}"
