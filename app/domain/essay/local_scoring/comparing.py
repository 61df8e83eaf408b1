"""The question, the reference answer and an answer held against each other, word by word and thought by thought."""

from dataclasses import dataclass

import numpy as np

from app.domain.essay.local_scoring.alignment import (
    Numbers,
    Tokens,
    best_in_pieces,
    mean,
    nearness,
    piece_vectors,
    sum_by_piece,
    unit,
)


@dataclass(frozen=True, slots=True)
class View:
    """The three texts, and for each word of the reference answer what the others have of it; nearness is a cosine."""

    asked: Tokens
    reference: Tokens
    given: Tokens
    near: Numbers
    """Reference tokens by answer tokens."""
    found: Numbers
    """For each reference token, the nearest of the answer's."""
    told: Numbers
    """For each reference token, the nearest of the question's: what copying the question would get."""
    news: Numbers
    """The weight of each reference token, less where the question says it already."""
    precision: float
    recall: Numbers
    """Ideas by thoughts: how near the thought comes to the idea's words."""
    vectors: Numbers
    """Ideas by thoughts: the cosine of their vectors."""
    meaning: float


def compare(asked: Tokens, reference: Tokens, given: Tokens) -> View:
    """The view of a question, its reference answer and an answer; any of them may be without tokens."""
    near = nearness(reference, given)
    told = nearness(reference, asked).max(axis=1)
    news = reference.weight * np.clip(1 - told, 0, 1)
    known = nearness(given, asked).max(axis=1)
    matched = near.max(axis=0, initial=0.0)[: len(given.words)]
    ideas, thoughts = piece_vectors(reference), piece_vectors(given)
    return View(
        asked=asked,
        reference=reference,
        given=given,
        near=near,
        found=near.max(axis=1),
        told=told,
        news=news,
        precision=mean(matched, given.weight * np.clip(1 - known, 0, 1)),
        recall=_recall(best_in_pieces(near, given), reference, news),
        vectors=_product(ideas, thoughts),
        meaning=_meaning(ideas, thoughts, piece_vectors(asked), reference, news),
    )


def _recall(best: Numbers, reference: Tokens, news: Numbers) -> Numbers:
    totals: Numbers = np.maximum(idea_weights(reference, news), 1e-6)[:, None]
    return sum_by_piece(reference, best * news[:, None]) / totals


def idea_weights(reference: Tokens, news: Numbers) -> Numbers:
    """How much each idea of the reference answer says beyond the question."""
    return np.bincount(reference.piece, news, minlength=reference.pieces).astype(np.float32)


def _meaning(ideas: Numbers, thoughts: Numbers, asked: Numbers, reference: Tokens, news: Numbers) -> float:
    """How near the thoughts come to the ideas, what both share with the question left out."""
    if not len(thoughts):
        return 0.0
    topic = unit(asked.sum(axis=0)) if len(asked) else np.zeros(thoughts.shape[1], np.float32)
    near = _product(_without(ideas, topic), _without(thoughts, topic))
    return mean(near.max(axis=1, initial=0.0), idea_weights(reference, news))


def _without(rows: Numbers, topic: Numbers) -> Numbers:
    if rows.shape[1] != len(topic):
        return rows
    return unit(rows - np.outer(rows @ topic, topic))


def _product(one: Numbers, other: Numbers) -> Numbers:
    if not (len(one) and len(other)) or one.shape[1] != other.shape[1]:
        return np.zeros((len(one), len(other)), np.float32)
    product: Numbers = one @ other.T
    return product


def whole(one: Tokens, other: Tokens) -> float:
    """The cosine of two texts as wholes, each of their pieces counting the same; 0 for an empty one."""
    return float(
        _product(unit(piece_vectors(one).sum(axis=0))[None], unit(piece_vectors(other).sum(axis=0))[None])[0, 0]
    )


def best_half(found: Numbers, news: Numbers) -> float:
    """The recall of that half of the reference answer that the answer meets best: it may be a list to choose from."""
    order = np.argsort(-found, kind="stable")
    first = np.cumsum(news[order]) <= news.sum() / 2
    first[:1] = True
    return mean(found[order][first], news[order][first])
