"""Answers of another form than the agreed one, through the real SDK: they are paid for once, and are used."""

import json
from typing import Any

import pytest

from app.repositories.sql import Pool
from tests.bank import ESSAY
from tests.fakes.model_server import Behaviour, ModelServer, text
from tests.fakes.provider_faults import answer, raw_body
from tests.services.essays.essay_runner import EssayRunner


def content(value: Any) -> Behaviour:
    """A completion with any content."""
    return raw_body(json.dumps({"choices": [{"message": {"content": value}, "finish_reason": "stop"}]}).encode())


def parts(*values: Any) -> Behaviour:
    """A completion whose content is a list of parts."""
    return content(list(values))


def part(content: str) -> dict[str, Any]:
    return {"type": "text", "text": content}


@pytest.mark.parametrize(
    ("behaviour", "repairs"),
    [
        (text(answer()), None),
        (text(f"```json\n{answer()}\n```"), ["fence_removed"]),
        (text(f"<think>Hm.</think>{answer()}"), ["thoughts_removed"]),
        (parts(part(answer()[:50]), part(answer()[50:])), ["parts_joined"]),
        (parts({"type": "thinking", "thinking": []}, part(f"Well: {answer()}")), ["parts_joined", "prose_removed"]),
        (parts({"type": "reasoning_content", "text": "{"}, part(answer())), ["parts_joined"]),
        (parts({"type": "redacted_thinking", "data": "…"}, part(answer())), ["parts_joined"]),
        (parts({"type": "text", "text": "{", "thought": True}, {"text": answer()}), ["parts_joined"]),
        (parts(answer()[:50], answer()[50:]), ["parts_joined"]),
        (content(part(answer())), ["parts_joined"]),
    ],
)
async def test_a_readable_answer_is_used(
    runner: EssayRunner, provider: ModelServer, pool: Pool, behaviour: Behaviour, repairs: list[str] | None
) -> None:
    provider.default = behaviour
    (line,) = await runner.run(ESSAY)
    assert len(provider.requests) == 1
    assert (line["scorer"], line["score"], line["reasons"]) == ("gpt", 0.8, set())
    stored = json.loads(await pool.fetchval("SELECT detail::text FROM scores WHERE scorer = 'gpt'"))
    # Without repairs nothing is stored, as in rows of earlier versions.
    assert stored.get("repairs") == line.get("repairs") == repairs


@pytest.mark.parametrize(
    "value",
    [[], [{"type": "image_url"}], [7], [{"type": "text"}], [{"type": "thinking"}], [{"type": "refusal"}], {}, 7],
)
async def test_content_without_an_answer_is_unusable(
    runner: EssayRunner, provider: ModelServer, pool: Pool, value: Any
) -> None:
    provider.default = content(value)
    (line,) = await runner.run(ESSAY)
    assert line["scorer"] == "local"
    assert {call["outcome"] for call in await pool.fetch("SELECT outcome FROM model_calls")} == {
        "model_answer_unusable"
    }


async def test_a_refusal_among_the_parts_is_a_refusal(runner: EssayRunner, provider: ModelServer, pool: Pool) -> None:
    provider.default = parts({"type": "refusal", "refusal": "I cannot do that."})
    assert (await runner.run(ESSAY))[0]["scorer"] == "local"
    assert await pool.fetchval("SELECT array_agg(outcome::text) FROM model_calls") == ["model_refused"]
