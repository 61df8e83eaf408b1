"""Reviewing by keyboard alone, blind, and beside another reviewer."""

import asyncio
import time

from playwright.async_api import Browser, Page, expect

from app.domain.essay.score import Dimension, DimensionName, Dimensions, EssayScore, find_quote
from app.repositories.sql import Pool
from tests.bank import ESSAY, SECOND_ESSAY, create_bank
from tests.browser.conftest import Site, observe
from tests.scored_assessments import completed_assessment, essay_score

QUOTES = ("Water rises in the xylem.", "cohesion keeps the column whole", "Roots take water in", "Water rises")
HOSTILE = "<script>alert(1)</script> \u202eשלום e\u0301 👩🏽‍💻 " + "x" * 6000
_DEADLINE_SECONDS = 60


def doubted(essay: str = ESSAY) -> EssayScore:
    """A score of low confidence with evidence in each dimension, some of it twice."""
    dimensions = {}
    for name, quote in zip(DimensionName, QUOTES, strict=True):
        evidence = find_quote(quote, essay)
        assert evidence
        dimensions[str(name)] = Dimension(score=10, rationale=f"Rationale of {name}.", evidence=(evidence,))
    score = essay_score("gpt", 40, "quote_not_found")
    return score.model_copy(update={"confidence": 0.2, "dimensions": Dimensions(**dimensions)})


async def queue_essays(pool: Pool, count: int) -> None:
    """Puts so many essays (an even number) into the review queue, two of each student."""
    bank = await create_bank(pool)
    for number in range(count // 2):
        await completed_assessment(
            pool, bank, f"student-{number}", {"essay": doubted(), "essay_two": doubted(SECOND_ESSAY)}
        )


async def scores(pool: Pool) -> list[tuple[float, bool, str]]:
    """The people's scores in their order: the share of the points, whether they agreed, and the reason."""
    rows = await pool.fetch("SELECT score / max_score AS share, confirmed, reason FROM score_overrides ORDER BY id")
    return [(round(row["share"], 2), row["confirmed"], row["reason"]) for row in rows]


async def until_nobody_holds(pool: Pool) -> None:
    """Waits until no item is reserved."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while await pool.fetchval("SELECT count(*) FROM review_reservations"):
        assert time.monotonic() < deadline, "the item is still reserved"
        await asyncio.sleep(0.05)


async def shows_left(page: Page, count: int) -> None:
    """Waits for the page of an item with so many left, where the focus is where work begins."""
    await expect(page.get_by_text(f"{count} left in this queue")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_be_focused()


async def test_an_advisor_reviews_by_keyboard_alone(site: Site) -> None:
    page, keys = site.page, site.page.keyboard
    await queue_essays(site.pool, 6)
    await site.sign_in("advisor")
    await expect(page.get_by_text("6 scores need a person")).to_be_visible()
    await site.check_accessibility()
    await page.get_by_role("link", name="Start with the first").press("Enter")
    await shows_left(page, 6)
    await expect(page.locator("mark.depth")).to_have_text("cohesion keeps the column whole")
    await expect(page.locator("mark.relevance.technical")).to_have_text("Water rises")
    await site.check_accessibility()
    # The change is announced, and the next essay has the focus.
    await keys.press("a")
    await shows_left(page, 5)
    await expect(page.get_by_role("status")).to_have_text("Saved.")
    await give_points_of_two_dimensions(site)
    await shows_left(page, 4)
    await skip_and_come_back(page)
    await keys.press("3")
    await page.get_by_label("Or points in total").fill("0.5")
    await keys.press("Tab")
    await keys.type("In total.")
    await keys.press("Control+Enter")
    for left in (3, 2):
        await shows_left(page, left)
        await keys.press("a")
    await expect(page.get_by_text("1 score needs a person")).to_be_visible()
    agreed, reason = (0.4, True, "The machine's score was confirmed."), "just ask 1234?"
    stored = await scores(site.pool)
    assert stored == [agreed, (0.65, False, reason), (stored[2][0], False, "In total."), agreed, agreed]
    await until_nobody_holds(site.pool)


async def give_points_of_two_dimensions(site: Site) -> None:
    """By keyboard; letters and digits are only text while somebody types."""
    site.expected.append("status of 422")
    page, keys = site.page, site.page.keyboard
    await keys.press("2")
    await expect(page.get_by_label("Depth, 0–25")).to_be_focused()
    await keys.type("20")
    await keys.press("Tab")
    await keys.type("25")
    await keys.press("Control+Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Say why")
    await expect(page.get_by_role("alert")).to_be_focused()
    await site.check_accessibility()
    await page.get_by_label("Reason, which the student reads").focus()
    await keys.type("just ask 1234?")
    await keys.press("Control+Enter")


async def skip_and_come_back(page: Page) -> None:
    """Skips an essay, looks at the one after the next, and comes back."""
    skipped = page.url
    await page.keyboard.press("s")
    await expect(page.get_by_role("status")).to_contain_text("Skipped")
    second = page.url
    await page.keyboard.press("j")
    await page.wait_for_url(lambda url: url not in (skipped, second))
    await shows_left(page, 4)
    await page.keyboard.press("k")
    await page.wait_for_url(f"{second.partition('?')[0]}*")
    await shows_left(page, 4)


async def test_shortcuts_can_be_turned_off_and_stay_so(site: Site) -> None:
    page, keys = site.page, site.page.keyboard
    await queue_essays(site.pool, 2)
    await site.sign_in("advisor")
    await page.get_by_role("link", name="Start with the first").click()
    await shows_left(page, 2)
    await keys.press("?")
    box = page.get_by_role("checkbox", name="Use shortcuts on this browser")
    await box.uncheck()
    await page.reload()
    await shows_left(page, 2)
    for key in ("a", "j", "s", "1", "?", "Control+Enter"):
        await keys.press(key)
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await expect(box).to_be_hidden()
    await page.get_by_text("Keyboard shortcuts").click()
    await expect(box).not_to_be_checked()
    await box.check()
    # Keys that are typed into a field are text; Escape leaves the field.
    await keys.press("o")
    await expect(page.get_by_label("Relevance, 0–25")).to_be_focused()
    await keys.press("Escape")
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    # A reload holds the item still: the page that was left gives back only what it had itself.
    await keys.press("a")
    await shows_left(page, 1)
    assert await scores(site.pool) == [(0.4, True, "The machine's score was confirmed.")]


async def test_blind_points_come_before_the_machines(site: Site) -> None:
    page, keys = site.page, site.page.keyboard
    await queue_essays(site.pool, 2)
    await site.sign_in("advisor")
    await page.get_by_label("Blind: hide the machine's points").check()
    await page.get_by_role("button", name="Show").click()
    await page.get_by_role("link", name="Start with the first").click()
    await shows_left(page, 2)
    assert "Rationale" not in await page.content()
    await site.check_accessibility()
    await keys.press("a")
    await keys.press("o")
    for points in ("20", "21", "22", "23"):
        await keys.type(points)
        await keys.press("Tab")
    await keys.press("Tab")
    await keys.type("Blind.")
    await keys.press("Control+Enter")
    row = page.get_by_role("row", name="Technical 10 23")
    await expect(row).to_be_visible()
    await expect(page.get_by_role("status")).to_have_text("Saved. This is what the machine gave.")
    await expect(page.get_by_role("link", name="Next")).to_be_focused()
    await site.check_accessibility()
    await keys.press("Control+Enter")
    await shows_left(page, 1)
    assert "Rationale" not in await page.content()
    assert await scores(site.pool) == [(0.86, False, "Blind.")]


async def test_two_reviewers_do_not_get_the_same_item(site: Site, browser: Browser) -> None:
    page = site.page
    await queue_essays(site.pool, 2)
    await site.sign_in("advisor")
    await page.get_by_role("link", name="Start with the first").click()
    await shows_left(page, 2)
    async with await browser.new_context() as context:
        second = await context.new_page()
        observed = observe(second, site.origin)
        await second.goto(f"{site.origin}/dashboard/sign-in")
        await second.get_by_role("button", name="Sign in as admin").click()
        await second.get_by_role("link", name="Review", exact=True).click()
        await expect(second.get_by_text("With demo-advisor until")).to_be_visible()
        await second.goto(page.url)
        await expect(second.get_by_role("heading", name="demo-advisor is reviewing this one")).to_be_focused()
        await Site(second, site.api, site.pool, site.finish, site.origin).check_accessibility()
        await second.keyboard.press("j")
        await shows_left(second, 2)
        assert second.url.partition("?")[0] != page.url.partition("?")[0]
        # Whoever leaves an item gives it back.
        await second.get_by_role("link", name="Back to the queue").press("Enter")
        await page.get_by_role("link", name="Back to the queue").press("Enter")
        await until_nobody_holds(site.pool)
        await second.goto(page.url)
        await expect(second.get_by_role("link", name="Open number 1")).to_be_visible()
    assert observed.outside == []


async def test_pages_around_a_result_hold_whatever_was_written(site: Site) -> None:
    """The answer to an appeal, the result, the trace and the list, with long words and other scripts."""
    page, bank = site.page, await create_bank(site.pool)
    essay = f"{ESSAY} {HOSTILE}"[:2000]
    scored = {"essay": doubted(essay)}
    answers = bank.answers(essay=essay, text=HOSTILE[:1500])
    assessment_id = await completed_assessment(site.pool, bank, essays=scored, answers=answers)
    appeal = f"/assessments/{assessment_id}/scores/{bank.ids['essay']}/appeal"
    assert (await site.api.post(appeal, {"text": HOSTILE[:5000]})).status == 201
    await site.sign_in("advisor")
    for path in (f"review/{assessment_id}/{bank.ids['essay']}", "assessments", f"assessments/{assessment_id}/trace"):
        await site.open(f"/dashboard/{path}")
        await page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
        await site.check_accessibility()
        await page.set_viewport_size({"width": 360, "height": 800})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.get_by_role("link", name="The result").click()
    # Questions are in an order of their own in each assessment, so this may be essay 1 or 2.
    await page.locator(f"aside a[href$='{bank.ids['essay']}']").click()
    await shows_left(page, 1)
    await page.keyboard.press("o")
    await page.keyboard.press("1")
    await page.keyboard.type("15")
    await expect(page.get_by_label("Relevance, 0–25")).to_have_value("15")
    await page.get_by_label("Reply, which the student reads").fill("You did.")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_text("Nothing needs a person at the moment")).to_be_visible()
    assert await site.pool.fetchval("SELECT status FROM appeals") == "changed"
