"""The result of an assessment and the webhook message about it, as frozen models."""

from datetime import datetime
from uuid import UUID

from assay_client.models import DegradedReason, Links, Model, Override, QuestionAppeal, ScoreSummary

_REVIEW_FLAGS = frozenset({"needs_review", "low_confidence", "suspected_injection", "injection_check_failed"})


class Evidence(Model):
    """A quote and its place in the student's answer, in code points."""

    quote: str
    start: int
    end: int


class Dimension(Model):
    """The points of one dimension of the rubric, with rationale and quotes."""

    score: int
    max_score: int = 25
    rationale: str
    evidence: tuple[Evidence, ...] = ()


class Dimensions(Model):
    """The four dimensions of the rubric."""

    relevance: Dimension
    depth: Dimension
    clarity: Dimension
    technical: Dimension


class SecondOpinion(Model):
    """The points, 0–100, that another model gave the same essay."""

    model: str
    total: int


class Suspicion(Model):
    """The passage for which an essay is suspected to influence its grader; `cue` says what shows it."""

    cue: str
    quote: str
    start: int
    end: int


class EssayScore(Model):
    """The score of one essay; `score` is the scorer's, or None with a `reason` where the essay could not be scored. A
    `provisional` line may still change."""

    question_id: UUID
    score: float | None = None
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
    repairs: tuple[str, ...] = ()
    suspicion: Suspicion | None = None
    override: Override | None = None
    provisional: bool = False
    appeal: QuestionAppeal | None = None

    @property
    def points(self) -> float | None:
        """The score that counts: the person's, or else the scorer's; None where there is neither."""
        return self.override.score if self.override else self.score

    @property
    def needs_review(self) -> bool:
        """Whether a person has to look at the essay: its score is missing or doubtful, and no person has
        changed or confirmed it."""
        return self.override is None and (self.score is None or not _REVIEW_FLAGS.isdisjoint(self.flags))


class EssaySummary(Model):
    """The points of all essays that were scored; None where there is none. `unscored` counts the others."""

    score: float | None = None
    max_score: float
    percentage: float | None = None
    count: int | None = None
    missing: int | None = None
    unscored: int | None = None
    questions: tuple[EssayScore, ...]


class Breakdown(Model):
    """The points by type of question."""

    theoretical: ScoreSummary
    profile: ScoreSummary
    essay: EssaySummary


class ScoreRange(Model):
    """A percentage with the essays that have no score at zero points, and at full points."""

    low: float
    high: float


class Overall(Model):
    """All points together; `max_score` leaves out what could not be scored, and the score is None where that was
    everything. While something is left out, the total is `provisional`, and `range` says what the percentage would be
    with it."""

    score: float | None = None
    max_score: float
    percentage: float | None = None
    provisional: bool = False
    range: ScoreRange | None = None


class SkillEstimate(Model):
    """How well a skill was shown, 0–1, with the range of uncertainty."""

    skill: str
    level: float
    low: float
    high: float
    gap: bool
    sources: tuple[str, ...]


class SummarySentence(Model):
    """A sentence and its sources: `score:{question_id}` or `passage:{passage_id}`."""

    text: str
    sources: tuple[str, ...]


class RecommendationSource(Model):
    """A quote and its place, in code points, in the description of one version of the credential, or in its title where
    it has no description."""

    passage_id: UUID
    credential_version: int
    quote: str
    start: int
    end: int
    similarity: float | None = None


class AnswerQuote(Model):
    """A quote and its place, in code points, in the answer to a profile question, or in the text of its option."""

    question_id: UUID
    option_id: str | None = None
    quote: str
    start: int
    end: int


class Recommendation(Model):
    """A recommended credential with the quotes that support it; `relevance` 0–1, and `url` empty if none is known.
    `ranked_by` and `reason_by` are "rules" or "model"; `answers` are what a model's reason quotes of the student."""

    rank: int
    credential_id: UUID
    title: str
    provider: str
    url: str
    relevance: float
    reason: str
    sources: tuple[RecommendationSource, ...]
    ranked_by: str = "rules"
    reason_by: str = "rules"
    answers: tuple[AnswerQuote, ...] = ()


class Processing(Model):
    """What the run took: milliseconds in all and by job type, tokens, and dollars where the price is known."""

    duration_ms: int
    stages: dict[str, int]
    tokens: int
    cost_usd: float | None = None


class Result(Model):
    """The result of an assessment."""

    assessment_id: UUID
    track: str
    status: str
    completed_at: datetime
    degraded: bool
    degraded_reasons: tuple[DegradedReason, ...]
    overall: Overall
    breakdown: Breakdown
    skills: tuple[SkillEstimate, ...]
    summary: tuple[SummarySentence, ...]
    recommendations: tuple[Recommendation, ...]
    processing: Processing

    @property
    def needs_review(self) -> bool:
        """Whether a person has to look at an essay."""
        return any(essay.needs_review for essay in self.breakdown.essay.questions)


class MessageAppeal(Model):
    """The appeal that a webhook message is about; `decision` is `upheld` or `changed` in the message of the answer."""

    appeal_id: UUID
    question_id: UUID
    decision: str | None = None


class MessageData(Model):
    """What a webhook message says about an assessment; `appeal` only if it is about one, and the `owner` only to
    service-wide webhooks."""

    assessment_id: UUID
    track: str | None = None
    run: int | None = None
    status: str
    overall: Overall | None = None
    degraded: bool
    degraded_reasons: tuple[DegradedReason, ...]
    completed_at: datetime | None = None
    links: Links
    owner: str | None = None
    appeal: MessageAppeal | None = None


class Message(Model):
    """A webhook message; `type` is `assessment.completed`, `assessment.failed`, `assessment.rescored`,
    `assessment.appealed`, `assessment.appeal_answered` or a later one."""

    type: str
    timestamp: datetime
    data: MessageData
