"""Discounts: answers off the topic, contradictions, words in random order and lists of keywords lose points."""

from collections.abc import Mapping

import numpy as np

from app.domain.essay.local_scoring import cues
from app.domain.essay.local_scoring.comparison import AnswerComparison, match_pieces, text_similarity
from app.domain.essay.local_scoring.lexical_analysis import FUNCTION_WORDS
from app.domain.text import sentences, words

DISCOUNTS: Mapping[str, float] = {"far": 0.9, "conflict": 0.75, "disorder": 0.9, "listing": 0.9}
"""The measures, 0–1, that take away a part of the estimate, with the largest part that each takes. They were set by
hand, since people's answers contain hardly any examples."""

# Lists differ from prose by their lack of function words; a short answer or a formula may have none. Only function
# words of up to three letters count: longer ones get into lists made of any text's longer words.
_LIST_FROM, _LIST_TO = 12, 30
_PROSE_FROM, _PROSE_TO = 0.03, 0.14

# Whether the answer is about the question at all. Of 90 essays on other questions of the same two trades 95 % are below
# 0.42, and the highest is 0.44; of 26 essays on the question itself, weak ones included, 95 % have 0.51 or more.
_TOPIC_FROM, _TOPIC_TO = 0.40, 0.50

# The rest of the weight is that of the mean over pieces, which tells better.
_WHOLE_WEIGHT = 0.3

# Only long texts need this: with more words, it is more likely that each idea matches a word by chance.
_LONG_FROM, _LONG_TO = 15, 45

# From this share of function words out of place on, the words are in no order that a person writes.
_ORDER_FROM, _ORDER_TO = 0.12, 0.24


def measure_discounts(answer: str, comparison: AnswerComparison, contradicted: float) -> dict[str, float]:
    """Each of `DISCOUNTS`, 0–1, for an answer without what it copies from the prompt, of which so much is contradicted
    by the reference answer."""
    answer_words = words(answer)
    order = cues.disorder([words(sentence.text) for sentence in sentences(answer)])
    return {
        "far": _off_topic(comparison) * ramp(len(answer_words), _LONG_FROM, _LONG_TO),
        "conflict": contradicted,
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
    pieces = np.maximum(comparison.piece_similarity.max(axis=0, initial=0.0), match_pieces(comparison.question, answer))
    mean = float(pieces.mean()) if len(pieces) else 0.0
    return 1.0 - ramp(_WHOLE_WEIGHT * whole + (1 - _WHOLE_WEIGHT) * mean, _TOPIC_FROM, _TOPIC_TO)


def _listing(answer_words: list[str]) -> float:
    plain = [word for word in answer_words if len(word) > 1 and word.isalpha()]
    share = sum(len(word) <= 3 and word in FUNCTION_WORDS for word in plain) / max(1, len(plain))
    return (1 - ramp(share, _PROSE_FROM, _PROSE_TO)) * ramp(len(plain), _LIST_FROM, _LIST_TO)
