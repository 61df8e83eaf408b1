"""Discounts: answers off the topic, contradictions, words in random order and lists of keywords lose points."""

from collections.abc import Mapping

import numpy as np

from app.domain.essay.local_scoring import cues
from app.domain.essay.local_scoring.alignment import Floats, Indexes, Tokens, weighted_mean
from app.domain.essay.local_scoring.comparison import AnswerComparison, text_similarity
from app.domain.essay.local_scoring.lexical_analysis import FUNCTION_WORDS, stems
from app.domain.text import sentences, words

DISCOUNTS: Mapping[str, float] = {"far": 0.9, "conflict": 0.6, "disorder": 0.9, "listing": 0.9}
"""The measures, 0–1, that take away a part of the estimate, with the largest part that each takes. They were set by
hand, since people's answers contain hardly any examples."""

# From this similarity on, two words mean the same.
_SAME = 0.55

# Texts that have less than this in common, in weighted words, hardly contradict each other.
_MIN_NOVELTY = 0.5

# Lists differ from prose by their lack of function words; a short answer or a formula may have none. Only function
# words of up to three letters count: longer ones get into lists made of any text's longer words.
_LIST_FROM, _LIST_TO = 12, 30
_PROSE_FROM, _PROSE_TO = 0.03, 0.14

# Whether the answer is about the question at all. Of 234 essays on other questions of the same two trades 95 % are
# below 0.44; of 700 longer answers to the question itself that earned half or more, 95 % have 0.53 or more.
_TOPIC_FROM, _TOPIC_TO = 0.36, 0.50

# Only long texts need this: with more words, it is more likely that each idea matches a word by chance.
_LONG_FROM, _LONG_TO = 40, 100

# A smaller share of negated matches is a matter of wording.
_NEGATED_FROM, _NEGATED_TO = 0.10, 0.25

# The same for opposites.
_OPPOSITE_FROM, _OPPOSITE_TO = 0.10, 0.35

# From this share of function words out of place on, the words are in no order that a person writes.
_ORDER_FROM, _ORDER_TO = 0.13, 0.27


def measure_discounts(prompt: str, model_answer: str, answer: str, comparison: AnswerComparison) -> dict[str, float]:
    """Each of `DISCOUNTS`, 0–1, for an answer without what it copies from the prompt."""
    answer_words = words(answer)
    order = cues.disorder([words(sentence.text) for sentence in sentences(answer)])
    return {
        "far": _off_topic(comparison) * ramp(len(answer_words), _LONG_FROM, _LONG_TO),
        "conflict": _conflict(prompt, model_answer, answer, comparison),
        "disorder": ramp(order, _ORDER_FROM, _ORDER_TO),
        "listing": _listing(answer_words),
    }


def ramp(value: float, start: float, end: float) -> float:
    """0 up to `start`, 1 from `end` on, linear between."""
    return min(1.0, max(0.0, (value - start) / (end - start)))


def _off_topic(comparison: AnswerComparison) -> float:
    """How far off the topic the answer is, 0–1: as a whole, and piece by piece."""
    answer = comparison.answer
    whole = max(text_similarity(answer, comparison.question), text_similarity(answer, comparison.reference))
    pieces = comparison.piece_similarity.max(axis=0, initial=0.0)
    mean = float(pieces.mean()) if len(pieces) else 0.0
    return 1.0 - ramp((whole + mean) / 2, _TOPIC_FROM, _TOPIC_TO)


def _conflict(prompt: str, model_answer: str, answer: str, comparison: AnswerComparison) -> float:
    """How far the answer denies what the reference answer says, or states the opposite, 0–1."""
    if cues.starts_opposed(model_answer, answer):
        return 1.0
    reference, similarity = comparison.reference, comparison.similarity
    matched = np.flatnonzero((comparison.answer_match >= _SAME) & (reference.weight == 1.0))
    best = similarity[matched].argmax(axis=1) if len(matched) else matched
    novelty = comparison.novelty[matched]
    weights = novelty / max(float(novelty.sum()), _MIN_NOVELTY)
    negated = float(weights @ (reference.denied[matched] != comparison.answer.denied[best])) if len(matched) else 0.0
    # Paraphrases contain negations too; an answer that contradicts has more of them than the reference answer.
    surplus = _negated_share(comparison.answer) - _negated_share(reference)
    opposite = float(weights @ _opposites(comparison, matched, best, set(stems(answer)), set(stems(prompt))))
    return max(
        ramp(min(negated, surplus), _NEGATED_FROM, _NEGATED_TO),
        ramp(opposite, _OPPOSITE_FROM, _OPPOSITE_TO),
    )


def _negated_share(tokens: Tokens) -> float:
    return weighted_mean(tokens.denied.astype(np.float32), tokens.weight)


def _opposites(
    comparison: AnswerComparison, matched: Indexes, best: Indexes, answer_stems: set[str], prompt_stems: set[str]
) -> Floats:
    """1 where the best match is an opposite, the answer lacks the word itself, and the prompt does not have the
    opposite."""
    pairs = [
        (comparison.reference.words[index], comparison.answer.words[match])
        for index, match in zip(matched.tolist(), best.tolist(), strict=True)
    ]
    flags = [
        cues.are_opposites(word, match)
        and answer_stems.isdisjoint(stems(word))
        and prompt_stems.isdisjoint(stems(match))
        for word, match in pairs
    ]
    return np.array(flags, np.float32)


def _listing(answer_words: list[str]) -> float:
    plain = [word for word in answer_words if len(word) > 1 and word.isalpha()]
    share = sum(len(word) <= 3 and word in FUNCTION_WORDS for word in plain) / max(1, len(plain))
    return (1 - ramp(share, _PROSE_FROM, _PROSE_TO)) * ramp(len(plain), _LIST_FROM, _LIST_TO)
