"""The estimate of a score: a regression gives the total, and each dimension's own measures its share of it.

The rationales contain counts and percentages only, since students read them and the reference answer is used again.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.essay.local_scoring.alignment import EmbeddingsByText
from app.domain.essay.local_scoring.discounts import ramp
from app.domain.essay.local_scoring.features import Features, measure
from app.domain.essay.local_scoring.lexical_analysis import (
    group_windows,
    join_pieces,
    own_pieces,
    sample_pieces,
    split_pieces,
)
from app.domain.essay.local_scoring.point_split import split_points
from app.domain.essay.local_scoring.regression import load_regression
from app.domain.essay.score import Dimension, Dimensions, EssayScore, Evidence
from app.domain.text import count_of

VERSION = "local-2"

# Between these recalls of an idea's words it changes from not met to fully met.
_IDEA_FROM, _IDEA_TO = 0.35, 0.65

# The range of the mean similarity of the whole answer to the question and to the reference answer.
_SIMILAR_FROM, _SIMILAR_TO = 0.20, 0.80

# Good answers in words of their own share a quarter to a third of the reference answer's terms, by weight.
_FULL_TERM_SHARE = 0.40

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
        sample_pieces(own_pieces(answer, prompt)),
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
        dimensions=_dimensions(features, round(100 * share)),
    )


@dataclass(frozen=True, slots=True)
class _DimensionEstimate:
    """One dimension: the share of its points, the rationale, and the pieces that are quoted as evidence."""

    share: float
    rationale: str
    quoted: Iterable[int] = ()


def _dimensions(features: Features, total: int) -> Dimensions:
    findings = (_relevance(features), _depth(features), _clarity(features), _technical(features))
    points = split_points(total, [finding.share for finding in findings])
    relevance, depth, clarity, technical = (
        _dimension(features, finding, score) for finding, score in zip(findings, points, strict=True)
    )
    return Dimensions(relevance=relevance, depth=depth, clarity=clarity, technical=technical)


def _dimension(features: Features, finding: _DimensionEstimate, points: int) -> Dimension:
    quoted = [features.pieces[index] for index in finding.quoted]
    evidence = tuple(
        Evidence(quote=piece.text, start=piece.start, end=piece.end)
        for piece in quoted
        if len(piece.text) <= _MAX_QUOTE
    )
    return Dimension(score=points, rationale=finding.rationale, evidence=evidence)


def _relevance(features: Features) -> _DimensionEstimate:
    rationale = (
        f"By meaning, the answer is {_percent(features.prompt_similarity)} near the question "
        f"and {_percent(features.reference_similarity)} near the reference answer."
    )
    best = sorted(range(len(features.pieces)), key=lambda index: -features.piece_similarity[index])
    share = ramp((features.prompt_similarity + features.reference_similarity) / 2, _SIMILAR_FROM, _SIMILAR_TO)
    quoted = [index for index in best if features.piece_similarity[index] >= _IDEA_FROM][:2]
    return _DimensionEstimate(share, rationale + _excluded(features), quoted)


def _depth(features: Features) -> _DimensionEstimate:
    met = [_idea_met(recall) for recall in features.idea_recall]
    rationale = (
        f"Meets about {round(sum(met))} of {count_of(len(met), 'idea')} of the reference answer, "
        f"in {count_of(features.word_count, 'word')}."
    )
    pairs = zip(features.idea_recall, features.idea_piece, strict=True)
    best = [piece for recall, piece in sorted(pairs, reverse=True) if _idea_met(recall) >= 0.5]
    return _DimensionEstimate(_ratio(sum(met), len(met)), rationale, list(dict.fromkeys(best))[:3])


def _clarity(features: Features) -> _DimensionEstimate:
    rationale = (
        f"{count_of(round(features.sentence_words), 'word')} in a sentence on average; the most frequent "
        f"word is {_percent(features.repetition)} of its content words; "
        f"{_percent(features.uppercase_share)} capitals in longer words."
    )
    note = " Few of its words form English sentences." if _prose(features) < 1.0 else ""
    long_pieces = [index for index, piece in enumerate(features.pieces) if len(piece.text.split()) >= 40]
    return _DimensionEstimate(_readable(features) * _prose(features), rationale + note, long_pieces[:1])


def _technical(features: Features) -> _DimensionEstimate:
    rationale = f"Uses {_percent(features.term_share)} of the reference answer's terms, by weight."
    best = sorted(range(len(features.pieces)), key=lambda index: -features.piece_term_weight[index])
    quoted = [index for index in best if features.piece_term_weight[index] > 0][:2]
    return _DimensionEstimate(min(1.0, features.term_share / _FULL_TERM_SHARE), rationale, quoted)


def _confidence(features: Features, share: float) -> float:
    """The confidence that training found, lowered for what it has not seen: very long answers and other languages."""
    trained = load_regression().confidence(features.measures, share)
    length = 1.0 - 0.4 * ramp(features.word_count, 600, 1500)
    language = 0.2 + 0.8 * ramp(features.function_word_share, 0.04, 0.20)
    return round(trained * length * language, 2)


def _idea_met(recall: float) -> float:
    return ramp(recall, _IDEA_FROM, _IDEA_TO)


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


def _ratio(part: float, whole: int) -> float:
    return part / whole if whole else 0.0


def _percent(share: float) -> str:
    return f"{round(100 * min(1.0, max(0.0, share)))}%"
