"""Builders of domain values for tests, and strategies for Hypothesis."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st

from app.domain.assessment.questions import ProfileInput, Question, QuestionBody
from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.essay.score import Dimension, Dimensions
from app.domain.recommendation.query import Candidate
from app.domain.result.fusion import FusionInput
from app.domain.result.model import EssayLine, Override, Processing, Reason
from app.domain.states import ScoreType
from tests.bank import essay, profile, theory

# Few examples, because the domain tests run often; no deadline, because machines stall.
quick = settings(max_examples=40, deadline=None)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

_AWKWARD = (
    "e\u0301",  # a combining mark
    "👩🏽‍💻",
    "שלום.",
    "\u200b",
    "\u202eabc",
    "\r\n",
    "\n\n",
    "\u2028",
    "\x85",
    "...",
    "?!",
    "!”) ",
    ". ",
    "İ",
    "ﬁn. ",
    "A" * 310,
    "Plain words. ",
)
awkward_texts = st.lists(st.one_of(st.sampled_from(_AWKWARD), st.text(max_size=5)), max_size=14).map("".join)


def numbered_id(number: int) -> UUID:
    """A UUID made of the number; sorts like the number."""
    return UUID(int=number)


def make_question(body: QuestionBody, number: int = 1) -> Question:
    """The first version of a question with this body."""
    return Question(question_id=numbered_id(number), version=1, body=body)


def question_score(number: int, score: float, maximum: float, *, missing: bool = False) -> QuestionScore:
    """One question's score by rule."""
    return QuestionScore(question_id=numbered_id(number), score=score, max_score=maximum, missing=missing)


def essay_line(number: int, score: float | None, maximum: float = 1.0, *, missing: bool = False) -> EssayLine:
    """One essay's line in a result; without a score, it has a reason."""
    reason = "essay_unscored" if score is None else None
    return EssayLine(question_id=numbered_id(number), score=score, max_score=maximum, missing=missing, reason=reason)


def dimensions(*scores: int) -> Dimensions:
    """The four dimensions of an essay with these scores."""
    relevance, depth, clarity, technical = (Dimension(score=score, rationale="So.") for score in scores)
    return Dimensions(relevance=relevance, depth=depth, clarity=clarity, technical=technical)


def candidate(
    credential: int, passage: int, similarity: float | None = None, skills: tuple[str, ...] = ()
) -> Candidate:
    """A passage found by a search, with ids made of the numbers."""
    return Candidate(
        passage_id=numbered_id(1000 + passage),
        credential_id=numbered_id(credential),
        credential_version=1,
        title=f"Credential {credential}",
        provider="Garden School",
        url="https://garden.example",
        level="beginner",
        skills=skills,
        start=10,
        end=14,
        text="Soil",
        similarity=similarity,
    )


def run_facts(
    theoretical: tuple[QuestionScore, ...] = (),
    profiles: tuple[QuestionScore, ...] = (),
    essays: tuple[EssayLine, ...] = (),
    reasons: tuple[Reason, ...] = (),
    overrides: dict[UUID, Override] | None = None,
) -> FusionInput:
    """The facts of a run whose questions match the score lines."""
    questions = (
        *(
            make_question(theory(("A",), weight=line.max_score, skills=("soil",)), line.question_id.int)
            for line in theoretical
        ),
        *(make_question(profile(ProfileInput.TEXT), line.question_id.int) for line in profiles),
        *(make_question(essay(weight=line.max_score), line.question_id.int) for line in essays),
    )
    return FusionInput(
        assessment_id=numbered_id(1),
        track="gardener",
        completed_at=NOON,
        questions=questions,
        rule_scores={ScoreType.THEORETICAL: theoretical, ScoreType.PROFILE: profiles},
        essays=essays,
        recommendations=(),
        reasons=reasons,
        processing=Processing(duration_ms=1, stages={}, tokens=0, cost_usd=0.0),
        overrides=overrides or {},
    )
