"""Compares an answer with its question and the reference answer, word by word and piece by piece.

The pieces of the reference answer are its ideas.
"""

from dataclasses import dataclass

import numpy as np

from app.domain.essay.local_scoring.alignment import (
    Floats,
    Tokens,
    best_per_piece,
    normalize_rows,
    piece_vectors,
    similarities,
    sum_by_piece,
    weighted_mean,
)


@dataclass(frozen=True, slots=True)
class AnswerComparison:
    """The three texts, and how well the others match the reference answer; similarities are cosines."""

    question: Tokens
    reference: Tokens
    answer: Tokens
    similarity: Floats
    """Reference tokens (rows) by answer tokens."""
    answer_match: Floats
    """For each reference token, the similarity of the answer's most similar token."""
    question_match: Floats
    """The same for the question's tokens: what copying the question would reach."""
    novelty: Floats
    """The weight of each reference token, lower where the question already says it."""
    precision: float
    recall: Floats
    """Ideas (rows) by pieces of the answer: how well the piece matches the idea's words."""
    piece_similarity: Floats
    """Ideas (rows) by pieces of the answer: the cosine of their vectors."""
    meaning: float


def compare(question: Tokens, reference: Tokens, answer: Tokens) -> AnswerComparison:
    """The comparison of an answer with its question and reference answer; any of them may be without tokens."""
    similarity = similarities(reference, answer)
    question_match = similarities(reference, question).max(axis=1)
    novelty = reference.weight * np.clip(1 - question_match, 0, 1)
    known = similarities(answer, question).max(axis=1)
    matched = similarity.max(axis=0, initial=0.0)[: len(answer.words)]
    ideas, pieces = piece_vectors(reference), piece_vectors(answer)
    return AnswerComparison(
        question=question,
        reference=reference,
        answer=answer,
        similarity=similarity,
        answer_match=similarity.max(axis=1),
        question_match=question_match,
        novelty=novelty,
        precision=weighted_mean(matched, answer.weight * np.clip(1 - known, 0, 1)),
        recall=_recall(best_per_piece(similarity, answer), reference, novelty),
        piece_similarity=_product(ideas, pieces),
        meaning=_meaning(ideas, pieces, piece_vectors(question), reference, novelty),
    )


def idea_weights(reference: Tokens, novelty: Floats) -> Floats:
    """How much each idea of the reference answer says beyond the question."""
    return np.bincount(reference.piece, novelty, minlength=reference.piece_count).astype(np.float32)


def text_similarity(left: Tokens, right: Tokens) -> float:
    """The cosine of two whole texts, in which all pieces count the same; 0 for an empty text."""
    rows, columns = (normalize_rows(piece_vectors(text).sum(axis=0))[None] for text in (left, right))
    return float(_product(rows, columns)[0, 0])


def match_pieces(left: Tokens, right: Tokens) -> Floats:
    """For each piece of `right`, the cosine of the most similar piece of `left`; zeros where that has none."""
    best: Floats = _product(piece_vectors(left), piece_vectors(right)).max(axis=0, initial=0.0)
    return best


def best_half(match: Floats, novelty: Floats) -> float:
    """The recall of the half of the reference answer that the answer matches best: it may be a list to choose from."""
    order = np.argsort(-match, kind="stable")
    first = np.cumsum(novelty[order]) <= novelty.sum() / 2
    first[:1] = True
    return weighted_mean(match[order][first], novelty[order][first])


def _recall(best: Floats, reference: Tokens, novelty: Floats) -> Floats:
    totals: Floats = np.maximum(idea_weights(reference, novelty), 1e-6)[:, None]
    return sum_by_piece(reference, best * novelty[:, None]) / totals


def _meaning(ideas: Floats, pieces: Floats, question: Floats, reference: Tokens, novelty: Floats) -> float:
    """How similar the answer's pieces are to the ideas, without the direction that both share with the question."""
    if not len(pieces):
        return 0.0
    topic = normalize_rows(question.sum(axis=0)) if len(question) else np.zeros(pieces.shape[1], np.float32)
    similarity = _product(_without(ideas, topic), _without(pieces, topic))
    return weighted_mean(similarity.max(axis=1, initial=0.0), idea_weights(reference, novelty))


def _without(rows: Floats, topic: Floats) -> Floats:
    if rows.shape[1] != len(topic):
        return rows
    return normalize_rows(rows - np.outer(rows @ topic, topic))


def _product(rows: Floats, columns: Floats) -> Floats:
    if not (len(rows) and len(columns)) or rows.shape[1] != columns.shape[1]:
        return np.zeros((len(rows), len(columns)), np.float32)
    product: Floats = rows @ columns.T
    return product
