"""A student's whole way: sign in, start, answer, review, submit, watch, read."""

from playwright.async_api import expect

from tests.browser.conftest import Site


async def test_a_student_takes_an_assessment_and_reads_the_result(site: Site) -> None:
    page = site.page
    await site.open("/")
    await site.check_accessibility()
    await page.get_by_role("link", name="Sign in").first.click()
    await site.check_accessibility()
    await page.get_by_role("button", name="Sign in as student").click()
    await expect(page.get_by_role("heading", name="Your assessments")).to_be_visible()
    await site.check_accessibility()
    await page.get_by_role("button", name="Start Backend Engineer").click()
    essay = page.get_by_role("textbox").last
    await essay.fill("Idempotency keys. The server stores the key with the payment, so a retry gets the first answer.")
    await expect(page.get_by_role("status")).to_contain_text("Saved")
    await page.reload()
    await expect(page.get_by_role("textbox").last).to_have_value(
        "Idempotency keys. The server stores the key with the payment, so a retry gets the first answer."
    )
    await site.check_accessibility()
    await page.get_by_role("button", name="Review and submit").click()
    await expect(page.get_by_text("9 of 10 questions have no answer")).to_be_visible()
    await site.check_accessibility()
    await page.get_by_role("button", name="Submit", exact=True).click()
    await expect(page.get_by_role("heading", name="Your answers are being scored")).to_be_visible()
    await site.check_accessibility()
    await site.finish()
    await expect(page.get_by_role("heading", name="Your result")).to_be_visible()
    await site.check_accessibility()
