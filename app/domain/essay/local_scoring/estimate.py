"""The estimate of a score: a regression gives the total, and each dimension's own measures its share of it.

Students read the score, and the reference answer is used again. So what is computed from it appears in coarse steps
only: points, confidence, and rationales. Quotes are chosen without it. Percentages to the point gave all words of a
reference answer away to whoever tried often enough.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.domain.essay.local_scoring.alignment import EmbeddingsByText
from app.domain.essay.local_scoring.discounts import ramp
from app.domain.essay.local_scoring.features import Features, measure
from app.domain.essay.local_scoring.lexical_analysis import (
    counted_pieces,
    group_windows,
    join_pieces,
    sample_pieces,
    split_pieces,
)
from app.domain.essay.local_scoring.point_split import POINT_STEP, split_points
from app.domain.essay.local_scoring.rationales import AMOUNTS, NEARNESS, ideas_met, level, what_was_off
from app.domain.essay.local_scoring.regression import confidence_for_error, load_regression
from app.domain.essay.score import Dimension, DimensionName, Dimensions, EssayScore, Evidence
from app.domain.text import count_of

VERSION = "local-4"

# The estimate is rounded to this; people's own scores differ by as much.
TOTAL_STEP = 2 * POINT_STEP

# What is compared with the reference answer counts and is shown in three bands.
_BAND_SHARES = (0.15, 0.5, 0.85)

# A dimension with more points than these has quotes. A piece is quoted if it is so near to the prompt, or has so many
# content words.
_FEW_POINTS, _NEAR, _MUCH_CONTENT = POINT_STEP, 0.35, 3

# Between these recalls of an idea's words it changes from not met to fully met.
_IDEA_FROM, _IDEA_TO = 0.35, 0.65

# The range of the mean similarity of the whole answer to the question and to the reference answer.
_SIMILAR_FROM, _SIMILAR_TO = 0.20, 0.80

# Good answers in words of their own share a quarter to a third of the reference answer's terms, by weight.
_FULL_TERM_SHARE = 0.40

# The errors that are added at most, as shares of the points: for long and for short answers, for another language, and
# for measures that training has hardly seen.
_LONG_ERROR, _SHORT_ERROR, _LANGUAGE_ERROR, _DISTANCE_ERROR = 0.15, 0.15, 0.5, 0.1

# From this discount on, the rationale says that the answer is off the topic.
_MUCH_OFF_TOPIC = 0.3

# A longer quote does not show which words count.
_MAX_QUOTE = 600


def texts_to_embed(prompt: str, model_answer: str, answer: str) -> tuple[str, ...]:
    """The texts whose embeddings `estimate` needs: the prompt and both answers in windows, without duplicates.

    At most 40 sentences of each, sampled evenly; sentences of more than 40 words in parts. Repetitions in the
    answer and what is copied from the prompt are left out.
    """
    parts = (
        sample_pieces(split_pieces(prompt)),
        sample_pieces(split_pieces(model_answer)),
        sample_pieces(counted_pieces(answer, prompt)),
    )
    return tuple(dict.fromkeys(join_pieces(window) for pieces in parts for window in group_windows(pieces)))


def estimate(prompt: str, model_answer: str, answer: str, embeddings: EmbeddingsByText) -> EssayScore:
    """The estimated score. Raises ValueError for a blank answer, KeyError for a text without embeddings."""
    if not answer.strip():
        raise ValueError("a blank answer is not estimated")
    features = measure(prompt, model_answer, answer, embeddings)
    share = load_regression().estimate(features.measures) if features.pieces else 0.0
    return EssayScore(
        scorer="local",
        model=VERSION,
        prompt_version=VERSION,
        confidence=_confidence(features, share),
        dimensions=_dimensions(features, TOTAL_STEP * round(100 * share / TOTAL_STEP)),
        figures=_figures(features, share),
    )


@dataclass(frozen=True, slots=True)
class _DimensionEstimate:
    """One dimension: the share of its points, what they are based on, and the pieces that are quoted with it."""

    name: DimensionName
    share: float
    basis: str
    quoted: Iterable[int] = ()


def _dimensions(features: Features, total: int) -> Dimensions:
    findings = (_relevance(features), _depth(features), _clarity(features), _technical(features))
    points = split_points(total, [finding.share for finding in findings])
    relevance, depth, clarity, technical = (
        _dimension(features, finding, score) for finding, score in zip(findings, points, strict=True)
    )
    return Dimensions(relevance=relevance, depth=depth, clarity=clarity, technical=technical)


def _dimension(features: Features, finding: _DimensionEstimate, points: int) -> Dimension:
    quoted = [features.pieces[index] for index in finding.quoted] if points > _FEW_POINTS else []
    evidence = tuple(
        Evidence(quote=piece.text, start=piece.start, end=piece.end)
        for piece in quoted
        if len(piece.text) <= _MAX_QUOTE
    )
    return Dimension(score=points, rationale=f"{level(finding.name, points)} {finding.basis}", evidence=evidence)


def _relevance(features: Features) -> _DimensionEstimate:
    to_question, to_reference = (
        _band(ramp(similarity, _SIMILAR_FROM, _SIMILAR_TO))
        for similarity in (features.prompt_similarity, features.reference_similarity)
    )
    rationale = (
        f"By meaning, the answer is {NEARNESS[to_question]} the question "
        f"and {NEARNESS[to_reference]} the expected answer."
    )
    best = _highest(features.piece_prompt_similarity, 2, at_least=_NEAR)
    share = (_BAND_SHARES[to_question] + _BAND_SHARES[to_reference]) / 2
    return _DimensionEstimate(
        DimensionName.RELEVANCE, share, rationale + _excluded(features) + _off_topic(features), best
    )


def _depth(features: Features) -> _DimensionEstimate:
    met = _band(_ratio(_ideas_met(features), len(features.idea_recall)))
    basis = f"{ideas_met(features)} {count_of(features.word_count, 'word')} count."
    return _DimensionEstimate(
        DimensionName.DEPTH, _BAND_SHARES[met], basis, _highest(features.piece_content, 3, at_least=_MUCH_CONTENT)
    )


def _clarity(features: Features) -> _DimensionEstimate:
    rationale = (
        f"{count_of(round(features.sentence_words), 'word')} in a sentence on average; the most frequent "
        f"word is {_percent(features.repetition)} of its content words; "
        f"{_percent(features.uppercase_share)} capitals in longer words."
    )
    note = " Few of its words form English sentences." if _prose(features) < 1.0 else ""
    long_pieces = [index for index, piece in enumerate(features.pieces) if len(piece.text.split()) >= 40]
    share = _readable(features) * _prose(features)
    return _DimensionEstimate(DimensionName.CLARITY, share, rationale + note, long_pieces[:1])


def _technical(features: Features) -> _DimensionEstimate:
    used = _band(features.term_share / _FULL_TERM_SHARE)
    basis = f"The answer uses {AMOUNTS[used]} of the expected terms.{what_was_off(features.contradictions)}"
    return _DimensionEstimate(
        DimensionName.TECHNICAL, _BAND_SHARES[used], basis, _highest(features.piece_long_words, 2, at_least=1)
    )


def _band(share: float) -> int:
    """The third that a share is in."""
    return min(len(_BAND_SHARES) - 1, math.floor(max(0.0, share) * len(_BAND_SHARES)))


def _highest(values: Sequence[float], count: int, at_least: float) -> list[int]:
    """The indexes of the highest values, up to so many."""
    order = sorted(range(len(values)), key=lambda index: -values[index])
    return [index for index in order if values[index] >= at_least][:count]


def _figures(features: Features, share: float) -> dict[str, float]:
    """The exact figures behind the points, for advisors and admins."""
    return {
        "estimate": round(100 * share, 2),
        "expected_error": round(_expected_error(features, share), 4),
        "expected_binary_error": round(_expected_error(features, share, binary=True), 4),
        "confidence": round(confidence_for_error(_expected_error(features, share)), 4),
        "reference_similarity": round(features.reference_similarity, 4),
        "ideas": len(features.idea_recall),
        "ideas_met": round(_ideas_met(features), 2),
        "term_share": round(features.term_share, 4),
    }


def _confidence(features: Features, share: float) -> float:
    """The exact confidence, rounded down to tenths."""
    return math.floor(10 * confidence_for_error(_expected_error(features, share))) / 10


def _expected_error(features: Features, share: float, *, binary: bool = False) -> float:
    """The absolute error, as a share of the points, that training expects; more for what it has hardly seen. `binary`
    for graders who give all points or none."""
    regression = load_regression()
    trained = regression.expected_error(features.measures, share, binary=binary)
    distance = _DISTANCE_ERROR * ramp(regression.distance(features.measures), 2, 4)
    return min(1.0, trained + unusual_text_error(features) + distance)


def unusual_text_error(features: Features) -> float:
    """What is added to the expected error for texts that training has hardly seen: long, short, or with few English
    words."""
    length = _LONG_ERROR * ramp(features.word_count, 300, 1500) + _SHORT_ERROR * (1 - ramp(features.word_count, 5, 20))
    return length + _LANGUAGE_ERROR * (1 - ramp(features.function_word_share, 0.04, 0.20))


def _ideas_met(features: Features) -> float:
    """How many ideas of the reference answer are met; some may be met in part."""
    return sum(ramp(recall, _IDEA_FROM, _IDEA_TO) for recall in features.idea_recall)


def _prose(features: Features) -> float:
    return 1.0 - max(features.measures["listing"], features.measures["disorder"])


def _readable(features: Features) -> float:
    # Readable prose has 10 to 25 words in a sentence; 60 are too many to follow, below 5 nothing is connected.
    flow = 1.0 - 0.5 * ramp(features.sentence_words, 25, 60) - 0.4 * (1 - ramp(features.sentence_words, 2, 7))
    # The topic's own word takes up to 10 %; in short answers the share is high by chance.
    variety = 1.0 - 0.5 * ramp(features.repetition, 0.12, 0.40)
    calm = 1.0 - 0.4 * ramp(features.uppercase_share, 0.2, 0.8)
    return flow * variety * calm


def _excluded(features: Features) -> str:
    if not features.excluded_pieces:
        return ""
    return f" {count_of(features.excluded_pieces, 'part')} repeated from the question or the answer not counted."


def _off_topic(features: Features) -> str:
    return " Much of it is about something else." if features.measures["far"] >= _MUCH_OFF_TOPIC else ""


def _ratio(part: float, whole: int) -> float:
    return part / whole if whole else 0.0


def _percent(share: float) -> str:
    return f"{round(100 * min(1.0, max(0.0, share)))}%"
