"""The result of a run, as it is stored and as students read it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from app.domain.assessment.rule_scoring import QuestionScore, ScoreSummary
from app.domain.essay.score import DIMENSIONS_TOTAL, DimensionPoints, Dimensions, SecondOpinion, Suspicion
from app.domain.essay.second_opinion import NEEDS_REVIEW
from app.domain.principal import Principal
from app.domain.states import AssessmentStatus, JobType, ReasonCode, ReviewReason
from app.domain.values import End, Frozen, Start

# The flags that bring an essay to a person; the function `review_reasons` of the database tells the reasons from them.
REVIEW_FLAGS = frozenset({
    NEEDS_REVIEW, ReviewReason.LOW_CONFIDENCE, ReviewReason.SUSPECTED_INJECTION, ReviewReason.INJECTION_CHECK_FAILED,
})  # fmt: skip


class Reason(Frozen):
    """Why a result is degraded; `stage` is the part of the work where it happened."""

    code: ReasonCode
    stage: str
    detail: str


class Overall(Frozen):
    """The total; `max_score` leaves out what could not be scored, and null means that nothing could or that no question
    has points."""

    score: float | None
    max_score: float
    percentage: float | None


class Override(Frozen):
    """A person's score in points; it counts in place of the machine's. It has `dimensions` if it was given by
    dimension, and `confirmed` if the person agreed with the machine's score."""

    score: float
    reason: str
    by: Principal
    at: datetime
    # Left out otherwise: versions before these fields would not read them.
    dimensions: DimensionPoints | None = Field(default=None, exclude_if=lambda dimensions: dimensions is None)
    confirmed: bool = Field(default=False, exclude_if=lambda confirmed: not confirmed)


class QuestionLine(QuestionScore):
    """One question that was scored by rule; `score` stays the rule's, even with an override."""

    override: Override | None = None

    @property
    def points(self) -> float:
        """The score that counts: the override, or else the rule's."""
        return self.override.score if self.override else self.score


class RulePart(ScoreSummary):
    """All questions of one type; score and percentage include overrides."""

    questions: tuple[QuestionLine, ...]


class EssayLine(Frozen):
    """One essay; `score` is the machine's, null with a `reason` if no scorer could score it. `repairs` says what was
    repaired in the model's answer to read it, `suspicion` quotes the passage for which the essay is flagged
    `suspected_injection`."""

    question_id: UUID
    score: float | None
    max_score: float
    missing: bool = False
    reason: str | None = None
    scorer: str | None = None
    model: str | None = None
    prompt_version: str | None = None
    confidence: float | None = None
    dropped_quotes: int = 0
    dimensions: Dimensions | None = None
    second_opinion: SecondOpinion | None = None
    flags: tuple[str, ...] = ()
    # Left out where empty: the versions before these fields would not read them.
    repairs: tuple[str, ...] = Field(default=(), exclude_if=lambda repairs: not repairs)
    suspicion: Suspicion | None = Field(default=None, exclude_if=lambda suspicion: suspicion is None)
    override: Override | None = None

    @property
    def points(self) -> float | None:
        """The score that counts: the override, or else the machine's; None without either."""
        return self.override.score if self.override else self.score

    @property
    def share(self) -> float | None:
        """The share of the points that was earned, 0–1, of an essay without points by its dimensions; None without a
        score."""
        if self.points is None or self.max_score:
            return None if self.points is None else self.points / self.max_score
        return self.dimensions.total / DIMENSIONS_TOTAL if self.dimensions else 0.0

    @property
    def is_provisional(self) -> bool:
        """Whether the essay has no score, or one of low confidence that no person has confirmed or changed."""
        return self.override is None and (self.score is None or ReviewReason.LOW_CONFIDENCE in self.flags)

    @property
    def needs_review(self) -> bool:
        """Whether a person should look at the essay: it has no score, or one that is in doubt. False once a person has
        scored it or confirmed its score."""
        return self.override is None and (self.score is None or not REVIEW_FLAGS.isdisjoint(self.flags))


class EssaySummary(Frozen):
    """All essays. Score, maximum and percentage are those of the scored ones; score and percentage are null without
    scored ones, and the percentage also if they have no points. `unscored` counts the others."""

    score: float | None
    max_score: float
    percentage: float | None
    count: int
    missing: int
    unscored: int
    questions: tuple[EssayLine, ...]


class Breakdown(Frozen):
    """The points by type of question."""

    theoretical: RulePart
    profile: RulePart
    essay: EssaySummary


class SkillEstimate(Frozen):
    """The estimated level of a skill, 0–1, with its uncertainty."""

    skill: str
    level: float = Field(ge=0, le=1)
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)
    gap: bool
    sources: tuple[str, ...] = Field(min_length=1)


class SummarySentence(Frozen):
    """A sentence with its sources: `score:{question_id}` or `passage:{passage_id}`."""

    text: str
    sources: tuple[str, ...] = Field(min_length=1)


class RecommendationSource(Frozen):
    """A quote from the description of one version of the credential, or from its title where it has no description; its
    position counts code points."""

    passage_id: UUID
    credential_version: int
    quote: str
    start: Start
    end: End
    similarity: float | None


class AnswerQuote(Frozen):
    """A quote of the student's answer to a profile question, or of the option with `option_id` that they chose; its
    position counts code points."""

    question_id: UUID
    option_id: str | None = None
    quote: str
    start: Start
    end: End


class Recommendation(Frozen):
    """A recommended credential with the reason and the quoted passages; `relevance` is 0–1, and `url` empty if none is
    known. `ranked_by` and `reason_by` say whether a language model has placed it and worded its reason, or the rules of
    this service; `answers` are what a model's reason quotes of the student."""

    rank: int
    credential_id: UUID
    title: str
    provider: str
    url: str
    relevance: float = Field(ge=0, le=1)
    reason: str
    sources: tuple[RecommendationSource, ...] = Field(min_length=1)
    # Left out otherwise: versions before these fields would not read them.
    ranked_by: Literal["rules", "model"] = Field(default="rules", exclude_if=lambda by: by == "rules")
    reason_by: Literal["rules", "model"] = Field(default="rules", exclude_if=lambda by: by == "rules")
    answers: tuple[AnswerQuote, ...] = Field(default=(), exclude_if=lambda quotes: not quotes)


class Processing(Frozen):
    """What the run took: milliseconds from start to result and of each job, tokens, and dollars of the calls whose
    price is known, null if it is known of none."""

    duration_ms: int
    stages: dict[JobType, int]
    tokens: int
    cost_usd: float | None


class Result(Frozen):
    """The final result of a run."""

    assessment_id: UUID
    track: str
    status: AssessmentStatus
    completed_at: datetime
    degraded: bool
    degraded_reasons: tuple[Reason, ...]
    overall: Overall
    breakdown: Breakdown
    skills: tuple[SkillEstimate, ...]
    summary: tuple[SummarySentence, ...]
    recommendations: tuple[Recommendation, ...]
    processing: Processing

    @property
    def needs_review(self) -> bool:
        """Whether a person should look at one of the essays."""
        return any(line.needs_review for line in self.breakdown.essay.questions)
