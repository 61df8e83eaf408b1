"""Fixtures: an advisor, and doubtful scores that wait for a person."""

import re
from dataclasses import dataclass
from html import unescape
from uuid import UUID

import pytest

from app.domain.essay.score import Dimension, DimensionName, Dimensions, EssayScore, find_quote
from app.repositories.sql import Pool
from tests.bank import ESSAY, Bank
from tests.pages.conftest import NewPerson, Person, Shown
from tests.scored_assessments import completed_assessment, essay_score

QUOTES = ("Water rises in the xylem.", "cohesion keeps the column whole", "Roots take water in", "Water rises")


def with_evidence(score: EssayScore, essay: str = ESSAY, quotes: tuple[str, ...] = QUOTES) -> EssayScore:
    """The score with a quote of the essay for each dimension, and rationales that tests find."""
    dimensions = {}
    for name, quote in zip(DimensionName, quotes, strict=True):
        evidence = find_quote(quote, essay)
        assert evidence, quote
        points = getattr(score.dimensions, name).score
        dimensions[str(name)] = Dimension(score=points, rationale=f"Rationale of {name}.", evidence=(evidence,))
    return score.model_copy(update={"dimensions": Dimensions(**dimensions)})


DOUBTED = with_evidence(essay_score("gpt", 40)).model_copy(update={"confidence": 0.2})
INJECTED = with_evidence(essay_score("local", 60, "suspected_injection"))
GOOD = essay_score("gpt", 80)


@dataclass(frozen=True)
class Item:
    """An item of the queue, with what a browser sends from its page."""

    assessment_id: UUID
    question_id: UUID

    @property
    def path(self) -> str:
        """The path of its page."""
        return f"/dashboard/review/{self.assessment_id}/{self.question_id}"


@pytest.fixture
async def advisor(person: NewPerson) -> Person:
    """An advisor."""
    return await person("advisor-1", "advisor")


@pytest.fixture
async def doubted(pool: Pool, bank: Bank) -> Item:
    """An essay with 10 points in each dimension, with low confidence in them."""
    assessment_id = await completed_assessment(pool, bank, essays={"essay": DOUBTED, "essay_two": GOOD})
    return Item(assessment_id, bank.ids["essay"])


def hidden_field(page: Shown, name: str) -> str:
    """The value of a hidden field."""
    match = re.search(rf'name="{name}" value="([^"]*)"', page.html)
    assert match, page.text
    return unescape(match[1])


def action(page: Shown, step: str) -> str:
    """The address that one of the page's forms is sent to."""
    match = re.search(rf'action="([^"]*/{step}[^"]*)"', page.html)
    assert match, page.text
    return unescape(match[1])


async def send(person: Person, page: Shown, step: str, **fields: str) -> Shown:
    """Sends the form of a page that an item was shown on."""
    return await person.post(action(page, step), {"seen": hidden_field(page, "seen")} | fields)
