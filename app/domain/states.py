"""Statuses, types and roles as enumerations; a test compares each with the CHECK constraint of its column."""

from enum import StrEnum


class Role(StrEnum):
    """The roles of callers; other roles in a token are ignored."""

    STUDENT = "student"
    ADVISOR = "advisor"
    AUTHOR = "author"
    ADMIN = "admin"


class QuestionType(StrEnum):
    """The types of questions."""

    THEORETICAL = "theoretical"
    PROFILE = "profile"
    ESSAY = "essay"


class ShowCorrect(StrEnum):
    """When a student reads the points, correctness and explanations of single theoretical questions: with each
    assessment of the track, with the last permitted attempt only, or never."""

    ALWAYS = "always"
    LAST_ATTEMPT = "last_attempt"
    NEVER = "never"


class Level(StrEnum):
    """The levels of students."""

    BEGINNER = "beginner"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"


class CredentialLevel(StrEnum):
    """The levels of credentials: those of students, and `any`, for all students or where it is not known."""

    BEGINNER = "beginner"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"
    ANY = "any"


class AssessmentStatus(StrEnum):
    """`in_progress` → `submitted` → `completed` or `failed`; or `in_progress` → `expired`. A later run may still
    complete a `failed` assessment."""

    IN_PROGRESS = "in_progress"
    SUBMITTED = "submitted"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        """Whether the assessment is over; the status stays during a later run, unless that completes a failed one."""
        return self in (AssessmentStatus.COMPLETED, AssessmentStatus.FAILED, AssessmentStatus.EXPIRED)


class JobType(StrEnum):
    """The jobs of a run: `gpt` scores essays, `rag` recommends credentials, `fusion` makes the result of both."""

    GPT = "gpt"
    RAG = "rag"
    FUSION = "fusion"


# The queue of webhook deliveries; each job type has a queue of its own name.
WEBHOOKS = "webhook"
QUEUES: tuple[str, ...] = (*JobType, WEBHOOKS)


class JobStatus(StrEnum):
    """`queued` → `in_progress` → `completed` or `failed`; and back to `queued` for a retry."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether the job has ended, with success or not."""
        return self in (JobStatus.COMPLETED, JobStatus.FAILED)


class EventType(StrEnum):
    """The events of webhook messages: the first result, the lack of one, a result that replaces another, an appeal of
    the student, and the answer to one."""

    COMPLETED = "assessment.completed"
    FAILED = "assessment.failed"
    RESCORED = "assessment.rescored"
    APPEALED = "assessment.appealed"
    APPEAL_ANSWERED = "assessment.appeal_answered"


class DeliveryStatus(StrEnum):
    """`pending` → `delivered`, `failed` (after the last attempt) or `cancelled`. A redelivery may still deliver a
    failed or cancelled one."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DisabledReason(StrEnum):
    """Why a webhook was disabled: it answered 410, or all attempts to deliver a message failed."""

    GONE = "gone"
    ATTEMPTS_FAILED = "attempts_failed"


class ScoreType(StrEnum):
    """The types of scores."""

    THEORETICAL = "theoretical"
    PROFILE = "profile"
    ESSAY_GPT = "essay_gpt"


class ReasonCode(StrEnum):
    """Why a result is degraded."""

    MISSING_RESPONSES = "missing_responses"
    ESSAY_SCORED_LOCALLY = "essay_scored_locally"
    ESSAY_UNSCORED = "essay_unscored"
    LANGUAGE_NOT_SUPPORTED = "language_not_supported"
    MODEL_BUDGET_SPENT = "model_budget_spent"
    RECOMMENDATIONS_FALLBACK = "recommendations_fallback"
    RECOMMENDATIONS_UNRANKED = "recommendations_unranked"
    RECOMMENDATIONS_UNAVAILABLE = "recommendations_unavailable"


class ReviewReason(StrEnum):
    """Why a score needs a person: two models differ, the confidence in it is too low, the essay seems to influence its
    grader or could not be checked for that, there is no score, or the student has appealed."""

    MODELS_DIFFER = "models_differ"
    LOW_CONFIDENCE = "low_confidence"
    SUSPECTED_INJECTION = "suspected_injection"
    INJECTION_CHECK_FAILED = "injection_check_failed"
    UNSCORED = "unscored"
    APPEAL = "appeal"


class ReviewOrder(StrEnum):
    """The orders of the review queue: longest waiting first, least confident first, or shuffled in the same way for
    everybody, so that the order says nothing about an item."""

    OLDEST = "oldest"
    CONFIDENCE = "confidence"
    SHUFFLED = "shuffled"


class AppealStatus(StrEnum):
    """`open` → `upheld`, the points are right, or `changed`."""

    OPEN = "open"
    UPHELD = "upheld"
    CHANGED = "changed"


class AppealDecision(StrEnum):
    """The decisions about an appeal: the points are right, or a person gives others."""

    UPHELD = "upheld"
    CHANGED = "changed"


class AppealFilter(StrEnum):
    """The appeals to list: those in a status, or all that were `answered`."""

    OPEN = "open"
    UPHELD = "upheld"
    CHANGED = "changed"
    ANSWERED = "answered"


class RunMode(StrEnum):
    """Which essays a run scores: those without a score; all of them again, because a person asked for it; or those for
    which the model's answer is stored already."""

    MISSING = "missing"
    RESCORE = "rescore"
    CACHED = "cached"


class ErasureStatus(StrEnum):
    """`pending` → `completed`."""

    PENDING = "pending"
    COMPLETED = "completed"


class AuditAction(StrEnum):
    """The actions in the audit log."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    RESTORE = "restore"
    RETRY = "retry"
    OVERRIDE = "override"
    RESCORE = "rescore"
    ROTATE = "rotate"
    REVOKE = "revoke"
    CONFIRM = "confirm"
    RESERVE = "reserve"
    RELEASE = "release"
    SUBMIT = "submit"
    ERASE = "erase"
    EXPORT = "export"
    ANSWER = "answer"


class AuditEntity(StrEnum):
    """The things in the audit log that actions change or export."""

    TRACK = "track"
    QUESTION = "question"
    CREDENTIAL = "credential"
    JOB = "job"
    DELIVERY = "delivery"
    SCORE = "score"
    ASSESSMENT = "assessment"
    API_KEY = "api_key"
    FEEDBACK = "feedback"
    WEBHOOK = "webhook"
    PERSON = "person"
    APPEAL = "appeal"
    AUDIT_LOG = "audit_log"
    EMBEDDING_SPACE = "embedding_space"
    SKILL_ALIASES = "skill_aliases"
