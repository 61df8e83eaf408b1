"""Questions: written by admins, read by advisors and admins, versioned and never changed in place."""

from typing import Any
from uuid import UUID, uuid4

from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.web.problems import invalid, problem

THEORY: dict[str, Any] = {
    "track": SLUG,
    "type": "theoretical",
    "prompt": "Which?",
    "options": [{"id": "A", "text": "This"}, {"id": "B", "text": "That"}],
    "correct_options": ["B"],
    "partial_credit": True,
    "weight": 2.5,
    "skills": ["soil"],
    "explanation": "Because.",
}
PROFILE: dict[str, Any] = {"track": SLUG, "type": "profile", "prompt": "Yours?", "input": "text"}
ESSAY: dict[str, Any] = {
    "track": SLUG,
    "type": "essay",
    "prompt": "Why?",
    "model_answer": "So.",
    "rubric": {"relevance": "r", "depth": "d", "clarity": "c", "technical": "t"},
    "max_characters": 100,
}
SCALE = {"min": 1, "max": 5}


async def test_each_type_is_created_and_read_by_staff(api: Api, bank: Bank) -> None:
    for body in (THEORY, PROFILE, ESSAY):
        created = await api.as_("admin").post("/questions", body)
        assert created.status == 201
        assert created.headers["Location"] == f"/questions/{created.body['question_id']}"
        assert created.body.items() >= (body | {"version": 1, "sample": False}).items()
        read = await api.as_("advisor").get(created.headers["Location"])
        assert (read.status, read.body) == (200, created.body)


async def test_each_invalid_field_is_pointed_at(api: Api, bank: Bank, pool: Pool) -> None:
    many = [{"id": str(i), "text": "x"} for i in range(51)]
    wrong: list[tuple[dict[str, Any], str]] = [
        (THEORY | {"type": "oral"}, "/type"), (THEORY | {"type": None}, "/type"),
        (THEORY | {"type": ["essay"]}, "/type"),
        (THEORY | {"track": "nobody"}, "/track"), (THEORY | {"track": 1}, "/track"),
        (THEORY | {"track": "UPPER"}, "/track"),
        (THEORY | {"prompt": ""}, "/prompt"), (THEORY | {"prompt": "p" * 20_001}, "/prompt"),
        (THEORY | {"options": []}, "/options"), (THEORY | {"options": many}, "/options"),
        (THEORY | {"options": [1, *THEORY["options"]]}, "/options/0"),
        (THEORY | {"options": [{"id": "Z"}, *THEORY["options"]]}, "/options/0/text"),
        (THEORY | {"correct_options": []}, "/correct_options"),
        (THEORY | {"correct_options": ["C"]}, "/correct_options"),
        (THEORY | {"correct_options": ["B", "B"]}, "/correct_options"),
        (THEORY | {"options": [*THEORY["options"], {"id": "B", "text": "again"}]}, "/options"),
        (THEORY | {"weight": 0.0009}, "/weight"), (THEORY | {"weight": -1}, "/weight"),
        (THEORY | {"weight": "1"}, "/weight"),
        (THEORY | {"weight": True}, "/weight"), (THEORY | {"weight": 1001}, "/weight"),
        (THEORY | {"partial_credit": 1}, "/partial_credit"), (THEORY | {"explanation": "e" * 20_001}, "/explanation"),
        (THEORY | {"model_answer": "x"}, "/model_answer"), (THEORY | {"version": 2}, "/version"),
        (THEORY | {"skills": ["s"] * 51}, "/skills"), (THEORY | {"skills": ["s" * 65]}, "/skills/0"),
        (PROFILE | {"input": "colour"}, "/input"), (PROFILE | {"input": "single"}, "/options"),
        (PROFILE | {"scale": SCALE}, "/scale"),
        (PROFILE | {"input": "scale"}, "/scale"), (PROFILE | {"options": THEORY["options"]}, "/options"),
        (PROFILE | {"input": "scale", "scale": {"min": 5, "max": 5}}, "/scale/max"),
        (PROFILE | {"input": "scale", "scale": {"min": 1.5, "max": 5}}, "/scale/min"),
        (PROFILE | {"correct_options": ["A"]}, "/correct_options"),
        (ESSAY | {"model_answer": ""}, "/model_answer"), (ESSAY | {"model_answer": "m" * 20_001}, "/model_answer"),
        (ESSAY | {"rubric": {**ESSAY["rubric"], "depth": "d" * 20_001}}, "/rubric/depth"),
        (ESSAY | {"rubric": {**ESSAY["rubric"], "style": "s"}}, "/rubric/style"), (ESSAY | {"rubric": None}, "/rubric"),
        (ESSAY | {"max_characters": 0}, "/max_characters"), (ESSAY | {"max_characters": 20_001}, "/max_characters"),
        (ESSAY | {"max_characters": 10.0}, "/max_characters"), (ESSAY | {"options": []}, "/options"),
    ]  # fmt: skip
    before = await pool.fetchval("SELECT count(*) FROM question_versions")
    for body, pointer in wrong:
        assert invalid(await api.as_("admin").post("/questions", body)) == [pointer], body
    assert invalid(await api.as_("admin").post("/questions")) == ["/type"]
    lacking = {name: value for name, value in ESSAY.items() if name not in ("rubric", "track")}
    assert sorted(invalid(await api.as_("admin").post("/questions", lacking))) == ["/rubric", "/track"]
    assert await pool.fetchval("SELECT count(*) FROM question_versions") == before


async def test_a_patch_writes_a_new_version_and_assessments_keep_theirs(api: Api, path: str, bank: Bank) -> None:
    question = f"/questions/{bank.ids['right']}"
    patched = await api.as_("admin").patch(question, {"prompt": "Which soil now?", "correct_options": ["A"]})
    assert (patched.status, patched.body["version"], patched.body["prompt"]) == (200, 2, "Which soil now?")
    assert (await api.as_("advisor").get(question)).body == patched.body
    kept = {shown["question_id"]: shown for shown in (await api.get(path)).body["questions"]}[str(bank.ids["right"])]
    assert (kept["version"], kept["prompt"]) == (1, "Which soil?")
    submitted = await api.post(f"{path}/submit", {"responses": bank.answers(right="B")})
    assert submitted.body["scores"]["theoretical"]["score"] == 1.0
    started = await api.as_("student", sub="later").post("/assessments", {"track": SLUG})
    newer = {shown["question_id"]: shown["version"] for shown in started.body["questions"]}
    assert newer[str(bank.ids["right"])] == 2


async def test_versions_are_never_changed(api: Api, bank: Bank, pool: Pool) -> None:
    for prompt in ("One?", "Two?", "Three?"):
        await api.as_("admin").patch(f"/questions/{bank.ids['essay']}", {"prompt": prompt})
    rows = await pool.fetch(
        "SELECT version, body ->> 'prompt' AS prompt FROM question_versions WHERE question_id = $1 ORDER BY version",
        bank.ids["essay"],
    )
    assert [row["version"] for row in rows] == [1, 2, 3, 4]
    assert [row["prompt"] for row in rows][1:] == ["One?", "Two?", "Three?"]


async def test_pins_and_purposes_are_kept_with_each_version(api: Api, bank: Bank, pool: Pool) -> None:
    admin = api.as_("admin")
    created = (await admin.post("/questions", PROFILE | {"pinned": True, "purpose": "goal"})).body
    assert (created["pinned"], created["purpose"]) == (True, "goal")
    path = f"/questions/{created['question_id']}"
    assert (await admin.get(path)).body == created
    patched = (await admin.patch(path, {"prompt": "Yours then?"})).body
    assert (patched["version"], patched["pinned"], patched["purpose"]) == (2, True, "goal")
    other = (await admin.post("/questions", PROFILE)).body
    assert (other["pinned"], other["purpose"]) == (False, "other")
    for fields, pointer in (({"pinned": 1}, "/pinned"), ({"pinned": None}, "/pinned"), ({"purpose": "x"}, "/purpose")):
        assert invalid(await admin.post("/questions", PROFILE | fields)) == [pointer]
    assert invalid(await admin.post("/questions", ESSAY | {"purpose": "goal"})) == ["/purpose"]
    # What servers read and write that do not know the columns.
    body = await pool.fetchval("SELECT body FROM question_versions WHERE question_id = $1", UUID(other["question_id"]))
    assert "pinned" not in body and "purpose" not in body
    await pool.execute(
        "WITH raised AS (UPDATE questions SET current_version = 3 WHERE id = $1) "
        "INSERT INTO question_versions (question_id, version, body) VALUES ($1, 3, $2)",
        UUID(created["question_id"]),
        body | {"prompt": "Yours at last?"},
    )
    read = (await admin.get(path)).body
    assert (read["prompt"], read["pinned"], read["purpose"]) == ("Yours at last?", True, "goal")


async def test_an_invalid_patch_writes_nothing(api: Api, bank: Bank) -> None:
    admin, question = api.as_("admin"), f"/questions/{bank.ids['right']}"
    wrong: list[tuple[Any, str]] = [
        ({"type": "essay"}, "/type"), ({"weight": -0.1}, "/weight"), ({"weight": None}, "/weight"),
        ({"rubric": {}}, "/rubric"),
        ({"correct_options": ["Z"]}, "/correct_options"), ({"track": "elsewhere"}, "/track"),
        ({"question_id": str(uuid4())}, "/question_id"),
    ]  # fmt: skip
    for changes, pointer in wrong:
        assert invalid(await admin.patch(question, changes)) == [pointer], changes
    assert (await admin.get(question)).body["version"] == 1
    assert (await admin.patch(question, {"type": "theoretical"})).body["version"] == 2


async def test_a_deleted_question_is_no_longer_drawn_but_stays_in_its_assessments(
    api: Api, path: str, bank: Bank
) -> None:
    admin, question = api.as_("admin"), f"/questions/{bank.ids['essay']}"
    assert (await admin.delete(question)).status == 204
    for reply in (await admin.get(question), await admin.patch(question, {}), await admin.delete(question)):
        problem(reply, 404, "not-found")
    assert len((await api.get(path)).body["questions"]) == 10
    assert (await api.patch(f"{path}/responses", {"responses": bank.answers(essay="Up.")})).status == 200
    body = problem(await api.as_("student", sub="late").post("/assessments", {"track": SLUG}), 409, "bank-too-small")
    assert "2 essay questions needed, 1 available" in body["detail"]


async def test_a_list_shows_active_questions_of_one_track(api: Api, bank: Bank) -> None:
    admin = api.as_("admin")
    await admin.post("/tracks", {"slug": "other", "name": "Other", "question_mix": {"profile": 1}})
    other = (await admin.post("/questions", PROFILE | {"track": "other"})).body
    await admin.delete(f"/questions/{bank.ids['text']}")
    all_ids = {question["question_id"] for question in (await admin.get("/questions")).body["items"]}
    assert all_ids == {str(bank.ids[name]) for name in bank.ids if name != "text"} | {other["question_id"]}
    assert (await admin.get("/questions?track=other")).body["items"] == [other]
    assert (await admin.get("/questions?track=nobody")).body == {"items": [], "next_cursor": None}


async def test_each_write_leaves_an_audit_row(api: Api, bank: Bank, pool: Pool) -> None:
    admin = api.as_("admin", sub="root")
    created = (await admin.post("/questions", THEORY)).body["question_id"]
    await admin.patch(f"/questions/{created}", {"prompt": "Which one?"})
    await admin.delete(f"/questions/{created}")
    rows = await pool.fetch("SELECT actor, action, entity, key, after ->> 'prompt' FROM audit_log ORDER BY id")
    expected = [("create", "Which?"), ("update", "Which one?"), ("delete", None)]
    assert [tuple(row) for row in rows] == [("root", did, "question", created, after) for did, after in expected]
