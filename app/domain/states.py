"""The sets of statuses and types; a test holds each against the CHECK of its column."""

from enum import StrEnum


class Role(StrEnum):
    """What a caller may be; unknown roles of a token are ignored."""

    STUDENT = "student"
    ADVISOR = "advisor"
    ADMIN = "admin"


class QuestionType(StrEnum):
    """The kinds of questions."""

    THEORETICAL = "theoretical"
    PROFILE = "profile"
    ESSAY = "essay"


class Level(StrEnum):
    """How much a credential asks for."""

    BEGINNER = "beginner"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"


class AssessmentStatus(StrEnum):
    """`in_progress` → `submitted` → `completed` or `failed`; or `in_progress` → `expired`. A later run may make a
    `failed` one `completed`."""

    IN_PROGRESS = "in_progress"
    SUBMITTED = "submitted"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        """Whether the assessment is over; a later run only shows beside such a status."""
        return self in (AssessmentStatus.COMPLETED, AssessmentStatus.FAILED, AssessmentStatus.EXPIRED)


class JobType(StrEnum):
    """The jobs of a run; `fusion` joins the other two."""

    GPT = "gpt"
    RAG = "rag"
    FUSION = "fusion"


# The queue of webhook deliveries, beside those of the types of jobs.
WEBHOOKS = "webhook"
QUEUES: tuple[str, ...] = (*JobType, WEBHOOKS)


class JobStatus(StrEnum):
    """`queued` → `in_progress` → `completed` or `failed`; and back to `queued`, to be tried again."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing more will be tried."""
        return self in (JobStatus.COMPLETED, JobStatus.FAILED)


class EventType(StrEnum):
    """What a webhook is told of: the first result, none, or one that takes the place of another."""

    COMPLETED = "assessment.completed"
    FAILED = "assessment.failed"
    RESCORED = "assessment.rescored"


class DeliveryStatus(StrEnum):
    """`pending` → `delivered`, `failed` (after the last try) or `cancelled`. A redelivery may still make a failed or
    cancelled one `delivered`."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DisabledReason(StrEnum):
    """Why nothing is sent to a webhook any more: it answered 410, or all tries of a message failed."""

    GONE = "gone"
    ATTEMPTS_FAILED = "attempts_failed"


class ScoreType(StrEnum):
    """The kinds of score rows."""

    THEORETICAL = "theoretical"
    PROFILE = "profile"
    ESSAY_GPT = "essay_gpt"


class ReasonCode(StrEnum):
    """Why a result is degraded."""

    MISSING_RESPONSES = "missing_responses"
    ESSAY_SCORED_LOCALLY = "essay_scored_locally"
    ESSAY_UNSCORED = "essay_unscored"
    MODEL_BUDGET_SPENT = "model_budget_spent"
    RECOMMENDATIONS_FALLBACK = "recommendations_fallback"
    RECOMMENDATIONS_UNAVAILABLE = "recommendations_unavailable"


class RunMode(StrEnum):
    """Which essays a run scores: those without a score; all of them again, because a person asked for it; or those for
    which the model's answer is stored already."""

    MISSING = "missing"
    RESCORE = "rescore"
    CACHED = "cached"


class AuditAction(StrEnum):
    """What an advisor or admin did."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    RETRY = "retry"
    OVERRIDE = "override"
    RESCORE = "rescore"


class AuditEntity(StrEnum):
    """What they did it to."""

    TRACK = "track"
    QUESTION = "question"
    CREDENTIAL = "credential"
    JOB = "job"
    DELIVERY = "delivery"
    SCORE = "score"
    ASSESSMENT = "assessment"
