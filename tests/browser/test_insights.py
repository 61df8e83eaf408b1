"""An advisor looks at the figures of a track, reads their numbers, and downloads the grade book."""

from playwright.async_api import expect

from tests.bank import SLUG, create_bank
from tests.browser.conftest import Site
from tests.pages.insights.test_insights import reviewed


async def test_an_advisor_reads_charts_and_downloads_their_numbers(site: Site) -> None:
    page = site.page
    # The results recommend the credential of the small track.
    await site.pool.execute("TRUNCATE credentials CASCADE")
    await reviewed(site.pool, await create_bank(site.pool), 11)
    await site.sign_in("advisor")
    await page.get_by_role("navigation").get_by_role("link", name="Insights").click()
    await page.get_by_label("Track").select_option(SLUG)
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_role("img", name="Person and machine")).to_be_visible()
    await expect(page.get_by_role("img", name="Points earned by question")).to_be_visible()
    await site.check_accessibility()
    await page.get_by_text("Agreement between people and machine: the numbers as a table").press("Enter")
    table = page.get_by_role("table", name="Agreement between people and machine")
    await expect(table.get_by_role("columnheader", name="person %")).to_be_visible()
    await site.check_accessibility()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Agreement between people and machine as CSV").click()
    assert (await download.value).suggested_filename == "agreement.csv"

    await page.get_by_role("navigation").get_by_role("link", name="Grade book").click()
    await site.check_accessibility()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download as CSV").click()
    assert (await download.value).suggested_filename == "gradebook.csv"
