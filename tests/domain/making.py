"""Values that the tests of the core are made of."""

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

# Few examples, for a folder that runs at each save; no deadline, since machines stall.
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


def nth(number: int) -> UUID:
    """The same id for the same number, in the order of the numbers."""
    return UUID(int=number)


def asked(body: QuestionBody, number: int = 1) -> Question:
    """The question in its first version."""
    return Question(question_id=nth(number), version=1, body=body)


def line(number: int, score: float, maximum: float, *, missing: bool = False) -> QuestionScore:
    """A line of the rule scores."""
    return QuestionScore(question_id=nth(number), score=score, max_score=maximum, missing=missing)


def essay_line(number: int, score: float | None, maximum: float = 1.0, *, missing: bool = False) -> EssayLine:
    """A line of the essays; without a score it has a reason."""
    reason = "essay_unscored" if score is None else None
    return EssayLine(question_id=nth(number), score=score, max_score=maximum, missing=missing, reason=reason)


def dimensions(*scores: int) -> Dimensions:
    """Four dimensions with these points."""
    relevance, depth, clarity, technical = (Dimension(score=score, rationale="So.") for score in scores)
    return Dimensions(relevance=relevance, depth=depth, clarity=clarity, technical=technical)


def candidate(
    credential: int, passage: int, similarity: float | None = None, skills: tuple[str, ...] = ()
) -> Candidate:
    """A passage of a credential, both known by their numbers."""
    return Candidate(
        passage_id=nth(1000 + passage),
        credential_id=nth(credential),
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


def facts(
    theoretical: tuple[QuestionScore, ...] = (),
    profiles: tuple[QuestionScore, ...] = (),
    essays: tuple[EssayLine, ...] = (),
    reasons: tuple[Reason, ...] = (),
    overrides: dict[UUID, Override] | None = None,
) -> FusionInput:
    """A run whose questions are those of the lines."""
    questions = (
        *(asked(theory(("A",), weight=each.max_score, skills=("soil",)), each.question_id.int) for each in theoretical),
        *(asked(profile(ProfileInput.TEXT), each.question_id.int) for each in profiles),
        *(asked(essay(weight=each.max_score), each.question_id.int) for each in essays),
    )
    return FusionInput(
        assessment_id=nth(1),
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
