"""Answers that use the model answer's words and say something else get less than a correct paraphrase."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.essay.local_scoring import estimate, texts_to_embed

PROBES = Path(__file__).parents[2] / "data" / "scorer" / "probes.jsonl"
Probe = dict[str, str]
ScoreAnswer = Callable[[Probe, str], Awaitable[float]]


def probes(half: str) -> list[Probe]:
    """The probes of one half: "a" was used for tuning, "b" was not."""
    lines = PROBES.read_text(encoding="utf-8").splitlines()
    return [probe for probe in map(json.loads, lines) if probe["half"] == half]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def score() -> AsyncIterator[ScoreAnswer]:
    """The estimate before it is rounded, 0–100."""
    embedder = OfflineEmbedder()

    async def scored(probe: Probe, answer: str) -> float:
        texts = texts_to_embed(probe["question"], probe["model_answer"], answer)
        vectors = dict(zip(texts, await embedder.embed(texts), strict=True))
        figures = estimate(probe["question"], probe["model_answer"], answer, vectors).figures
        assert figures is not None
        return figures["estimate"]

    yield scored
    await embedder.close()


@pytest.mark.parametrize("half", ["a", "b"])
async def test_falsified_answers_get_less_than_paraphrases(score: ScoreAnswer, half: str) -> None:
    scored = [
        (await score(probe, probe["paraphrase"]), await score(probe, probe["falsified"])) for probe in probes(half)
    ]
    assert len(scored) == 15
    assert sum(false < true for true, false in scored) >= 12, scored
