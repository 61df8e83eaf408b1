"""Authors' pages for questions: every type, errors, rows, preview, versions, retire and restore, statistics."""

from uuid import UUID, uuid4

import pytest

from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import SECRET_EXPLANATION, SECRET_MODEL_ANSWER, SECRET_RUBRIC, SLUG, Bank
from tests.pages.author.conftest import HOSTILE
from tests.pages.conftest import Person

COMMON = {"prompt": "Which?", "weight": "2,5", "skills": "soil"}
THEORY = COMMON | {
    "options/0/text": "This", "options/1/text": "", "options/2/text": "That", "options/2/correct": "yes",
    "partial_credit": "yes", "explanation": "Because.", "pinned": "yes",
}  # fmt: skip
PROFILE = COMMON | {"input": "scale", "purpose": "level", "scale/min": "1", "scale/max": "5"}
ESSAY = COMMON | {
    "model_answer": "So.", "max_characters": "100", "rubric/relevance": "r", "rubric/depth": "d",
    "rubric/clarity": "c", "rubric/technical": "t",
}  # fmt: skip
FORMS = {"theoretical": THEORY, "profile": PROFILE, "essay": ESSAY}


def new(kind: str, track: str = SLUG) -> str:
    return f"/dashboard/questions/new?track={track}&type={kind}"


async def created(author: Person, kind: str, fields: dict[str, str]) -> str:
    """The path of the question that the form has made."""
    answer = await author.post(new(kind), fields)
    assert answer.status == 303, answer.text
    return answer.target.partition("?")[0]


async def test_each_type_is_created_as_it_was_typed(author: Person, bank: Bank, api: Api) -> None:
    bodies = {}
    for kind, fields in FORMS.items():
        path = await created(author, kind, fields)
        bodies[kind] = (await api.as_("author").get(path.removeprefix("/dashboard"))).body
        assert (bodies[kind]["prompt"], bodies[kind]["weight"], bodies[kind]["skills"]) == ("Which?", 2.5, ["soil"])
        # The form of the question has what was typed, so saving it again changes nothing.
        assert (await author.get(path)).status == 200
        assert (await author.post(path, fields | typed_ids(bodies[kind]))).target == f"{path}?done=unchanged"
    theory = bodies["theoretical"]
    assert theory["options"] == [{"id": "A", "text": "This"}, {"id": "B", "text": "That"}]
    assert (theory["correct_options"], theory["partial_credit"], theory["pinned"]) == (["B"], True, True)
    assert (bodies["profile"]["scale"], bodies["profile"]["purpose"]) == ({"min": 1, "max": 5}, "level")
    assert (bodies["essay"]["max_characters"], bodies["essay"]["rubric"]["depth"]) == (100, "d")


def typed_ids(body: dict[str, object]) -> dict[str, str]:
    return {"options/0/id": "A", "options/2/id": "B"} if body["type"] == "theoretical" else {}


@pytest.mark.parametrize(
    ("kind", "changed", "field", "message"),
    [
        ("theoretical", {"prompt": "\n"}, "prompt", "Please fill this in."),
        ("theoretical", {"weight": "-1"}, "weight", "Must be greater than or equal to 0"),
        ("theoretical", {"weight": "nan"}, "weight", "Must be"),
        ("theoretical", {"options/0/text": "t" * 2001}, "options/0/text", "At most 2000 characters"),
        ("profile", {"scale/max": "1"}, "scale/max", "Must be above min"),
        ("profile", {"input": "text"}, "scale", "needs both ends"),
        ("profile", {"input": "single", "scale/min": "", "scale/max": ""}, "options", "need options"),
        ("profile", {"input": ""}, "input", "Must be"),
        ("essay", {"rubric/depth": ""}, "rubric/depth", "Please fill this in."),
        ("essay", {"max_characters": "20001"}, "max_characters", "Must be less than or equal to 20000"),
        ("essay", {"model_answer": ""}, "model_answer", "Please fill this in."),
    ],
)
async def test_errors_stand_beside_the_fields(
    author: Person, bank: Bank, kind: str, changed: dict[str, str], field: str, message: str
) -> None:
    refused = await author.post(new(kind), FORMS[kind] | changed)
    assert refused.status == 422
    assert message in refused.html.split(f'id="{field}-error">')[1].split("</p>")[0]
    assert "soil" in refused.html


async def test_a_question_without_a_right_option_is_refused(author: Person, bank: Bank) -> None:
    refused = await author.post(new("theoretical"), {k: v for k, v in THEORY.items() if not k.endswith("correct")})
    assert refused.status == 422
    assert refused.html.split('id="correct_options">')[1].split("</p>")[0] == "Needs at least one."


async def test_rows_are_added_without_a_script_and_nothing_is_stored(author: Person, bank: Bank, pool: Pool) -> None:
    before = await pool.fetchval("SELECT count(*) FROM question_versions")
    more = await author.post(new("theoretical"), THEORY | {"then": "rows"})
    assert (more.status, more.html.count('/text" value="')) == (200, 6)
    assert 'name="options/1/text" value="That"' in more.html
    path = f"/dashboard/questions/{bank.ids['right']}"
    assert (await author.post(path, THEORY | {"then": "rows"})).html.count('/text" value="') == 6
    preview = await author.post(new("essay"), ESSAY | {"then": "preview"})
    assert "As students see it" in preview.text and preview.status == 200
    assert await pool.fetchval("SELECT count(*) FROM question_versions") == before


async def test_the_preview_has_no_key(author: Person, bank: Bank) -> None:
    for name, secrets in (("right", [SECRET_EXPLANATION]), ("essay", [SECRET_MODEL_ANSWER, SECRET_RUBRIC])):
        page = (await author.get(f"/dashboard/questions/{bank.ids[name]}")).html
        preview = page.split('<section class="preview"')[1].split("</section>")[0]
        for secret in secrets:
            assert secret in page and secret not in preview
        assert preview.count(" checked") == preview.count('value="" checked> No answer')


async def test_versions_show_what_changed(author: Person, bank: Bank, api: Api) -> None:
    path = await created(author, "theoretical", THEORY)
    changed = THEORY | typed_ids({"type": "theoretical"}) | {"prompt": "Which then?", "options/5/text": "Neither"}
    assert (await author.post(path, changed)).target == f"{path}?done=saved"
    assert (await api.as_("author").get(path.removeprefix("/dashboard"))).body["options"][2] == {
        "id": "C",
        "text": "Neither",
    }
    await author.post(f"{path}/retire", {})
    page = await author.get(f"{path}/versions")
    assert "Restore this question" in page.text and "Back to the question" not in page.text
    second, first = page.html.split("<h2>Version 2</h2>")[1].split("<h2>Version 1</h2>")
    assert "Which then?" in second and "C: Neither" in second and "Because." not in second
    assert "Because." in first
    older = await author.get(f"{path}/versions?limit=1")
    assert "Which then?" in older.html and "Older versions" in older.text


async def test_versions_use_the_words_of_the_form(author: Person, bank: Bank) -> None:
    versions = await author.get(f"{await created(author, 'profile', PROFILE)}/versions")
    assert "Back to the question" in versions.text and "Points 2.5" in versions.text
    assert "a number on a scale" in versions.text and "how far the student is" in versions.text


async def test_nobody_overwrites_a_version_that_they_have_not_seen(author: Person, bank: Bank, api: Api) -> None:
    path = await created(author, "essay", ESSAY)
    assert 'name="version" value="1"' in (await author.get(path)).html
    assert (await author.post(path, ESSAY | {"prompt": "Mine?", "version": "1"})).status == 303
    preview = await author.post(path, ESSAY | {"prompt": "Yours?", "version": "1", "then": "preview"})
    assert 'name="version" value="1"' in preview.html
    stale = await author.post(path, ESSAY | {"prompt": "Yours?", "version": "1"})
    assert stale.status == 422 and "Somebody has saved another version meanwhile" in stale.text
    assert "Yours?" in stale.html.split("<h2>Change it</h2>")[1] and 'name="version" value="2"' in stale.html
    question = path.removeprefix("/dashboard")
    assert (await api.as_("author").get(question)).body["prompt"] == "Mine?"
    assert (await author.post(path, ESSAY | {"prompt": "Yours?", "version": "2"})).status == 303
    assert (await api.as_("author").get(question)).body["version"] == 3


async def test_a_retired_question_is_restored_from_the_list(author: Person, bank: Bank) -> None:
    path = f"/dashboard/questions/{bank.ids['essay']}"
    assert (await author.post(f"{path}/retire", {})).target == f"/dashboard/questions?track={SLUG}&done=retired"
    assert (await author.get(path)).status == 404
    active = await author.get(f"/dashboard/questions?track={SLUG}&type=essay")
    retired = await author.get(f"/dashboard/questions?track={SLUG}&state=retired")
    assert (active.html.count("/versions"), retired.html.count("/versions")) == (1, 1)
    assert (await author.post(f"{path}/restore", {})).target == f"{path}?done=restored"
    await author.post(f"{path}/retire", {})
    await author.post(f"/dashboard/tracks/{SLUG}/retire", {})
    assert (await author.post(f"{path}/restore", {})).status == 409


async def test_lists_are_filtered_and_paged(author: Person, bank: Bank) -> None:
    assert (await author.get("/dashboard/questions?type=profile")).html.count("/versions") == 5
    assert (await author.get("/dashboard/questions?type=nothing")).status == 400
    first = await author.get(f"/dashboard/questions?track={SLUG}&limit=4")
    link = first.html.split('">More questions')[0].rsplit('href="', 1)[1].replace("&amp;", "&")
    assert first.html.count("/versions") == (await author.get(link)).html.count("/versions") == 4
    assert (await author.get(new("essay", "nowhere"))).status == 404


async def test_hostile_texts_are_texts(author: Person, bank: Bank) -> None:
    texts = {"prompt": HOSTILE, "explanation": HOSTILE, "options/0/text": HOSTILE, "skills": HOSTILE[:60]}
    path = await created(author, "theoretical", THEORY | texts)
    for page in (path, f"{path}/versions", f"/dashboard/questions?track={SLUG}"):
        html = (await author.get(page)).html
        assert "<script>alert" not in html and "{{ 7*7 }}" in html


async def test_statistics_need_ten_answers(author: Person, bank: Bank, pool: Pool) -> None:
    """Of ten students, five are good: they are right here and have most points of the essay."""
    right, essay = bank.ids["right"], bank.ids["essay"]
    path = f"/dashboard/questions/{right}"
    assert "Nobody has answered it" in (await author.get(path)).text
    for number in range(9):
        await score(pool, {right: number % 2, essay: number % 2 * 0.5 + 0.1})
    page = await author.get(path)
    assert "Answered 9 times" in page.text and "Nothing is computed from fewer than ten answers." in page.text
    await score(pool, {right: 1, essay: 0.6})
    page = await author.get(path)
    assert "Answered 10 times" in page.text
    assert "Students got 50 % of its points on average." in page.text
    assert "other points by 1 (" in page.text
    listed = await author.get(f"/dashboard/questions?track={SLUG}&type=theoretical")
    assert "<td>10</td> <td>50 %</td> <td>1</td>" in " ".join(listed.html.split())


async def score(pool: Pool, shares: dict[UUID, float]) -> None:
    """A completed assessment with a result, and points for these questions."""
    assessment = await pool.fetchval(
        "INSERT INTO assessments (id, owner, track_id, status, attempt, expires_at, submitted_at, completed_at) "
        "SELECT $1::uuid, $1::uuid::text, id, 'completed', 1, now(), now(), now() FROM tracks RETURNING id",
        uuid4(),
    )
    await pool.execute(
        "INSERT INTO results (assessment_id, run, edition, body) VALUES ($1, 1, 1, '{}')", assessment
    )  # fmt: skip
    for place, (question, share) in enumerate(shares.items()):
        await pool.execute(
            "INSERT INTO assessment_questions (assessment_id, question_id, version, position) VALUES ($1, $2, 1, $3)",
            assessment, question, place,
        )  # fmt: skip
        await pool.execute(
            "INSERT INTO scores (assessment_id, run, question_id, question_version, score_type, score, max_score) "
            "SELECT $1, 1, $2, 1, CASE type WHEN 'essay' THEN 'essay_gpt' ELSE type END, $3, 1 FROM questions "
            "WHERE id = $2",
            assessment, question, float(share),
        )  # fmt: skip
