"""What machines note about scores, in words for the people who judge them."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.essay.score import InjectionCue
from app.domain.essay.second_opinion import NEEDS_REVIEW, SECOND_OPINION_MISSING
from app.domain.result.model import EssayLine, QuestionLine
from app.domain.states import ReviewOrder, ReviewReason
from app.pages.evidence import reveal_hidden

REASONS: Mapping[ReviewReason, str] = {
    ReviewReason.APPEAL: "Appeal",
    ReviewReason.LOW_CONFIDENCE: "Low confidence",
    ReviewReason.MODELS_DIFFER: "Two models differ",
    ReviewReason.SUSPECTED_INJECTION: "Suspected injection",
    ReviewReason.INJECTION_CHECK_FAILED: "Not checked for injection",
    ReviewReason.UNSCORED: "No score",
}
ORDERS: Mapping[ReviewOrder, str] = {
    ReviewOrder.OLDEST: "Longest waiting first",
    ReviewOrder.CONFIDENCE: "Least confident first",
    ReviewOrder.SHUFFLED: "Shuffled, the same for everybody",
}
_FLAGS: Mapping[str, str] = {
    NEEDS_REVIEW: "The scores contradict each other, or rest on nothing in the essay.",
    ReviewReason.LOW_CONFIDENCE: "The confidence in the machine's score is low.",
    ReviewReason.SUSPECTED_INJECTION: "The essay has text that may be meant to influence whoever grades it.",
    ReviewReason.INJECTION_CHECK_FAILED: "It could not be checked whether the essay tries to influence its grader.",
    SECOND_OPINION_MISSING: "The second model gave no score.",
    "quote_not_found": "The model quoted something that is not in the essay; the quote was left out.",
    "no_evidence": "Some points have no quote from the essay that they rest on.",
    "rationale_withheld": "A rationale was withheld because it gave the model answer or the rubric away.",
}
_CUES: Mapping[InjectionCue, str] = {
    InjectionCue.ADDRESSES_GRADER: "The model says that this passage addresses whoever grades the essay:",
    InjectionCue.WORDING: "By its words, this passage seems to address whoever grades the essay:",
    InjectionCue.ENCODED: "This is an encoded text that seems to address whoever grades the essay:",
    InjectionCue.HIDDEN_TEXT: "This passage has a text that cannot be seen:",
    InjectionCue.SPLIT_WORDS: "In this passage, words have characters in them that cannot be seen:",
    InjectionCue.LOOK_ALIKES: "In this passage, words mix letters of alphabets that look alike:",
}
_NO_POINTS = "–"


@dataclass(frozen=True)
class ShownSuspicion:
    """What shows that an essay seems to influence its grader, and the passage."""

    cue: str
    quote: str


def flag_texts(line: EssayLine | QuestionLine) -> list[str]:
    """The remarks on the score."""
    flags = line.flags if isinstance(line, EssayLine) else ()
    return [_FLAGS.get(flag, flag.replace("_", " ")) for flag in flags]


def shown_suspicion(line: EssayLine | QuestionLine | None) -> ShownSuspicion | None:
    """The passage for which an essay is suspected; None for most."""
    suspicion = line.suspicion if isinstance(line, EssayLine) else None
    return ShownSuspicion(_CUES[suspicion.cue], reveal_hidden(suspicion.quote)) if suspicion else None


def scorer_name(line: EssayLine | QuestionLine) -> str:
    """Who has scored the question, of the machines."""
    if not isinstance(line, EssayLine):
        return "By rule"
    if line.scorer == "local":
        return "Local estimate"
    return f"Model {line.model}" if line.model else "No scorer"
