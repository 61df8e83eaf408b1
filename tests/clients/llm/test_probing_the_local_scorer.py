"""A student who submits essay after essay does not find the words of the reference answer in what they read."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from app import sample_data
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.essay.local_scoring import estimate, texts_to_embed
from app.domain.essay.local_scoring.lexical_analysis import stems
from app.domain.essay.score import DimensionName, EssayScore
from app.domain.text import words

PROMPT = "How do services stay independent of each other's failures?"
REFERENCE = (
    "Asynchronous messaging decouples producers: brokers persist envelopes durably, consumers acknowledge deliveries, "
    "and idempotent handlers tolerate duplicates. Timeouts, breakers, bulkheads and exponential backoff with jitter "
    "prevent cascading overload; dead letters quarantine payloads, and replicas survive partitions."
)
TERMS = [word for word in words(REFERENCE) if stems(word)]
# An answer that the words are tried in.
BASE = (
    "I would let the parts of a system work on their own as far as that is possible, so that one of them can stop "
    "while the others go on. Each of them keeps what it needs, and asks again later if another one does not answer. "
    "A service that is too busy says so at once, and the others wait longer each time before they try again. What "
    "arrives twice must not do any harm, and what nobody can use is put aside, where a person looks at it later."
)
GROUP = 40

Probe = Callable[[list[str]], Awaitable[EssayScore]]


def other_words(count: int) -> list[str]:
    """Words from other subjects of the sample data."""
    known = set(stems(REFERENCE))
    text = " ".join(question["model_answer"] for _, question in sample_data.questions() if "model_answer" in question)
    others = sorted({word for word in words(text) if len(word) > 4 and word.isalpha() and not known & set(stems(word))})
    return random.Random(1).sample(others, count)  # noqa: S311 - no secret


OTHERS = other_words(170)
DICTIONARY = random.Random(2).sample([*TERMS, *OTHERS], len(TERMS) + len(OTHERS))  # noqa: S311 - no secret


@pytest_asyncio.fixture
async def probe() -> AsyncIterator[Probe]:
    """Scores the answer with these words in it."""
    embedder = OfflineEmbedder()

    async def score(tried: list[str]) -> EssayScore:
        answer = f"{BASE} It is about {' and the '.join(tried)}." if tried else BASE
        texts = texts_to_embed(PROMPT, REFERENCE, answer)
        vectors = await embedder.embed(texts)
        return estimate(PROMPT, REFERENCE, answer, dict(zip(texts, vectors, strict=True)))

    yield score
    await embedder.close()


def rationales(score: EssayScore) -> list[str]:
    """What a student reads about the reference answer in words; how long the answer is, they know."""
    texts = [getattr(score.dimensions, name).rationale for name in DimensionName if name is not DimensionName.CLARITY]
    return [text.split(", in ")[0] for text in texts]


READINGS: dict[str, Callable[[EssayScore], object]] = {
    "rationales": rationales,
    "confidence": lambda score: score.confidence,
    "points for terms": lambda score: score.dimensions.technical.score,
}


def test_there_are_31_words_or_more_to_find() -> None:
    assert len(set(TERMS)) >= 31


@pytest.mark.parametrize("reading", READINGS)
async def test_words_are_not_found_by_bisection(probe: Probe, reading: str) -> None:
    """The attack that found 29 of 31 words: a group of words that changes what is read is halved, down to words that
    change it alone. What counts is another change than that of as many words of another subject."""
    read = READINGS[reading]

    async def changes(tried: list[str]) -> bool:
        return read(await probe(tried)) != read(await probe(OTHERS[: len(tried)]))

    async def bisect(tried: list[str]) -> list[str]:
        if not await changes(tried):
            return []
        if len(tried) == 1:
            return tried
        half = len(tried) // 2
        return [*await bisect(tried[:half]), *await bisect(tried[half:])]

    groups = [DICTIONARY[start : start + GROUP] for start in range(0, len(DICTIONARY), GROUP)]
    revealed = {word for group in groups for word in await bisect(group)}
    assert len(revealed & set(TERMS)) <= 2, sorted(revealed)


async def test_one_word_more_changes_no_rationale(probe: Probe) -> None:
    expected = rationales(await probe(OTHERS[:1]))
    changed = [word for word in TERMS if rationales(await probe([word])) != expected]
    assert changed == []


async def test_quotes_do_not_pick_the_words_out(probe: Probe) -> None:
    """Sentences that differ in one word: those that are quoted name a word of the reference answer no more often than
    any other word of the same length."""
    dice = random.Random(3)  # noqa: S311 - no secret
    quoted = {True: 0, False: 0}
    for _ in range(10):
        tried = [
            *dice.sample([w for w in TERMS if len(w) >= 8], 5),
            *dice.sample([w for w in OTHERS if len(w) >= 8], 5),
        ]
        dice.shuffle(tried)
        score = await probe([". It is about the ".join(tried)])
        for name in DimensionName:
            for evidence in getattr(score.dimensions, name).evidence:
                for word in tried:
                    quoted[word in TERMS] += word in evidence.quote
    assert quoted[True] <= quoted[False] + 15, quoted
