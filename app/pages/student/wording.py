"""What students read about durations, numbers of questions and states, in words."""

from collections.abc import Mapping
from datetime import datetime

from app.domain.assessment.attempts import Attempts
from app.domain.assessment.progress import StageName
from app.domain.assessment.tracks import QuestionMix
from app.domain.states import AssessmentStatus
from app.domain.text import count_of

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
# From here on, minutes do not interest anybody.
_ONLY_HOURS_FROM = 10 * _HOUR
_ONLY_DAYS_FROM = 3 * _DAY
STATES: Mapping[AssessmentStatus, str] = {
    AssessmentStatus.IN_PROGRESS: "Open",
    AssessmentStatus.SUBMITTED: "Being scored",
    AssessmentStatus.COMPLETED: "Finished",
    AssessmentStatus.FAILED: "No result",
    AssessmentStatus.EXPIRED: "Not submitted in time",
}
STAGES: Mapping[StageName, str] = {
    StageName.RULE_SCORE: "Checking what you know",
    StageName.GPT: "Reading your essays",
    StageName.RAG: "Looking for courses that suit you",
    StageName.FUSION: "Putting your result together",
}


def duration(seconds: float) -> str:
    """The duration as people say it: never longer than it is, and as exact as matters."""
    whole = max(0, int(seconds))
    if whole >= _ONLY_DAYS_FROM:
        return count_of(whole // _DAY, "day")
    hours, minutes = whole // _HOUR, whole % _HOUR // _MINUTE
    if whole >= _ONLY_HOURS_FROM:
        return count_of(hours, "hour")
    if hours:
        return count_of(hours, "hour") + (f" {count_of(minutes, 'minute')}" if minutes else "")
    return count_of(minutes, "minute") if minutes else "less than a minute"


def mix_in_words(mix: QuestionMix) -> str:
    """How many questions of which kind an assessment has."""
    parts = [
        f"{mix.theoretical} about what you know" if mix.theoretical else "",
        f"{mix.profile} about yourself" if mix.profile else "",
        count_of(mix.essay, "essay") if mix.essay else "",
    ]
    return f"{count_of(mix.total, 'question')}: {', '.join(part for part in parts if part)}"


def attempts_in_words(attempts: Attempts) -> str | None:
    """How often the track may still be started; None where it may be started at any time."""
    if attempts.permitted is None:
        return None
    left = max(0, attempts.permitted - attempts.used)
    if left == 0:
        return (
            f"You have used {'your only attempt' if attempts.permitted == 1 else f'all {attempts.permitted} attempts'}."
        )
    return f"{count_of(left, 'attempt')} of {attempts.permitted} left."


def startable_from(attempts: Attempts) -> datetime | None:
    """When the next attempt may be started; None if that is now or never."""
    exhausted = attempts.permitted is not None and attempts.used >= attempts.permitted
    return None if exhausted or attempts.next_at is None or attempts.next_at <= attempts.now else attempts.next_at


def startable_now(attempts: Attempts) -> bool:
    """Whether the next attempt may be started now."""
    exhausted = attempts.permitted is not None and attempts.used >= attempts.permitted
    return not exhausted and startable_from(attempts) is None
