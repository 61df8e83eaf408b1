"""An author's whole way: a track, a question of each type, preview, a second version, retire and restore, an import."""

import re

from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import Site

# Markup, a change of the writing direction, an emoji, and no space to break at.
HOSTILE = "</textarea><script>alert(1)</script>{{ 7*7 }}\u202etxt\u202c 👩‍🚀 " + "x" * 2000
TABLE = (
    "title,provider,url,level,skills,description\n"
    "Night Flight,Sky School,https://sky.example/night,advanced,flying,How to land in the dark.\n"
    "Broken,Sky School,nowhere,advanced,flying,No address.\n"
)


async def test_an_author_makes_a_track_that_can_be_started(site: Site) -> None:
    page = site.page
    # Answers to forms with an error on purpose.
    site.expected.append("status of 422")
    await site.sign_in("author")
    await page.get_by_role("navigation").get_by_role("link", name="Tracks").click()
    await _check(site)
    await _create_track(site)
    await page.get_by_role("link", name="Questions of this track").click()
    await expect(page.get_by_text("There are no questions here yet.")).to_be_visible()
    await _create_theory(site)
    await _create_others(site)
    await _change_and_retire(site)
    await page.get_by_role("navigation").get_by_role("link", name="Tracks").click()
    await page.get_by_role("link", name="Night Pilot").click()
    await expect(page.get_by_text("cannot start this track")).to_have_count(0)


async def test_an_author_imports_credentials(site: Site) -> None:
    page = site.page
    # Answers to forms with an error on purpose.
    site.expected.append("status of 422")
    await site.sign_in("author")
    await page.get_by_role("navigation").get_by_role("link", name="Credentials").click()
    await _check(site)
    await page.get_by_role("link", name="Import a file").click()
    await page.get_by_role("button", name="Import the valid rows").click()
    await expect(page.get_by_role("alert")).to_have_text("Choose a file first.")
    await _check(site)
    file = {"name": "sky.csv", "mimeType": "text/csv", "buffer": TABLE.encode()}
    await page.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]
    await page.get_by_role("button", name="Import the valid rows").click()
    await expect(page.get_by_role("status")).to_have_text("2 rows: 1 added, 0 changed, 0 unchanged, 1 refused.")
    await expect(page.get_by_role("row", name=re.compile("^3 refused"))).to_contain_text("http or https address")
    await _check(site)
    await page.get_by_role("link", name="All credentials").click()
    await page.get_by_label("Words in title").fill("night flight")
    await page.get_by_label("Only those whose skills no track has").check()
    await page.get_by_role("button", name="Search").click()
    await page.get_by_role("link", name="Night Flight").click()
    await expect(page.get_by_text("No track has these skills")).to_be_visible()
    await page.get_by_label("Web address").fill("javascript:alert(1)")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_label("Web address")).to_have_attribute("aria-invalid", "true")
    await _check(site)


async def _create_track(site: Site) -> None:
    page = site.page
    await page.get_by_role("link", name="New track").click()
    await page.get_by_label("Short name").fill("Night Pilot")
    await page.get_by_label("Name", exact=True).fill("Night Pilot")
    await page.get_by_label("Description").fill(HOSTILE)
    for kind in ("Theoretical", "Profile", "Essays"):
        await page.get_by_label(kind, exact=True).fill("1")
    await page.get_by_role("button", name="Create the track").click()
    summary = page.get_by_role("alert")
    await expect(summary).to_be_focused()
    await expect(page.get_by_label("Short name")).to_have_attribute("aria-invalid", "true")
    await _check(site)
    # By keyboard: from the summary to the field.
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Short name")).to_be_focused()
    await page.get_by_label("Short name").fill("night-pilot")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_have_text("It is created.")
    await expect(page.get_by_label("Description")).to_have_value(HOSTILE)
    await expect(page.get_by_text("The right answers can be found by trying")).to_be_visible()
    await expect(page.get_by_text("cannot start this track before 1 more of them exist")).to_have_count(3)
    await _check(site)


async def _create_theory(site: Site) -> None:
    page = site.page
    await page.get_by_role("link", name="New theoretical question").click()
    await page.get_by_label("Question", exact=True).fill(f"Which light is on the left?\n{HOSTILE}")
    await page.get_by_label("Option 1", exact=True).fill("Red")
    await page.get_by_label("Option 2", exact=True).fill("Green")
    await page.get_by_role("button", name="Create the question").click()
    await expect(page.get_by_role("alert")).to_contain_text("at least one")
    await _check(site)
    await page.get_by_label("Option 1 is right").check()
    await page.get_by_role("button", name="Add rows").click()
    await page.get_by_label("Option 6", exact=True).fill("White")
    await page.get_by_role("button", name="Preview").click()
    preview = _preview(page)
    await expect(preview.get_by_role("radio", name=re.compile("Red|Green|White"))).to_have_count(3)
    await expect(preview).to_contain_text("<script>alert(1)</script>{{ 7*7 }}")
    await _check(site)
    await page.get_by_role("button", name="Create the question").click()
    await expect(page.get_by_role("status")).to_have_text("It is created.")
    await _check(site)
    await page.get_by_role("link", name="Questions of the track").click()


async def _create_others(site: Site) -> None:
    page = site.page
    await page.get_by_role("link", name="New profile question").click()
    await page.get_by_label("Question", exact=True).fill("How often do you fly?")
    await page.get_by_label("Students answer with").select_option("a number on a scale")
    await page.get_by_role("button", name="Create the question").click()
    await expect(page.get_by_text("needs both ends").first).to_be_visible()
    await page.get_by_label("From").fill("1")
    await page.get_by_label("To", exact=True).fill("4")
    await page.get_by_role("button", name="Create the question").click()
    await expect(_preview(page).get_by_role("radio", name=re.compile("^[1-4]$"))).to_have_count(4)
    await page.get_by_role("link", name="Questions of the track").click()
    await page.get_by_role("link", name="New essay question").click()
    await page.get_by_label("Question", exact=True).fill("Why do wings stall?")
    await page.get_by_label("Model answer").fill("Because the flow separates.")
    for name in ("Relevance", "Depth", "Clarity", "Technical accuracy"):
        await page.get_by_label(name).fill("Names the angle of attack.")
    await page.get_by_role("button", name="Create the question").click()
    await expect(_preview(page).get_by_role("textbox")).to_be_visible()
    await expect(_preview(page)).not_to_contain_text("angle of attack")
    await _check(site)


async def _change_and_retire(site: Site) -> None:
    """Of the essay question, whose page is open."""
    page = site.page
    await page.get_by_label("Question", exact=True).fill("Why does a wing stall?")
    await page.get_by_label("Pin it").check()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Version 2, pinned")).to_be_visible()
    await page.get_by_role("link", name="All versions and what changed").click()
    await expect(page.get_by_role("row", name=re.compile("Why do wings stall.*Why does a wing stall"))).to_be_visible()
    await _check(site)
    await page.get_by_role("link", name="Back to the question").click()
    await page.get_by_role("button", name="Retire this question").click()
    await expect(page.get_by_role("status")).to_have_text("It is retired.")
    await expect(page.get_by_role("row")).to_have_count(3)
    await _check(site)
    await page.get_by_label("State").select_option("retired")
    await page.get_by_role("button", name="Show").click()
    await _check(site)
    await page.get_by_role("button", name="Restore").click()
    await expect(page.get_by_role("status")).to_have_text("It is active again.")


def _preview(page: Page) -> Locator:
    return page.get_by_role("region", name="As students see it")


async def _check(site: Site) -> None:
    """Nothing that axe finds serious, and nothing that sticks out of a narrow screen."""
    await site.check_accessibility()
    await site.page.set_viewport_size({"width": 360, "height": 800})
    assert await site.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await site.page.set_viewport_size({"width": 1280, "height": 800})
