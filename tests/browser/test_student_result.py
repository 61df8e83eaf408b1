"""A result in a browser: evidence in the essay, skills, ratings and appeals; and a whole way without scripts."""

from uuid import UUID

from playwright.async_api import Browser, expect

from app.domain.essay.score import Dimension, Dimensions, EssayScore, Evidence
from tests.bank import create_bank
from tests.browser.conftest import Site, observe
from tests.scored_assessments import completed_assessment, essay_score

# 20,000 characters without a space, among which evidence lies; before it emoji, combining marks, right-to-left, CRLF.
_HEAD = "👩🏽‍💻 cafe\u0301\r\nשלום \u202eabc\u202c <b>bold</b> "
_FIRST, _BOTH, _SECOND = "first" * 20, "both" * 20, "second" * 20
ESSAY = f"{_HEAD}{_FIRST}{_BOTH}{_SECOND}"
LONG = ESSAY + "x" * (20_000 - len(ESSAY))


def evidence(quote: str) -> Evidence:
    """The first occurrence in the essay."""
    start = LONG.index(quote)
    return Evidence(quote=quote, start=start, end=start + len(quote))


def overlapping_score() -> EssayScore:
    """A score of which two dimensions rest on passages that overlap."""
    dimensions = Dimensions(
        relevance=Dimension(
            score=20, rationale="It answers.", evidence=(evidence(_FIRST + _BOTH), evidence("cafe\u0301\r\nש"))
        ),
        depth=Dimension(score=10, rationale="Some depth.", evidence=(evidence(_BOTH + _SECOND),)),
        clarity=Dimension(score=15, rationale="Clear."),
        technical=Dimension(score=5, rationale="Mostly wrong."),
    )
    return essay_score("gpt", 40).model_copy(update={"dimensions": dimensions})


async def finished(site: Site) -> UUID:
    """A result of the demonstration's student with an essay of 20,000 characters."""
    bank = await create_bank(site.pool, essay_characters=20_000)
    answers = bank.all_answers()
    for answer in answers:
        if answer["question_id"] == str(bank.ids["essay"]):
            answer["answer"] = LONG
    scores = {"essay": overlapping_score(), "essay_two": essay_score("local", 80, "low_confidence")}
    return await completed_assessment(site.pool, bank, "demo-student", scores, answers=answers)


async def test_evidence_is_read_in_the_essay_and_scores_are_rated_and_appealed(site: Site) -> None:
    page, path = site.page, f"/dashboard/assessments/{await finished(site)}"
    await site.sign_in("student")
    await site.open(path)
    await expect(page.get_by_role("heading", name="Your result")).to_be_visible()
    await site.check_accessibility()
    essay = page.locator("[data-essay]").filter(has_text="It answers.")
    assert [await mark.text_content() for mark in await essay.locator("mark").all()] == [
        "cafe\u0301\nש",
        _FIRST,
        _BOTH,
        _SECOND,
    ]
    await expect(essay.get_by_role("button", name="Show only passages for")).to_have_count(2)
    # A dimension shows its passages only; the choice is taken back by the same button.
    by_depth = essay.get_by_role("button", name="Show only passages for depth")
    await by_depth.click()
    await expect(essay.get_by_role("status")).to_have_text("Only passages for Depth are shown.")
    faded = essay.locator("mark.faded")
    assert [await mark.text_content() for mark in await faded.all()] == ["cafe\u0301\nש", _FIRST]
    await by_depth.click()
    await expect(faded).to_have_count(0)
    # A passage shows what it is evidence for, also from the keyboard.
    await essay.locator("mark").nth(2).focus()
    await page.keyboard.press("Enter")
    await expect(essay.get_by_role("status")).to_have_text("This passage is evidence for Relevance, Depth.")
    await expect(essay.locator(".dimension.chosen")).to_have_count(2)
    # Nothing is wider than a phone.
    await page.set_viewport_size({"width": 360, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.set_viewport_size({"width": 1280, "height": 800})


async def test_a_result_is_rated_appealed_and_printed(site: Site) -> None:
    page, path = site.page, f"/dashboard/assessments/{await finished(site)}"
    await site.sign_in("student")
    await site.open(path)
    essay = page.locator("[data-essay]").filter(has_text="It answers.")
    await page.get_by_text("Rate this result").click()
    form = page.locator("form", has=page.get_by_label("Comment (not needed)")).last
    for group in ("How well does it fit you?", "Would you follow it?"):
        await form.get_by_role("group", name=group).get_by_label("4").check()
    await form.get_by_label("Comment (not needed)").fill("<b>Fair</b> 👍🏽")
    await form.get_by_role("button", name="Send the rating").click()
    await expect(page.get_by_text("Thank you, your rating is stored.")).to_be_visible()
    await essay.get_by_text("Ask a person to look at these points").click()
    await essay.get_by_label("Why should a person look").fill("Please read <i>again</i>. שלום")
    await essay.get_by_role("button", name="Send the appeal").click()
    await expect(page.get_by_text("Your appeal is sent.")).to_be_visible()
    await expect(essay.get_by_text("Please read <i>again</i>. שלום")).to_be_visible()
    await site.check_accessibility()
    # On paper there is what one reads, and no forms.
    await page.emulate_media(media="print")
    await expect(essay.get_by_text("It answers.")).to_be_visible()
    await expect(page.get_by_text("Change your rating")).to_be_hidden()


async def test_the_whole_way_without_scripts(site: Site, browser: Browser) -> None:
    async with await browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 800}) as context:
        page = await context.new_page()
        observed = observe(page, site.origin)
        await page.goto(f"{site.origin}/dashboard")
        await page.get_by_role("button", name="Sign in as student").click()
        await page.get_by_role("button", name="Start Backend Engineer").click()
        await page.get_by_role("radio", name="No answer").first.check()
        essay = page.get_by_role("textbox").last
        await essay.fill("A retry must not pay twice, so the server keeps the key 👩🏽‍💻 with the answer.")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Your answers are saved.")).to_be_visible()
        await page.get_by_role("button", name="Review and submit").click()
        await expect(page.get_by_text("9 of 10 questions have no answer")).to_be_visible()
        await page.get_by_role("link", name="Question 1:").click()
        await page.get_by_role("button", name="Review and submit").click()
        await page.get_by_role("button", name="Submit", exact=True).click()
        await expect(page.get_by_role("heading", name="Your answers are being scored")).to_be_visible()
        await site.finish()
        # The page looks again by itself.
        await expect(page.get_by_role("heading", name="Your result")).to_be_visible()
        await expect(page.locator("[data-essay]").last).to_contain_text("A retry must not pay twice")
        await expect(page.get_by_text("The same numbers as a table")).to_be_visible()
        await page.get_by_text("Ask a person to look at these points").first.click()
        await page.get_by_label("Why should a person look").first.fill("Please look again.")
        await page.get_by_role("button", name="Send the appeal").first.click()
        await expect(page.get_by_text("Your appeal is sent.")).to_be_visible()
        assert (observed.errors, observed.outside) == ([], [])
