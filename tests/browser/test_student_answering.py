"""Answering in a browser: nothing that was typed is lost, whatever happens meanwhile."""

from playwright.async_api import Locator, Page, expect

from tests.bank import create_bank
from tests.browser.conftest import Site

SAVED, OFFLINE, SIGNED_OUT = "Saved", "there is no connection", "You are signed out."


async def start(site: Site, track: str = "Backend Engineer") -> None:
    """Signs in as the student and starts an assessment."""
    await site.sign_in("student")
    await site.page.get_by_role("button", name=f"Start {track}").click()
    await expect(site.page.get_by_role("heading", name=track)).to_be_visible()
    # What is typed before the page's script has run is not noticed by it.
    await site.page.wait_for_load_state()


def essay(page: Page) -> Locator:
    """The field of the last essay."""
    return page.get_by_role("textbox").last


async def fill_and_save(site: Site, page: Page, field: Locator, text: str) -> None:
    """Types the text and returns when it is saved."""
    async with page.expect_response(lambda answer: answer.url.endswith("/responses") and answer.ok):
        await field.fill(text)
    await check_saved(site, page, text)


async def check_saved(site: Site, page: Page, text: str) -> None:
    """Fails unless the page says that everything is saved, and it is."""
    await expect(page.locator("#saved")).to_contain_text(SAVED)
    stored = await site.pool.fetchval("SELECT count(*) FROM responses WHERE answer = to_jsonb($1::text)", text)
    assert stored == 1, text


async def test_nothing_typed_is_lost(site: Site) -> None:
    page, context = site.page, site.page.context
    await start(site)
    # Reloading at once, before the pause after typing is over.
    await essay(page).fill("Typed just before the reload 👩🏽‍💻.")
    await page.reload()
    await expect(essay(page)).to_have_value("Typed just before the reload 👩🏽‍💻.")
    await expect(page.locator("#saved")).to_contain_text(SAVED)
    # Without a connection, for as long as it takes.
    site.expected.extend(["ERR_INTERNET_DISCONNECTED", "status of 401", "status of 403"])
    await context.set_offline(True)
    await essay(page).press_sequentially("A")
    await expect(page.locator("#saved")).to_contain_text(OFFLINE)
    await essay(page).fill("Typed without a connection.")
    await context.set_offline(False)
    await check_saved(site, page, "Typed without a connection.")
    # After the session has ended.
    await site.pool.execute("DELETE FROM sessions")
    await essay(page).fill("Typed after the session's end.")
    await expect(page.locator("#saved")).to_contain_text(SIGNED_OUT)
    async with context.expect_page() as opened:
        await page.get_by_role("link", name="Sign in in a new window").click()
    other = await opened.value
    await other.get_by_role("button", name="Sign in as student").click()
    # The new window shows what was typed, and saves it; so does the old one, with the new session.
    await expect(essay(other)).to_have_value("Typed after the session's end.")
    await expect(page.locator("#saved")).to_contain_text(SAVED)
    await fill_and_save(site, page, essay(page), "Typed with the new session.")
    # Nothing of it stays in the browser.
    assert await page.evaluate("Object.keys(localStorage)") == []


async def test_two_windows_do_not_take_back_what_the_other_saved(site: Site) -> None:
    page = site.page
    await start(site)
    other = await page.context.new_page()
    await other.goto(page.url)
    fields = page.get_by_role("textbox")
    await fill_and_save(site, page, fields.last, "By the first window.")
    await expect(other.get_by_role("textbox").last).to_have_value("By the first window.")
    await other.get_by_role("textbox").nth(-2).fill("By the second window.")
    await other.get_by_role("button", name="Review and submit").click()
    await expect(other.get_by_text("8 of 10 questions have no answer")).to_be_visible()
    # Submitting twice is one submission, and the first window says so.
    await other.get_by_role("button", name="Submit", exact=True).dblclick()
    await expect(other.get_by_role("heading", name="Your answers are being scored")).to_be_visible()
    assert await site.pool.fetchval("SELECT count(*) FROM async_jobs WHERE job_type = 'gpt'") == 1
    site.expected.extend(["status of 409"])
    await fields.last.fill("Too late.")
    await expect(page.locator("#saved")).to_contain_text("submitted in another window")
    await page.get_by_role("link", name="See how it goes").click()
    await expect(page.get_by_role("heading", name="Your answers are being scored")).to_be_visible()
    await other.go_back()
    await expect(other.get_by_role("heading", name="Your answers are being scored")).to_be_visible()


async def test_the_end_of_the_time_is_announced(site: Site) -> None:
    page = site.page
    await page.clock.install()
    await start(site)
    notice = page.locator("#time-notice")
    await expect(notice).to_be_empty()
    for left, text in (
        (599, "Less than ten minutes left."),
        (59, "Less than one minute left."),
        (0, "The time is over."),
    ):
        await page.reload()
        await page.clock.fast_forward((86_390 - left) * 1000)
        await expect(notice).to_have_text(text)


async def test_characters_are_counted_as_people_count_them(site: Site) -> None:
    page = site.page
    await create_bank(site.pool)
    await start(site, "Gardener")
    site.expected.extend(["status of 422"])
    family = "👩\u200d💻"
    await fill_and_save(site, page, essay(page), family + "a" * 1997)
    await expect(page.get_by_text("2000 of 2000 characters")).to_be_visible()
    await essay(page).fill(family + "a" * 1998)
    await expect(page.get_by_text("2001 of 2000 characters: 1 too many")).to_be_visible()
    await page.get_by_role("button", name="Review and submit").click()
    await expect(page.get_by_text("Your answer is longer than 2000 characters.")).to_be_visible()
    await expect(essay(page)).to_be_focused()
    await site.check_accessibility()
    await fill_and_save(site, page, essay(page), family + "short")
    await expect(page.get_by_text("Your answer is longer")).to_be_hidden()


async def test_an_answer_that_was_never_saved_does_not_replace_a_later_one(site: Site) -> None:
    page = site.page
    bank = await create_bank(site.pool)
    await start(site, "Gardener")
    address = page.url
    # Not without a connection: what a page sends while it is left may pass in spite of that.
    site.expected.extend(["status of 401", "status of 403"])
    await site.pool.execute("DELETE FROM sessions")
    field = page.locator(f"[name='answer-{bank.ids['essay']}']")
    await field.fill("Typed after the session's end.")
    await expect(page.locator("#saved")).to_contain_text(SIGNED_OUT)
    await page.goto("about:blank")
    student, path = site.api.as_("student", sub="demo-student"), address.partition("/dashboard")[2]
    saved = await student.patch(f"{path}/responses", {"responses": bank.answers(essay="Saved elsewhere.")})
    assert saved.status == 200
    await site.sign_in("student")
    await page.goto(address)
    await expect(page.get_by_text("You gave another answer in this browser")).to_be_visible()
    await expect(field).to_have_value("Saved elsewhere.")
    await page.get_by_role("button", name="Use the answer of this browser").click()
    await expect(field).to_have_value("Typed after the session's end.")
    await expect(page.locator("#saved")).to_contain_text(SAVED)
    await check_saved(site, page, "Typed after the session's end.")


async def test_signing_out_saves_what_was_typed_and_leaves_nothing_in_the_browser(site: Site) -> None:
    page = site.page
    await start(site)
    await essay(page).fill("Typed just before signing out.")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert await site.pool.fetchval("SELECT answer #>> '{}' FROM responses") == "Typed just before signing out."
    assert await page.evaluate("Object.keys(localStorage)") == []
