"""An operator's whole way: see what is stuck, set it right, give a program a key and take it away, erase a person."""

import re
from uuid import uuid4

from playwright.async_api import expect

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.errors import PermanentError
from app.domain.records.workers import QueueLoad
from app.domain.states import JobStatus, JobType
from app.repositories import jobs
from app.repositories.sql import Pool
from app.services import worker_presence
from app.services.erasure import erase_next
from app.settings import Settings
from tests.bank import Bank, create_bank
from tests.browser.conftest import Site
from tests.job_runner import claim_job, submit

HOSTILE = "<script>alert(1)</script> \u202e\u05d0\u05d1 👩‍🚀 e\u0301 " + "x" * 20_000
STUDENT = "<b>student</b>\u05d0"


async def _stuck(pool: Pool, bank: Bank, owner: str) -> None:
    job = await claim_job(pool, await submit(pool, bank, owner), JobType.GPT)
    assert await jobs.finish(pool, job, JobStatus.FAILED, PermanentError("test", HOSTILE), None, [])


async def _check(site: Site) -> None:
    """Fails where the page is not accessible, or wider than a narrow screen."""
    await site.check_accessibility()
    await site.page.set_viewport_size({"width": 360, "height": 800})
    assert await site.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await site.page.set_viewport_size({"width": 1280, "height": 800})


async def test_an_operator_sets_right_what_is_stuck(site: Site) -> None:
    bank = await create_bank(site.pool)
    for owner in (STUDENT, "student-2"):
        await _stuck(site.pool, bank, owner)
    await worker_presence.report(site.pool, uuid4(), {"gpt": QueueLoad(running=1, slots=8)})
    page = site.page
    await site.sign_in("admin")
    await expect(page.get_by_role("status").first).to_contain_text("2 jobs given up")
    await _check(site)
    await page.get_by_role("link", name="Jobs that were given up").click()
    await _check(site)
    await page.get_by_label("Job", exact=True).select_option(label="score essays")
    await page.get_by_role("button", name="Show").click()
    await page.get_by_role("link", name="Retry all that match…").click()
    await expect(page.get_by_text("2 jobs match")).to_be_visible()
    await _check(site)
    await page.get_by_role("button", name="Retry 2 jobs now").click()
    await expect(page.get_by_role("heading", name="2 of 2 jobs queued again")).to_be_visible()
    await _check(site)
    await page.get_by_role("link", name="queued again").first.click()
    await _check(site)
    await page.get_by_role("link", name="All jobs that were given up").click()
    await expect(page.get_by_text("No job is given up")).to_be_visible()


async def test_the_state_of_the_system_is_live_and_leaves_the_focus(site: Site) -> None:
    bank = await create_bank(site.pool)
    await worker_presence.report(site.pool, uuid4(), {"gpt": QueueLoad(running=1, slots=8)})
    page = site.page
    await site.sign_in("admin")
    await site.open("/dashboard/system")
    await expect(page.get_by_text("Everything works.")).to_be_visible()
    await page.get_by_role("link", name="Jobs that were given up").focus()
    await _stuck(site.pool, bank, "student-1")
    await expect(page.get_by_role("status").first).to_contain_text("1 job given up")
    await expect(page.get_by_role("link", name="Jobs that were given up")).to_be_focused()
    site.expected.append("401")
    await site.pool.execute("DELETE FROM sessions")
    await expect(page.get_by_text("You are signed out")).to_be_visible()


async def test_an_operator_gives_a_program_a_key_and_takes_it_away(site: Site) -> None:
    page = site.page
    await site.sign_in("admin")
    await page.get_by_role("link", name="API keys").click()
    site.expected.append("422")
    await page.get_by_label("What it is for").fill("Enrolment")
    await page.get_by_role("button", name="Make the key").click()
    await expect(page.get_by_text("Choose at least one role")).to_be_visible()
    await expect(page.get_by_label("What it is for")).to_have_value("Enrolment")
    await _check(site)
    await page.get_by_label("advisor").check()
    await page.get_by_role("button", name="Make the key").click()
    await expect(page.get_by_label("API key", exact=True)).to_have_value(re.compile("^assay_"))
    await _check(site)
    await page.reload()
    await expect(page.get_by_role("heading", name="API keys")).to_be_visible()
    assert await site.pool.fetchval("SELECT count(*) FROM api_keys") == 1
    await page.get_by_role("link", name="Enrolment").click()
    await _check(site)
    await page.get_by_role("button", name="Revoke this key").click()
    await expect(page.get_by_text("The key is revoked")).to_be_visible()
    await page.get_by_role("link", name="Webhooks", exact=True).click()
    await _check(site)
    await page.get_by_role("link", name="Make a webhook").click()
    await page.get_by_label("Address").fill("https://receiver.example/" + "x" * 1000)
    await _check(site)
    await page.get_by_role("link", name="Webhooks", exact=True).click()
    await page.get_by_role("link", name="All messages").click()
    await _check(site)


async def test_an_operator_erases_a_person_and_sees_the_receipt(site: Site, settings: Settings) -> None:
    page = site.page
    await submit(site.pool, await create_bank(site.pool), STUDENT)
    await site.sign_in("admin")
    await page.get_by_role("link", name="People").click()
    await page.get_by_label("Person").fill(STUDENT)
    await page.get_by_role("button", name="Find").click()
    await _check(site)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download all of it").click()
    assert (await download.value).suggested_filename == "person.json"
    await page.get_by_role("link", name="Erase…").click()
    await _check(site)
    await page.get_by_label("Type the name once more").fill(STUDENT)
    await page.get_by_role("button", name="Erase for good").click()
    await expect(page.get_by_text("The workers erase at this moment")).to_be_visible()
    redis = job_queue.connect(settings.secret("redis_url"))
    while await erase_next(site.pool, JobQueue(redis)):
        pass
    await redis.aclose()
    await expect(page.get_by_text("This page is the receipt")).to_be_visible()
    await _check(site)
    await page.get_by_role("link", name="Audit log").click()
    await expect(page.get_by_role("rowheader", name="erase person")).to_be_visible()
    await _check(site)
