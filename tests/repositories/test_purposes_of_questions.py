"""Migration 0037: profile questions from before there were purposes keep the meaning that the search gave them."""

from typing import Any
from uuid import uuid4

import pytest

from app.repositories.migrations import MIGRATIONS
from app.repositories.sql import Pool
from tests.bank import Bank

MIGRATION = (MIGRATIONS / "0037.name-purposes.sql").read_text()


def choice(prompt: str, *texts: str) -> dict[str, Any]:
    options = [{"id": str(number), "text": text} for number, text in enumerate(texts)]
    return {"type": "profile", "input": "single", "prompt": prompt, "options": options}


def question(prompt: str, kind: str = "text") -> dict[str, Any]:
    return {"type": "profile", "input": kind, "prompt": prompt, "options": []}


@pytest.mark.parametrize(
    ("body", "stored", "purpose"),
    [
        (choice("Where?", "Beginner: all", "intermediate", "Advanced, please"), None, "level"),
        (choice("Where?", "Advanced statistics", "Soil"), None, "interest"),
        (question("For how long have you been writing code?"), None, "experience"),
        (question("What have you always wanted to learn?"), None, "interest"),
        (question("How many hours?", "number"), None, "other"),
        (question("How often did you prune roses?"), "goal", "goal"),
        ({"type": "theoretical", "prompt": "How often did you?"}, None, None),
    ],
)
async def test_questions_get_the_purpose_that_was_guessed(
    pool: Pool, bank: Bank, body: dict[str, Any], stored: str | None, purpose: str | None
) -> None:
    assert bank.ids
    question_id = uuid4()
    await pool.execute(
        """WITH question AS (
               INSERT INTO questions (id, track_id, type, current_version)
               SELECT $1, track_id, type, 1 FROM questions WHERE type = $4::jsonb ->> 'type' LIMIT 1)
           INSERT INTO question_versions (question_id, version, body, pinned, purpose) VALUES ($1, 1, $2, false, $3)""",
        question_id, body, stored, body,
    )  # fmt: skip
    await pool.execute(MIGRATION)
    assert await pool.fetchval("SELECT purpose FROM question_versions WHERE question_id = $1", question_id) == purpose
