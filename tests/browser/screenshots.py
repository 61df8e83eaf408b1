"""Renders pages with the sample data into a folder, for the README: `make screenshots`."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from playwright.async_api import Browser, Page, ViewportSize, async_playwright
from rich.console import Console

from app import sample_data
from app.http.tokens import issue_token
from app.local.demo.deployment import Deployment, deploy
from app.settings import load_settings
from assay_client import AssayClient
from tests.browser.chromium import launch

_STUDENT = "demo-student"
_SIZE = ViewportSize(width=1120, height=900)
# Students who answer, so that the review queue and the insights have something to show.
_STUDENTS = 12
_SECONDS = 300.0


def main(folder: Path) -> None:
    """Starts a deployment with the sample data in a temporary folder and photographs its pages."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="assay-screenshots-") as data:
        settings = load_settings({}, assay_data_dir=data, port=0)
        with deploy(settings, Console(stderr=True)) as deployment:
            asyncio.run(_photograph(deployment, folder))


async def _photograph(deployment: Deployment, folder: Path) -> None:
    students = [student for student in sample_data.students() if student.track == "backend-engineer"]
    owners = [_STUDENT, *(f"student-{number}" for number in range(1, _STUDENTS))]
    async with asyncio.timeout(_SECONDS):
        ids = [
            await _answered(deployment, owner, students[number % len(students)].answers)
            for number, owner in enumerate(owners)
        ]
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        page = await _signed_in(browser, deployment, "student")
        await page.goto(f"{deployment.url}/dashboard/assessments/{ids[0]}")
        await page.get_by_role("heading", name="Your essays").evaluate("heading => heading.scrollIntoView()")
        await page.screenshot(path=folder / "result.png")
        page = await _signed_in(browser, deployment, "advisor")
        await _save(page, deployment, "/dashboard/review", folder / "review-queue.png")
        await (
            page.get_by_role("button", name="Start with the first")
            .or_(page.get_by_role("link", name="Start with the first"))
            .click()
        )
        await page.screenshot(path=folder / "review.png")
        await _save(page, deployment, "/dashboard/insights", folder / "insights.png")
        page = await _signed_in(browser, deployment, "author")
        await _save(page, deployment, "/dashboard/questions", folder / "questions.png")
        page = await _signed_in(browser, deployment, "admin")
        await _save(page, deployment, "/dashboard/system", folder / "system.png")
        await browser.close()


async def _answered(deployment: Deployment, owner: str, answers: dict[UUID, Any]) -> str:
    """The id of a finished assessment."""
    async with AssayClient(deployment.url, issue_token(deployment.settings, owner, ["student"], 3600)) as assay:
        assessment = await assay.start("backend-engineer")
        question_ids = [question.question_id for question in assessment.questions]
        await assay.save(assessment.assessment_id, {i: answers[i] for i in question_ids if i in answers})
        await assay.submit(assessment.assessment_id)
        await assay.wait_for_result(assessment.assessment_id)
        return str(assessment.assessment_id)


async def _signed_in(browser: Browser, deployment: Deployment, role: str) -> Page:
    context = await browser.new_context(viewport=_SIZE, color_scheme="light", locale="en-GB")
    page = await context.new_page()
    await page.goto(f"{deployment.url}/dashboard/sign-in")
    await page.get_by_role("button", name=f"Sign in as {role}").click()
    return page


async def _save(page: Page, deployment: Deployment, path: str, file: Path) -> None:
    answer = await page.goto(f"{deployment.url}{path}")
    if answer is None or not answer.ok:
        raise SystemExit(f"{path} was answered {answer.status if answer else 'nothing'}")
    await page.screenshot(path=file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
