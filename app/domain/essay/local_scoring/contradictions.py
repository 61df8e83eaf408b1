"""What overlap of words cannot see: answers that use the reference answer's words and say something else."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from app.domain.essay.local_scoring import cues
from app.domain.essay.local_scoring.disclaimers import disclaimed_share
from app.domain.essay.local_scoring.lexical_analysis import content_stem, own_stems
from app.domain.essay.local_scoring.quantities import share_of_differing_facts
from app.domain.essay.local_scoring.roles import are_swapped, has_opposite
from app.domain.text import words

# Sentences with a smaller share of the reference sentence's content words are about something else, or say it in words
# of their own. Of correct answers, 1 to 3 % look swapped or have other numbers among so many common words.
_SAME_SENTENCE = 0.6

# One negation more or less changes the meaning only where the rest is the same.
_NEARLY_EQUAL = 0.75

# The share of the numbers and names that differ, and of the common words that are denied on one side only, from which
# on nothing of the statement is left.
_FACTS_FROM, _FACTS_TO = 0.15, 0.5
_DENIED_FROM, _DENIED_TO = 0.25, 0.5
_MIN_COMMON = 3
# Of the answers with such a share, a fifth to a half are correct nevertheless: they deny something else.
_DENIED_MOST = 0.6

# The same for the share of the reference answer's sentences that are turned round or denied.
_SENTENCES_FROM, _SENTENCES_TO = 0.0, 0.5

# How many more of the sentences have a negation than in the reference answer: nobody writes so except to deny it.
_NEGATED_FROM, _NEGATED_TO, _MIN_NEGATIONS = 0.5, 0.9, 2


class Contradiction(StrEnum):
    """A kind of contradiction between an answer and the reference answer."""

    DISCLAIMED = "disclaimed"
    SWAPPED = "swapped"
    FACTS = "facts"
    DENIED = "denied"
    OPPOSITE = "opposite"


def find_contradictions(
    prompt: str, model_answer: str, references: Sequence[str], answers: Sequence[str]
) -> dict[Contradiction, float]:
    """Each kind that was found, with how much of the answer it affects, 0–1; the sentences are those that count."""
    answer = " ".join(answers)
    pairs = _similar_pairs(references, answers, _SAME_SENTENCE)
    count = max(1, sum(bool(own_stems(left, prompt)) for left in references))
    swapped = {left for left, right in pairs if are_swapped(left, right)}
    near = _similar_pairs(references, answers, _NEARLY_EQUAL)
    denied = {pair for pair in near if _is_denied(*pair)}
    opposed = {left for left, right in near if (left, right) not in denied and has_opposite(left, right)}
    found = {
        Contradiction.DISCLAIMED: disclaimed_share(answers) - disclaimed_share(references),
        Contradiction.SWAPPED: _ramp(len(swapped) / count, _SENTENCES_FROM, _SENTENCES_TO),
        Contradiction.FACTS: _ramp(
            share_of_differing_facts(pairs, references, answers, prompt), _FACTS_FROM, _FACTS_TO
        ),
        Contradiction.DENIED: max(
            _denied(references, answers), _ramp(len(denied) / count, _SENTENCES_FROM, _SENTENCES_TO)
        ),
        Contradiction.OPPOSITE: max(
            float(cues.starts_opposed(model_answer, answer)),
            _ramp(len(opposed) / count, _SENTENCES_FROM, _SENTENCES_TO),
        ),
    }
    return {kind: min(1.0, value) for kind, value in found.items() if value > 0}


def _similar_pairs(references: Iterable[str], answers: Iterable[str], share: float) -> list[tuple[str, str]]:
    """The pairs of sentences in which the second has so many of the first one's content words."""
    own = [(right, _stems(right)) for right in answers]
    return [
        (left, right)
        for left in references
        for stems in [_stems(left)]
        for right, others in own
        if len(stems & others) >= share * max(_MIN_COMMON, len(stems))
    ]


def _is_denied(left: str, right: str) -> bool:
    """Whether a sentence denies what a sentence in nearly the same words says."""
    reference, answer = cues.Polarity.of([left]), cues.Polarity.of([right])
    if cues.have_opposites(reference.stems - answer.stems, answer.stems - reference.stems):
        return False
    return (reference.negations + answer.negations) % 2 == 1 and bool(
        (reference.denied ^ answer.denied) & reference.stems & answer.stems
    )


def _denied(references: Iterable[str], answers: Iterable[str]) -> float:
    """How far one side denies what the other says, 0–1."""
    reference, answer = cues.Polarity.of(references), cues.Polarity.of(answers)
    if cues.have_opposites(reference.stems - answer.stems, answer.stems - reference.stems):
        # "Not connected" may be what the other side calls separate.
        return 0.0
    common = reference.stems & answer.stems
    turned = {stem for stem in common if (stem in reference.denied) != (stem in answer.denied)}
    enough = len(common) >= (_MIN_COMMON if max(reference.clauses, answer.clauses) > 2 else 2)
    share = len(turned) / len(common) if enough else 0.0
    surplus = answer.negations - reference.negations
    rate = answer.negated_sentences - reference.negated_sentences
    mostly = _ramp(rate, _NEGATED_FROM, _NEGATED_TO) if surplus >= _MIN_NEGATIONS and turned else 0.0
    if surplus > _MIN_NEGATIONS and turned:
        mostly = max(mostly, _ramp(surplus / answer.clauses, _NEGATED_FROM, _NEGATED_TO))
    return max(_DENIED_MOST * _ramp(share, _DENIED_FROM, _DENIED_TO), mostly)


def _stems(text: str) -> set[str]:
    return {stem for word in words(text) if (stem := content_stem(word))}


def _ramp(value: float, start: float, end: float) -> float:
    return min(1.0, max(0.0, (value - start) / (end - start)))
