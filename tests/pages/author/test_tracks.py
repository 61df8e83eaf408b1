"""Authors' pages for tracks: errors beside the fields, the secrecy of keys, the bank, retire and restore."""

from html import escape

import pytest

from app.domain.assessment.tracks import QuestionMix, TrackBody
from app.domain.states import ShowCorrect
from app.pages.author.track_form import key_secrecy
from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.pages.author.conftest import HOSTILE
from tests.pages.conftest import Person

FIELDS = {
    "slug": "pilot", "name": "Pilot", "description": "Flies.", "skills": "weather, maps\nradio",
    "question_mix/theoretical": "2", "question_mix/profile": "", "question_mix/essay": "1", "attempts": "3",
    "retake_after_hours": "1.5", "show_correct": "last_attempt",
}  # fmt: skip
LABELS = {
    "slug": "Short name", "name": "Name", "skills": "Skills", "question_mix/essay": "Essays",
    "attempts": "How often a student may start it", "retake_after_hours": "Hours between two attempts",
    "show_correct": "Students read which theoretical answers were right",
}  # fmt: skip
PATH = f"/dashboard/tracks/{SLUG}"


async def test_a_track_is_created_as_it_was_typed(author: Person, api: Api, pool: Pool) -> None:
    created = await author.post("/dashboard/new-track", FIELDS)
    assert (created.status, created.target) == (303, "/dashboard/tracks/pilot?done=created")
    assert (await api.get("/tracks/pilot")).body == {
        "slug": "pilot", "name": "Pilot", "description": "Flies.", "skills": ["weather", "maps", "radio"],
        "question_mix": {"theoretical": 2, "profile": 0, "essay": 1}, "attempts": 3, "retake_after_hours": 1.5,
        "show_correct": "last_attempt", "show_explanations": False, "sample": False,
    }  # fmt: skip
    page = await author.get(created.target)
    assert "It is created." in page.text
    assert "an assessment needs 2, the bank has 0." in page.text
    assert "cannot start this track before 2 more of them exist" in page.text
    rows = await pool.fetch("SELECT actor, action, key FROM audit_log")
    assert [tuple(row) for row in rows] == [("author-1", "create", "pilot")]


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("slug", "Not Good", "Only small letters, digits and single dashes."),
        ("slug", SLUG, "There is a track with this short name"),
        ("name", " ", "Please fill this in."),
        ("name", "n" * 301, "At most 300 characters"),
        ("skills", "s" * 65, "At most 64 characters"),
        ("question_mix/essay", "many", "Please write a whole number."),
        ("question_mix/essay", "101", "Must be less than or equal to 100"),
        ("attempts", "0", "Must be greater than or equal to 1"),
        ("retake_after_hours", "soon", "Please write a number."),
        ("show_correct", "sometimes", "Must be"),
    ],
)
async def test_errors_stand_beside_the_fields(
    author: Person, bank: Bank, pool: Pool, field: str, text: str, message: str
) -> None:
    refused = await author.post("/dashboard/new-track", FIELDS | {field: text})
    assert refused.status == 422
    beside = refused.html.split(f'id="{field}-error">')[1].split("</p>")[0]
    assert message in beside
    assert f'<a href="#{field}">{LABELS[field]}</a>' in refused.html
    # The rest is kept.
    assert "Flies." in refused.html
    assert await pool.fetchval("SELECT count(*) FROM tracks") == 1


async def test_a_track_without_questions_in_its_mix_is_refused(author: Person) -> None:
    none = {name: "0" for name in FIELDS if name.startswith("question_mix")}
    refused = await author.post("/dashboard/new-track", FIELDS | none)
    assert refused.status == 422 and "A track needs at least one question" in refused.text


async def test_a_change_is_saved_and_no_change_is_not(author: Person, bank: Bank, api: Api, pool: Pool) -> None:
    fields = FIELDS | {"name": "Head Gardener", "show_explanations": "yes"}
    assert (await author.post(PATH, fields)).target == f"{PATH}?done=saved"
    assert (await api.get(f"/tracks/{SLUG}")).body["name"] == "Head Gardener"
    assert (await author.post(PATH, fields)).target == f"{PATH}?done=unchanged"
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'update'") == 1
    refused = await author.post(PATH, fields | {"attempts": "-1"})
    assert refused.status == 422 and 'id="attempts-error"' in refused.html


async def test_a_retired_track_is_restored_from_the_list(author: Person, bank: Bank) -> None:
    assert (await author.post(f"{PATH}/retire", {})).target == "/dashboard/tracks?done=retired"
    assert (await author.get(PATH)).status == 404
    listed = await author.get("/dashboard/tracks")
    assert "Restore Gardener" in listed.text and "There are no tracks yet" in listed.text
    assert (await author.post(f"{PATH}/restore", {})).target == f"{PATH}?done=restored"
    assert "Restore" not in (await author.get("/dashboard/tracks")).text


async def test_the_list_says_which_banks_are_too_small(author: Person, bank: Bank) -> None:
    assert "Too few" not in (await author.get("/dashboard/tracks")).text
    await author.post(PATH, FIELDS | {"question_mix/essay": "3"})
    listed = await author.get("/dashboard/tracks")
    assert "essay 3 of 2" in listed.text and "Too few essay questions." in listed.text


async def test_hostile_texts_are_texts(author: Person, bank: Bank) -> None:
    texts = {"name": HOSTILE[:300], "description": HOSTILE, "skills": HOSTILE[:60]}
    assert (await author.post(PATH, FIELDS | texts)).status == 303
    for page in (await author.get(PATH), await author.get("/dashboard/tracks"), await author.get("/")):
        assert "<script>alert" not in page.html and "{{ 7*7 }}" in page.html
    refused = await author.post("/dashboard/new-track", FIELDS | dict.fromkeys(FIELDS, HOSTILE))
    assert refused.status == 422
    assert "<script>alert" not in refused.html and escape(HOSTILE, quote=True).split("{{")[0] in refused.html


@pytest.mark.parametrize(
    ("show", "attempts", "risky", "words"),
    [
        (ShowCorrect.ALWAYS, None, True, "The right answers can be found by trying"),
        (ShowCorrect.ALWAYS, 3, True, "A later attempt may ask what an earlier one has told them"),
        (ShowCorrect.ALWAYS, 1, False, "have 1 attempt."),
        (ShowCorrect.LAST_ATTEMPT, 2, False, "with their last attempt (2)"),
        (ShowCorrect.LAST_ATTEMPT, None, False, "this means “never”"),
        (ShowCorrect.NEVER, 2, False, "never read which answers were right"),
        (ShowCorrect.NEVER, None, False, "a limit prevents that"),
    ],
)
def test_what_settings_mean_for_keys(show: ShowCorrect, attempts: int | None, risky: bool, words: str) -> None:
    body = TrackBody(
        slug="a", name="A", question_mix=QuestionMix(essay=1), show_correct=show, attempts=attempts
    )  # fmt: skip
    secrecy = key_secrecy(body)
    assert words in secrecy.text
    assert secrecy.risky is risky
