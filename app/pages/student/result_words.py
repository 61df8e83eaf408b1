"""What students read about how their scores came about, in words."""

from collections.abc import Iterable, Mapping

from app.domain.essay.score import DimensionName
from app.domain.essay.second_opinion import NEEDS_REVIEW, SECOND_OPINION_MISSING
from app.domain.result.model import Override, Reason
from app.domain.states import AppealStatus, ReasonCode, ReviewReason
from app.schemas.result import EssayLineView

DIMENSIONS: Mapping[DimensionName, tuple[str, str]] = {
    DimensionName.RELEVANCE: ("Relevance", "how well it answers the question"),
    DimensionName.DEPTH: ("Depth", "how far it goes into it"),
    DimensionName.CLARITY: ("Clarity", "how well it can be followed"),
    DimensionName.TECHNICAL: ("Technical correctness", "whether what it says is right"),
}
APPEAL_STATES: Mapping[AppealStatus, str] = {
    AppealStatus.OPEN: "A person will look at it.",
    AppealStatus.UPHELD: "A person has looked at it, and the points stay.",
    AppealStatus.CHANGED: "A person has looked at it and changed the points.",
}
_REASONS: Mapping[ReasonCode, str] = {
    ReasonCode.MISSING_RESPONSES: "Questions without an answer earn no points.",
    ReasonCode.ESSAY_SCORED_LOCALLY: "The language model was not available, so simpler means were used. As soon as it"
    " is, these essays are scored again by themselves.",
    ReasonCode.ESSAY_UNSCORED: "What has no score is left out of the total until a person scores it.",
    ReasonCode.LANGUAGE_NOT_SUPPORTED: "Without the language model, only English essays are scored. What has no score"
    " is left out of the total until the model or a person scores it.",
    ReasonCode.MODEL_BUDGET_SPENT: "Essays that could not be sent were estimated by simpler means.",
    ReasonCode.RECOMMENDATIONS_FALLBACK: "So the courses may suit you less well than usual.",
    ReasonCode.RECOMMENDATIONS_UNRANKED: "So the reasons are in plain words.",
    ReasonCode.RECOMMENDATIONS_UNAVAILABLE: "There are no recommendations this time.",
}
_FLAGS: Mapping[str, str] = {
    "quote_not_found": "Passages that were named, but are not in your essay word for word, were left out.",
    "rationale_withheld": "A part of the explanation is not shown, because it would give away the expected answer.",
    "no_evidence": "For a part of the points, no passage of your essay was named.",
    NEEDS_REVIEW: "There is doubt about this score, so a person looks at it.",
    SECOND_OPINION_MISSING: "No second model could be asked.",
    ReviewReason.LOW_CONFIDENCE: "This score is uncertain, so it is provisional until a person has looked at it.",
    ReviewReason.SUSPECTED_INJECTION: "A part of the essay reads like an instruction to whoever scores it, so a person"
    " looks at it.",
    ReviewReason.INJECTION_CHECK_FAILED: "One of the checks of this essay could not be made, so a person looks at it.",
}
_SURE = ((0.75, "very sure"), (0.5, "fairly sure"), (0.3, "not very sure"), (0.0, "unsure"))


def reason_in_words(reason: Reason) -> str:
    """Why a result is not as it should be, and what that means."""
    detail = reason.detail[:1].upper() + reason.detail[1:].rstrip(".")
    return f"{detail}. {_REASONS[reason.code]}"


def notes_in_words(flags: Iterable[str]) -> list[str]:
    """The remarks on a score that a student understands."""
    return [_FLAGS[flag] for flag in flags if flag in _FLAGS]


def scorer_in_words(line: EssayLineView) -> str | None:
    """Who or what gave the points of an essay, and how sure it was."""
    if line.scorer is None:
        return None
    sure = "" if line.confidence is None else f" It was {next(word for at, word in _SURE if line.confidence >= at)}."
    if line.scorer == "local":
        return f"Estimated on this server by simpler means than a language model ({line.model}).{sure}"
    return f"Scored by the language model {line.model} (instructions {line.prompt_version}).{sure}"


def override_in_words(override: Override | None) -> str | None:
    """What a person did with the score."""
    if override is None:
        return None
    return "A person has confirmed this score." if override.confirmed else "A person gave these points."
